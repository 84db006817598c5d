"""Outputs of finished groups that the groups above read, on disk unless they are small."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.data.spool import Spool


class LowerOutputs:
    """Outputs of a finished group for some records, each computed once; records may be added.

    An output with chunks is kept as one row per real chunk; others as one row per record.

    Args:
        chunk_counts: Of all records of the store.
        chunked: Names of the outputs with chunks.
        identity: Equal for outputs that are the same function of a record.
    """

    def __init__(self, chunk_counts: Tensor, chunked: Collection[str] = (), identity: str = "") -> None:
        self.identity = identity
        self.chunked = frozenset(chunked)
        self._counts = chunk_counts
        self._spools: dict[str, Spool] = {}
        self._tensors: dict[str, Tensor] = {}
        self._position = torch.full((len(chunk_counts),), -1)
        self._offsets = torch.zeros(1, dtype=torch.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """ "node.output" of what is here."""
        return tuple(self._spools)

    @property
    def bytes(self) -> int:
        """Of all outputs."""
        return sum(spool.bytes for spool in self._spools.values())

    def bytes_of(self, rows: Tensor) -> int:
        """That all outputs of some records would take, by those that are here; 0 if there are none."""
        counts = {name: int(self._counts[rows].sum()) if name in self.chunked else len(rows) for name in self._spools}
        return sum(spool.bytes // max(len(spool), 1) * counts[name] for name, spool in self._spools.items())

    @property
    def files(self) -> int:
        """How many files are open for them."""
        return sum(spool.in_file for spool in self._spools.values())

    def gives(self, names: Collection[str]) -> bool:
        """Whether all of these outputs are here, for the records that are."""
        return set(names) <= self._spools.keys()

    def holds(self, rows: Tensor) -> bool:
        """Whether the outputs of all these records are here."""
        return bool((self._position[rows] >= 0).all())

    def append(self, rows: Tensor, outputs: Mapping[str, Tensor]) -> None:
        """Add records.

        Args:
            rows: (B,) their row numbers; none is here yet.
            outputs: Each name to (B, *shape), or the real chunks of all of them, one after another.
        """
        start = len(self._offsets) - 1
        self._position[rows] = torch.arange(start, start + len(rows))
        self._offsets = torch.cat([self._offsets, self._offsets[-1] + self._counts[rows].cumsum(0)])
        self._tensors = {}
        for name, tensor in outputs.items():
            numbers = tensor.cpu().numpy()
            if name not in self._spools:
                self._spools[name] = Spool(numbers.dtype, numbers.shape[1:])
            self._spools[name].append(numbers)

    def batch(self, name: str, rows: Tensor, chunks: int) -> Tensor:
        """(B, *shape), zero-padded to (B, T, ...) if the output has chunks.

        Raises:
            DataError: It was not computed for some of the rows.
        """
        tensor, places = self._mapped(name), self._position[rows]
        if bool((places < 0).any()):
            raise DataError(f"'{name}' was not computed for {int((places < 0).sum())} of {len(rows)} records")
        if name not in self.chunked:
            return tensor[places]
        padded = tensor.new_zeros((len(rows), chunks, *tensor.shape[1:]))
        for index, place in enumerate(places.tolist()):
            start, end = self._offsets[place : place + 2].tolist()
            padded[index, : end - start] = tensor[start:end]
        return padded

    def _mapped(self, name: str) -> Tensor:
        if name not in self._tensors:
            self._tensors[name] = torch.from_numpy(self._spools[name].array())
        return self._tensors[name]
