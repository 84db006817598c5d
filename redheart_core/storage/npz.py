"""Arrays of an NPZ file, in any thread.

NumPy reads the header of an array with ast.literal_eval. CPython before 3.12 counts the depth of such a parse once for
the whole process: where garbage collection hands over to another thread in between, and that one parses too, both are
refused with "AST constructor recursion depth mismatch" (gh-106905). So headers are read one at a time.
"""

from __future__ import annotations

import struct
from io import BytesIO
from math import prod
from threading import Lock
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
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
    import numpy as np

    with archive.open(name + _SUFFIX) as member:
        shape, columns_first, dtype = _header(member, name)
        content = bytearray()
        while piece := member.read(_PIECE):
            content += piece
        _check_size(name, shape, prod(shape) * dtype.itemsize, len(content))
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape[::-1]).T if columns_first else flat.reshape(shape)


def stored_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """All arrays by name of a file whose members are stored as they are, in place: nothing is copied, and nobody can
    write to them.

    CRCs are not compared, so that the content has to come from something that has its own.

    Raises:
        ValueError: An array is compressed, has its columns first, is damaged or holds Python objects.
        zipfile.BadZipFile: It is no whole NPZ file.
    """
    import numpy as np

    found = {}
    with ZipFile(BytesIO(content)) as archive:
        for name in array_names(archive):
            info = archive.getinfo(name + _SUFFIX)
            with archive.open(info) as member:
                shape, columns_first, dtype = _header(member, name)
                header = member.tell()
            if info.compress_type != ZIP_STORED or columns_first:
                raise ValueError(f"array '{name}' is compressed or has its columns first; read it with read_npz")
            _check_size(name, shape, prod(shape) * dtype.itemsize, info.file_size - header)
            # APPNOTE.TXT of ZIP, 4.3.7: behind 30 bytes, the last of which are their sizes, a name and further fields
            sizes = struct.unpack_from("<HH", content, info.header_offset + 26)
            first = info.header_offset + 30 + sum(sizes) + header
            found[name] = np.frombuffer(content, dtype, prod(shape), first).reshape(shape)
    return found


class ArrayRows:
    """The rows of an array of two dimensions, unpacked up to the last one that was asked for.

    One thread at a time may ask. What the archive reads from stays open and must not change.

    Raises:
        ValueError: The array has another number of dimensions, or its columns stand first; else as read_npz, also of
            a row that is asked for later.
    """

    def __init__(self, archive: ZipFile, name: str) -> None:
        import numpy as np

        self._name, self._member = name, archive.open(name + _SUFFIX)
        shape, columns_first, dtype = _header(self._member, name)
        if len(shape) != 2 or columns_first:
            raise ValueError(f"array '{name}' of shape {shape} has to have two dimensions, row by row")
        self._rows, self._width = np.empty(shape, dtype), shape[1] * dtype.itemsize
        self.unpacked = 0
        """How many rows there are by now."""

    def __getitem__(self, row: int) -> NDArray[Any]:
        """A row.

        Raises:
            IndexError: The array has fewer.
        """
        while self.unpacked <= row < len(self._rows):
            first = self.unpacked
            last = min(first + max(1, _PIECE // self._width), len(self._rows))
            content = self._member.read((last - first) * self._width)
            _check_size(self._name, self._rows.shape, last * self._width, first * self._width + len(content))
            self._rows[first:last].reshape(-1).view("u1")[:] = memoryview(content)
            self.unpacked = last
        found: NDArray[Any] = self._rows[row]
        return found


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns stand first, and type of the array that begins here."""
    from numpy.lib import format as npy

    version = npy.read_magic(member)
    with _HEADERS:
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, columns_first, dtype = read_header(member)
    if dtype.hasobject:
        raise ValueError(f"array '{name}' holds Python objects; expects numbers")
    return shape, columns_first, dtype


def _check_size(name: str, shape: tuple[int, ...], expected: int, found: int) -> None:
    if found != expected:
        raise ValueError(f"array '{name}' of shape {shape} expects {expected} bytes, the file has {found}")
