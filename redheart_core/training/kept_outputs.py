"""Outputs of finished groups that are computed once for each weights, and shared by all who read them."""

from __future__ import annotations

from redheart_core.data.lower_outputs import LowerOutputs

KEPT_BYTES = 1 << 30
"""On the disk of temporary files, beyond which outputs that have not been read for longest are computed again."""


class KeptOutputs:
    """Outputs by identity, within a limit of bytes; those that a source reads last as long as it reads them."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._kept: dict[str, LowerOutputs] = {}

    def take(self, identity: str) -> LowerOutputs | None:
        """The outputs of an identity, None if they are not kept; who takes them adds to them and puts them back."""
        return self._kept.pop(identity, None)

    def put(self, outputs: LowerOutputs) -> None:
        """Keep outputs; those that were put here longest ago are forgotten where the limit asks for it."""
        self._kept[outputs.identity] = outputs
        while sum(kept.bytes for kept in self._kept.values()) > self._limit:
            self._kept.pop(next(iter(self._kept)))
