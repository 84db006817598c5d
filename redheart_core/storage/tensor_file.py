"""The bytes of a safetensors file, tensor after tensor, so that no file is in memory beside its tensors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import attrs
import torch
from torch import Tensor

DTYPES = {
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Their names in the header. The tensors of a file lie in this order of types, those of one type by their names, as
the safetensors library has them, so that equal tensors are equal bytes whoever writes them."""
_TYPES = {name: dtype for dtype, name in DTYPES.items()}
_BLOCK = 1 << 20
"""Bytes that are hashed while they are in the processor's cache."""


def tensor_file(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """The parts of a safetensors file: the length of the header (8 bytes, little-endian), the header, the tensors.

    Args:
        tensors: On any device; each is copied by itself, and only if it is on another one or not contiguous.
    """
    order = {dtype: number for number, dtype in enumerate(DTYPES)}
    names = sorted(tensors, key=lambda name: (order[tensors[name].dtype], name.encode()))
    header, end = dict[str, object](), 0
    for name in names:
        tensor, begin = tensors[name], end
        end += tensor.nbytes
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        if flat.numel():
            yield flat.view(torch.uint8).numpy().data


def read_tensor_file(file: BinaryIO, size: int, into: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and the SHA-256 of the file; every byte of it is read once.

    Args:
        file: At its beginning.
        size: Of the file.
        into: Where tensors of these names go, if type and shape are the same and they are contiguous in the memory of
            the processor; others get memory of their own.

    Raises:
        ValueError: It is no such file; nothing says yet that it is damaged.
    """
    digest = hashlib.sha256()

    def fill(memory: memoryview) -> memoryview:
        for start in range(0, len(memory), _BLOCK):
            part = memory[start : start + _BLOCK]
            if file.readinto(part) != len(part):  # type: ignore[attr-defined] # BinaryIO leaves it out
                raise ValueError("it ends too early")
            digest.update(part)
        return memory

    length = int.from_bytes(fill(memoryview(bytearray(8))), "little") if size >= 8 else size
    if length > size - 8:
        raise ValueError("it has no header")
    tensors = {}
    for name, entry in _entries(bytes(fill(memoryview(bytearray(length)))), size - 8 - length).items():
        tensor = into.get(name)
        if tensor is None or not entry.fits(tensor):
            tensor = torch.empty(entry.shape, dtype=entry.dtype)
        if tensor.numel():
            fill(tensor.reshape(-1).view(torch.uint8).numpy().data)
        tensors[name] = tensor
    return tensors, digest.hexdigest()


@attrs.frozen
class _Entry:
    """What the header says of a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    def fits(self, tensor: Tensor) -> bool:
        """Whether a tensor's own memory can hold it."""
        same = (tensor.dtype, tuple(tensor.shape)) == (self.dtype, self.shape)
        return same and tensor.is_contiguous() and tensor.device.type == "cpu" and not tensor.requires_grad


def _entries(header: bytes, size: int) -> dict[str, _Entry]:
    """The tensors of a header in the order of the file, which they fill.

    Raises:
        ValueError: They do not, or the header is no such thing.
    """
    found, end = dict[str, _Entry](), 0
    try:
        table = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        for name, entry in sorted(table.items(), key=lambda item: tuple(item[1]["data_offsets"])):
            shape, (begin, after) = tuple(map(int, entry["shape"])), entry["data_offsets"]
            found[name] = _Entry(_TYPES[entry["dtype"]], shape)
            nbytes = math.prod(shape) * found[name].dtype.itemsize
            if min(shape, default=0) < 0 or (begin, after) != (end, end + nbytes):
                raise ValueError(f"'{name}' is not where the header says")
            end = after
    except (AttributeError, KeyError, TypeError, RecursionError) as reason:
        raise ValueError("its header is of another form") from reason
    if end != size:
        raise ValueError("its tensors are not all of it")
    return found
