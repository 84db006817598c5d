"""The journal of a sweep, RUN/sweep/: what it was begun with, and each finished piece of work with its losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import load_tensors, make_folder, save_tensors
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import SealedFile
from redheart_core.tuning.short_runs import ShortRun, Status

_REMEDY = "remove the folder sweep/ and sweep again"


@attrs.frozen
class Begun:
    """begun.json."""

    options: Mapping[str, object]
    """Of the sweep."""
    training: RunDescription
    """What the rates are for."""


@attrs.frozen
class RateDone:
    """One rate in a finished piece of work."""

    rate: float
    status: Status
    reason: str
    seconds: float


@attrs.frozen
class PieceDone:
    """A finished piece of work: the rates of a group, stage and seed."""

    losses_file: str
    losses_sha256: str
    weights_file: str
    weights_sha256: str
    seconds: float
    """In all."""
    runs: tuple[RateDone, ...]


@attrs.frozen
class Timing:
    """timing.json: seconds of all finished pieces of work, whichever process did them."""

    seconds: float
    """In all."""
    candidates: Mapping[str, Mapping[float, float]]
    """By group and rate over seeds: updates and validation alone."""
    overhead: float
    """What is left: reading batches, building modules, comparing rates."""


BEGUN = SealedFile(Begun, "sweep-begun", 2, _REMEDY)
PIECE = SealedFile(PieceDone, "sweep-piece", 2, _REMEDY)
TIMING = SealedFile(Timing, "sweep-timing", 1, _REMEDY)


@attrs.frozen
class Journal:
    """One JSON file, with a file of losses and one of weights beside it, per group, stage and seed.

    The JSON file is written last: a kill leaves a piece of work finished or not begun.
    """

    path: Path

    def begin(self, description: RunDescription, options: Mapping[str, Any]) -> None:
        """Write what the sweep is begun with, or check that it goes on alike; new groups may join.

        Raises:
            CheckpointError: Data, plugins, training or options are others than at the start.
        """
        begun, file = Begun(dict(options), description), self.path / "begun.json"
        make_folder(self.path)
        with updating(self.path):
            old = BEGUN.read_if_there(file)
            if old is not None:
                if old.options != begun.options:
                    raise CheckpointError(
                        f"the sweep in {self.path} was begun with {old.options}, not {begun.options}; "
                        "take another folder with -o, or remove this one to begin anew"
                    )
                old.training.require_same(begun.training, self.path)
            BEGUN.write(file, begun)

    def description(self) -> RunDescription:
        """The training that the sweep is about.

        Raises:
            CheckpointError: None was begun, or the file is damaged.
        """
        return BEGUN.read(self.path / "begun.json").training

    def read(self, group: str, stage: int, seed: int) -> tuple[ShortRun, ...] | None:
        """A finished piece of work, None if it is not finished.

        Raises:
            CheckpointError: A file is missing or damaged.
        """
        file = self._file(group, stage, seed)
        piece = PIECE.read_if_there(file)
        if piece is None:
            return None
        losses = load_tensors(file.parent / piece.losses_file, piece.losses_sha256)
        weights = load_tensors(file.parent / piece.weights_file, piece.weights_sha256)
        return tuple(
            ShortRun(
                rate=run.rate,
                status=run.status,
                reason=run.reason,
                losses=losses[repr(run.rate)].numpy(),
                start=None if (start := losses.get(f"start/{run.rate!r}")) is None else start.numpy(),
                best_weights={
                    name.partition("/")[2]: tensor
                    for name, tensor in weights.items()
                    if name.startswith(f"{run.rate!r}/")
                },
                seconds=run.seconds,
            )
            for run in piece.runs
        )

    def write(self, group: str, stage: int, seed: int, runs: Sequence[ShortRun], seconds: float) -> None:
        """Note a finished piece of work, and the seconds that it took in all."""
        import torch

        file = self._file(group, stage, seed)
        make_folder(file.parent)
        losses_file, weights_file = (f"{file.stem}-{kind}.safetensors" for kind in ("losses", "weights"))
        losses = {repr(run.rate): torch.from_numpy(run.losses) for run in runs}
        losses |= {f"start/{run.rate!r}": torch.from_numpy(run.start) for run in runs if run.start is not None}
        weights = {f"{run.rate!r}/{name}": tensor for run in runs for name, tensor in run.best_weights.items()}
        piece = PieceDone(
            losses_file=losses_file,
            losses_sha256=save_tensors(file.parent / losses_file, losses),
            weights_file=weights_file,
            weights_sha256=save_tensors(file.parent / weights_file, weights),
            seconds=seconds,
            runs=tuple(RateDone(run.rate, run.status, run.reason, run.seconds) for run in runs),
        )
        PIECE.write(file, piece)

    def timing(self) -> Timing:
        """Seconds of all finished pieces of work."""
        candidates: dict[str, dict[float, float]] = {}
        total = spent = 0.0
        for file in sorted(self.path.glob("*/stage-*.json")):
            piece, own = PIECE.read(file), candidates.setdefault(file.parent.name, {})
            total += piece.seconds
            for run in piece.runs:
                spent += run.seconds
                own[run.rate] = own.get(run.rate, 0.0) + run.seconds
        return Timing(total, candidates, total - spent)

    def _file(self, group: str, stage: int, seed: int) -> Path:
        return self.path / group / f"stage-{stage}-seed-{seed}.json"
