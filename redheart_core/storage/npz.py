"""Arrays of an NPZ file, in any thread.

NumPy reads the header of an array with ast.literal_eval. CPython before 3.12 counts the depth of such a parse once for
the whole process: where garbage collection hands over to another thread in between, and that one parses too, both are
refused with "AST constructor recursion depth mismatch" (gh-106905). So headers are read one at a time.
"""

from __future__ import annotations

from threading import Lock
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_HEADERS = Lock()
_SUFFIX = ".npy"
_PIECE = 256 * 1024
"""Bytes that are unpacked at a time, which stay in a cache."""


def read_npz(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    """All arrays by name.

    Raises:
        OSError: The file cannot be read.
        ValueError: An array is damaged, or holds Python objects.
        zipfile.BadZipFile, zlib.error: It is no whole NPZ file.
    """
    with ZipFile(file) as archive:
        return {name: read_array(archive, name) for name in array_names(archive)}


def array_names(archive: ZipFile) -> list[str]:
    """Those of its arrays, in the order of the file."""
    return [name.removesuffix(_SUFFIX) for name in archive.namelist() if name.endswith(_SUFFIX)]


def read_array(archive: ZipFile, name: str) -> NDArray[Any]:
    """One array, which several threads may unpack at once from one archive; errors are those of read_npz."""
    from math import prod

    import numpy as np
    from numpy.lib import format as npy

    with archive.open(name + _SUFFIX) as member:
        version = npy.read_magic(member)
        with _HEADERS:
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, columns_first, dtype = read_header(member)
        if dtype.hasobject:
            raise ValueError(f"array '{name}' holds Python objects; expects numbers")
        content = bytearray()
        while piece := member.read(_PIECE):
            content += piece
        if len(content) != (size := prod(shape) * dtype.itemsize):
            raise ValueError(f"array '{name}' of shape {shape} expects {size} bytes, the file has {len(content)}")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape[::-1]).T if columns_first else flat.reshape(shape)
