"""Files that are whole or absent: atomic, durable writes, and reads that verify."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.storage.guard import FileError as FileError
from redheart_core.storage.guard import cleaning_up
from redheart_core.storage.guard import writing as writing
from redheart_core.storage.jsonlines import parse_json
from redheart_core.storage.temporary import remove_stale, temporary_path

if TYPE_CHECKING:
    from torch import Tensor


def write_atomically(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file so that a kill or a failure leaves the old one or the new one, whole and on disk.

    What processes that were killed left unfinished in the folder is removed first.

    Args:
        path: Where; its folder exists.
        writer: Writes the contents into the open file that it is given.

    Raises:
        FileError: Disk full, no permission or the like; the old file is untouched.
    """
    temporary = temporary_path(path)
    with writing(path):
        remove_stale(path.parent)
        with cleaning_up(lambda: remove_file(temporary)):
            with temporary.open("xb") as file:
                writer(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        sync(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically.

    Raises:
        FileError: As write_atomically.
    """
    write_atomically(path, lambda file: file.write(data))


def to_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys: equal values, equal bytes.

    Raises:
        ValueError: A number is not finite, which JSON cannot hold; write None instead.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1).encode() + b"\n"


def read_json(path: Path, error: type[RedheartError] = CheckpointError) -> Any:
    """The value of a JSON file that another library wrote; those of this one are sealed (redheart_core.storage.sealed).

    Raises:
        RedheartError: Of the class error: the file is missing or is not JSON.
    """
    data = read_bytes(path, error)
    try:
        return parse_json(data)
    except (ValueError, RecursionError) as reason:
        raise error(f"{path} is damaged: not JSON ({reason}); restore it from a copy or make it anew") from reason


def read_bytes(path: Path, error: type[RedheartError] = CheckpointError) -> bytes:
    """The bytes of a regular file.

    Raises:
        RedheartError: Of the class error: missing, a device, a pipe or a folder, or the system cannot read it.
    """
    with _opened(path, error) as file:
        return file.read()


def sha256(path: Path, error: type[RedheartError] = CheckpointError) -> str:
    """The SHA-256 of a regular file's bytes, in hexadecimal.

    Raises:
        RedheartError: Of the class error, as read_bytes.
    """
    with _opened(path, error) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_file(path: Path, error: type[RedheartError] = CheckpointError) -> None:
    """Refuse a path at which there is no regular file; what is in it is not looked at.

    Raises:
        RedheartError: Of the class error, as read_bytes.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise error(f"{path} is no regular file; restore it from a copy or make it anew")
    except OSError as reason:
        raise _unreadable(path, reason, error) from reason


@contextmanager
def _opened(path: Path, error: type[RedheartError]) -> Iterator[BufferedReader]:
    """A regular file, open for reading; a device or pipe might never end."""
    require_file(path, error)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as reason:
        raise _unreadable(path, reason, error) from reason


def check_sha256(path: Path, expected: str, error: type[RedheartError] = CheckpointError) -> None:
    """Refuse a file that is not the recorded one, bit for bit.

    Raises:
        RedheartError: Of the class error: missing, or another SHA-256; names file and both hashes.
    """
    _require_same(path, sha256(path, error), expected, error)


def _require_same(path: Path, found: str, expected: str, error: type[RedheartError]) -> None:
    if found != expected:
        raise error(
            f"{path} is damaged or was replaced: its SHA-256 is {found}, recorded is {expected}; "
            "restore it from a copy or make it anew"
        )


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write a safetensors file atomically; equal tensors, equal bytes.

    Returns:
        The SHA-256 of the file.

    Raises:
        FileError: As write_atomically.
    """
    from redheart_core.storage.tensor_file import tensor_file  # with torch, which readers of plain files do without

    digest = hashlib.sha256()

    def write(file: BinaryIO) -> None:
        for part in tensor_file(tensors):
            digest.update(part)
            file.write(part)

    write_atomically(path, write)
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """As save_tensors, where the SHA-256 is known.

    Raises:
        FileError: As write_atomically.
    """
    from redheart_core.storage.tensor_file import tensor_file  # as above

    write_atomically(path, lambda file: file.writelines(tensor_file(tensors)))


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of the file that save_tensors would write."""
    from redheart_core.storage.tensor_file import tensor_file  # as above

    digest = hashlib.sha256()
    for part in tensor_file(tensors):
        digest.update(part)
    return digest.hexdigest()


def load_tensors(
    path: Path,
    expected_sha256: str,
    error: type[RedheartError] = CheckpointError,
    into: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    """Read what save_tensors wrote, and verify it on the way.

    Args:
        path: The file.
        expected_sha256: Of the file.
        error: Class of the error.
        into: Tensors whose memory is taken where it fits those of their names; after an error nobody knows what is in
            it.

    Raises:
        RedheartError: Of the class error: the file is missing, or its SHA-256 is another.
    """
    from redheart_core.storage.tensor_file import read_tensor_file  # as above

    with _opened(path, error) as file:
        try:
            tensors, found = read_tensor_file(file, os.fstat(file.fileno()).st_size, into)
        except ValueError as reason:
            check_sha256(path, expected_sha256, error)  # what is damaged is called so
            raise error(f"{path} is no safetensors file ({reason}); make it anew") from reason
    _require_same(path, found, expected_sha256, error)
    return tensors


def make_folder(path: Path) -> None:
    """Make a folder with its parents; one that is there already is fine.

    Raises:
        FileError: No permission, or a file is in the way.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk.

    Raises:
        FileError: The disk fails.
    """
    with writing(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_file(path: Path) -> None:
    """Remove a file; one that is gone already is fine.

    Raises:
        FileError: No permission, a failing disk or the like.
    """
    with writing(path):
        path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that it holds; one that is gone already is fine.

    Raises:
        FileError: As remove_file.
    """
    with writing(path):
        if path.exists():
            shutil.rmtree(path)


def _unreadable(path: Path, reason: OSError, error: type[RedheartError]) -> RedheartError:
    if isinstance(reason, FileNotFoundError):
        return error(f"{path} is missing; restore it from a copy or make it anew")
    return error(f"{path} cannot be read: {reason.strerror or reason}")
