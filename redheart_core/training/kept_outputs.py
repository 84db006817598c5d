"""Outputs of finished groups that are computed once for each weights, and shared by all who read them."""

from __future__ import annotations

from redheart_core.data.lower_outputs import LowerOutputs

KEPT_BYTES = 1 << 30
KEPT_FILES = 200
"""Of temporary files; beyond either limit, outputs that have not been read for longest are computed again."""


class KeptOutputs:
    """Outputs by identity, within limits; those that a source reads last as long as it reads them."""

    def __init__(self, most_bytes: int = KEPT_BYTES, most_files: int = KEPT_FILES) -> None:
        self._most_bytes, self._most_files = most_bytes, most_files
        self._kept: dict[str, LowerOutputs] = {}

    def take(self, identity: str) -> LowerOutputs | None:
        """The outputs of an identity, None if they are not kept; who takes them adds to them and puts them back."""
        return self._kept.pop(identity, None)

    def put(self, outputs: LowerOutputs) -> None:
        """Keep outputs; those that were put here longest ago are forgotten where the limits ask for it."""
        self._kept[outputs.identity] = outputs
        while self._is_too_much():
            self._kept.pop(next(iter(self._kept)))

    def _is_too_much(self) -> bool:
        kept = self._kept.values()
        return sum(one.bytes for one in kept) > self._most_bytes or sum(one.files for one in kept) > self._most_files
