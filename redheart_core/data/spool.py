"""Arrays that grow on disk instead of in memory."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from redheart_core.storage.files import writing

IN_MEMORY = 1 << 18
"""Bytes up to which no file is opened."""


class Spool:
    """Rows of one type and shape in an unnamed file that goes with the process; few of them are held in memory."""

    def __init__(self, dtype: npt.DTypeLike, shape: tuple[int, ...] = (), folder: Path | None = None) -> None:
        """Begin without a row.

        Args:
            dtype: Of a number.
            shape: Of a row.
            folder: On whose disk the file lies; that of the system's temporary files if left out.
        """
        self.dtype = np.dtype(dtype)
        self.shape = shape
        self._folder = folder or Path(tempfile.gettempdir())
        self._held: list[NDArray[Any]] = []
        self._file: BinaryIO | None = None
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def bytes(self) -> int:
        """Of all rows."""
        return self._rows * int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, *shape) rows.

        Raises:
            FileError: Disk full or the like.
        """
        self._held.append(np.array(rows, dtype=self.dtype, order="C"))
        self._rows += len(rows)
        if self.in_file or self.bytes > IN_MEMORY:
            self._write()

    def array(self) -> NDArray[Any]:
        """All rows, (N, *shape), memory-mapped if there is a file; writing to them changes nothing that is kept."""
        if self._rows == 0 or 0 in self.shape:
            return np.empty((self._rows, *self.shape), self.dtype)
        if self._file is None:
            return np.concatenate(self._held)
        with writing(self._folder):
            self._file.flush()
        return np.asarray(np.memmap(self._file, self.dtype, mode="c", shape=(self._rows, *self.shape)))

    @property
    def in_file(self) -> bool:
        """Whether the rows lie in a file."""
        return self._file is not None

    def _write(self) -> None:
        """Move what is held in memory to the end of the file."""
        with writing(self._folder):
            if self._file is None:
                self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  # ends with self
                weakref.finalize(self, self._file.close)
            for rows in self._held:
                self._file.write(rows.data)
        self._held = []
