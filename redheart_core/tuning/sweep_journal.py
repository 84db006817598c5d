"""The journal of a sweep, RUN/sweep/: what it was begun with, and each finished candidate with its losses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import load_tensors, make_folder, save_tensors
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import SealedFile
from redheart_core.tuning.described import require_same_training
from redheart_core.tuning.short_runs import ShortRun, Status
from redheart_core.tuning.sweep_steps import Candidate

if TYPE_CHECKING:
    from torch import Tensor

_REMEDY = "remove the folder sweep/ and sweep again"


@attrs.frozen
class Begun:
    """begun.json."""

    options: Mapping[str, object]
    """Of the sweep."""
    training: RunDescription
    """What the rates are for."""


@attrs.frozen
class CandidateDone:
    """A finished short training: a group at a rate of a stage with a seed."""

    rate: float
    status: Status
    reason: str
    losses_file: str
    losses_sha256: str
    weights_file: str
    weights_sha256: str
    seconds: float
    """Updates and validation alone."""
    overhead: float
    """Its share of the seconds spent on all else: reading batches, building modules, comparing rates."""


@attrs.frozen
class Timing:
    """timing.json: seconds of all finished short trainings, whichever process did them."""

    seconds: float
    """In all."""
    candidates: Mapping[str, Mapping[float, float]]
    """By group and rate over seeds: updates and validation alone."""
    overhead: float
    """What is left: reading batches, building modules, comparing rates."""


BEGUN = SealedFile(Begun, "sweep-begun", 3, _REMEDY)
CANDIDATE = SealedFile(CandidateDone, "sweep-candidate", 1, _REMEDY)
TIMING = SealedFile(Timing, "sweep-timing", 1, _REMEDY)


@attrs.frozen
class Journal:
    """One JSON file, with a file of losses and one of weights beside it, per candidate.

    The JSON file is written last: a kill leaves a candidate finished or not begun. Two processes that train the same
    one write the same losses and weights.
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
                require_same_training(old.training, begun.training, self.path)
            BEGUN.write(file, begun)

    def description(self) -> RunDescription:
        """The training that the sweep is about.

        Raises:
            CheckpointError: None was begun, or the file is damaged.
        """
        return BEGUN.read(self.path / "begun.json").training

    def read(self, candidate: Candidate) -> ShortRun | None:
        """A finished candidate without its weights, None if it is not finished.

        Raises:
            CheckpointError: A file is missing or damaged.
        """
        file = self._file(candidate)
        done = CANDIDATE.read_if_there(file)
        if done is None:
            return None
        losses = load_tensors(file.parent / done.losses_file, done.losses_sha256)
        return ShortRun(
            rate=done.rate,
            status=done.status,
            reason=done.reason,
            losses=losses["losses"].numpy(),
            start=losses["start"].numpy() if "start" in losses else None,
            best_weights={},
            seconds=done.seconds,
        )

    def weights(self, candidate: Candidate) -> dict[str, Tensor]:
        """The weights of a finished candidate at its lowest validation loss.

        Raises:
            CheckpointError: It is not finished, or a file is missing or damaged.
        """
        file = self._file(candidate)
        done = CANDIDATE.read(file)
        return load_tensors(file.parent / done.weights_file, done.weights_sha256)

    def write(self, candidate: Candidate, run: ShortRun, overhead: float) -> None:
        """Note a finished candidate, and the seconds that it took beside its own."""
        import torch

        file = self._file(candidate)
        make_folder(file.parent)
        losses_file, weights_file = (f"{file.stem}-{kind}.safetensors" for kind in ("losses", "weights"))
        losses = {"losses": torch.from_numpy(run.losses)}
        losses |= {} if run.start is None else {"start": torch.from_numpy(run.start)}
        done = CandidateDone(
            rate=run.rate,
            status=run.status,
            reason=run.reason,
            losses_file=losses_file,
            losses_sha256=save_tensors(file.parent / losses_file, losses),
            weights_file=weights_file,
            weights_sha256=save_tensors(file.parent / weights_file, dict(run.best_weights)),
            seconds=run.seconds,
            overhead=overhead,
        )
        CANDIDATE.write(file, done)

    def timing(self) -> Timing:
        """Seconds of all finished candidates."""
        candidates: dict[str, dict[float, float]] = {}
        overhead = spent = 0.0
        for file in sorted(self.path.glob("*/stage-*.json")):
            done, own = CANDIDATE.read(file), candidates.setdefault(file.parent.name, {})
            overhead += done.overhead
            spent += done.seconds
            own[done.rate] = own.get(done.rate, 0.0) + done.seconds
        return Timing(spent + overhead, candidates, overhead)

    def _file(self, candidate: Candidate) -> Path:
        return self.path / f"{candidate}.json"
