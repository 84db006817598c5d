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


class Spool:
    """Rows of one type and shape in an unnamed file that goes with the process."""

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
        with writing(self._folder):
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  # ends with self
        weakref.finalize(self, self._file.close)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def bytes(self) -> int:
        """On disk."""
        return self._rows * int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, *shape) rows.

        Raises:
            FileError: Disk full or the like.
        """
        with writing(self._folder):
            self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        self._rows += len(rows)

    def array(self) -> NDArray[Any]:
        """All rows, (N, *shape), memory-mapped; writing to them changes nothing on disk."""
        with writing(self._folder):
            self._file.flush()
        if self._rows == 0 or 0 in self.shape:
            return np.empty((self._rows, *self.shape), self.dtype)
        return np.asarray(np.memmap(self._file, self.dtype, mode="c", shape=(self._rows, *self.shape)))
