"""Frozen value types of how far a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from redheart_core.runs.history import EpochRecord
from redheart_core.runs.returns import as_returns

NEWEST = 5
"""Seconds per epoch are the mean of so many newest epochs: a run may go on with another load, or elsewhere."""

State = Literal["starting", "running", "interrupted", "finished"]
Status = Literal["no epoch yet", "running", "stopped", "finished", "nothing to train"]


@attrs.frozen
class GroupStatus:
    """How far a group is."""

    name: str
    tier: int
    status: Status
    reason: str
    """Why it stopped, otherwise empty."""
    planned: int
    """How many epochs it is trained for."""
    epochs: tuple[EpochRecord, ...]
    """In order; those whose checkpoints are no longer kept come from the events."""
    best: EpochRecord | None
    """The kept epoch, or the average at its end, of the lowest validation loss."""

    @property
    def newest(self) -> EpochRecord | None:
        return self.epochs[-1] if self.epochs else None

    @property
    def done(self) -> int:
        """The newest epoch, 0 if no update was made."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def seconds_per_epoch(self) -> float | None:
        """Mean of the newest epochs; None if no event tells."""
        known = [epoch.seconds for epoch in self.epochs if epoch.epoch and epoch.seconds is not None][-NEWEST:]
        return sum(known) / len(known) if known else None


@attrs.frozen
class RunStatus:
    """How far a run is."""

    path: Path
    state: State
    """Starting before the first event; interrupted if no process is at work any more and some groups are left."""
    interleave: str
    """Whether groups of a tier take turns by "epoch" or by "batch"."""
    groups: tuple[GroupStatus, ...]
    """Lower tiers first."""
    process: int | None
    """Number of the process that began last, of those that train the run; None if no event tells."""
    host: str | None
    """The machine that it runs on; None if no event tells."""
    peak_memory_bytes: int | None
    """The most that the newest process has held, reported after each epoch; None if no event says it."""
    elapsed_s: float | None
    """Time at work, over all processes; None before the first event."""
    returns: bool = False
    """Whether the groups are agents, whose validation losses are returns with the sign changed."""

    @property
    def seconds_left(self) -> float:
        """What the epochs to come take if they take as long as the newest ones; without the groups in unmeasured."""
        left: dict[int, list[float]] = {}
        for group in self._unfinished:
            if group.seconds_per_epoch is not None:
                seconds = (group.planned - group.done) * group.seconds_per_epoch
                left.setdefault(group.tier, []).append(seconds)
        # taking turns by batch, the seconds of each group are those of all that trained together
        return sum(max(seconds) if self.interleave == "batch" else sum(seconds) for seconds in left.values())

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Groups with epochs to come whose duration is unknown."""
        return tuple(group.name for group in self._unfinished if group.seconds_per_epoch is None)

    @property
    def _unfinished(self) -> tuple[GroupStatus, ...]:
        return tuple(
            group for group in self.groups if group.status in ("no epoch yet", "running") and group.done < group.planned
        )

    def to_json(self) -> dict[str, object]:
        """Everything as JSON values, with what follows from it; of agents returns in place of validation losses."""
        groups = [
            {**attrs.asdict(group), "done": group.done, "seconds_per_epoch": group.seconds_per_epoch}
            for group in self.groups
        ]
        found: dict[str, object] = {
            **attrs.asdict(self),
            "path": str(self.path),
            "groups": groups,
            "seconds_left": self.seconds_left,
            "unmeasured": list(self.unmeasured),
        }
        return as_returns(found) if self.returns else found
