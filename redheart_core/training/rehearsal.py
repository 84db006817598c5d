"""What a turn of a group takes of its device beyond tensors: found by a short turn, before the training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
import scipy.linalg
from scipy import sparse
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.validation import evaluate
from redheart_core.storage.files import save_tensors
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.peaks import Meter
from redheart_core.training.step_memory import bytes_of
from redheart_core.training.stored_weights import as_stored

COPIES = 3
"""Of the answers of a split: batch by batch, joined, and in the order of the records."""

SAVED = 64_000_000
"""Bytes that a short turn saves, or the largest tensor: enough for the seconds that all of a group would take."""

ALGEBRA = 512
"""Rows of the matrix on which the libraries of closed forms are tried: enough for blocks of the size that they keep."""


@attrs.frozen
class Rehearsal:
    """Bytes that a short turn took: a step, a validation and a save."""

    grown: int
    """By which the device's memory grew, the most at any moment; from a heap without anything to give back, as every
    step of a training within a tight budget begins."""
    answers: int
    """Of the answers that a validation collects beyond those of this one."""
    validation: float
    """Seconds of a validation of all records, if all their texts were as long as the longest."""
    saving: float
    """Seconds of a byte that is saved."""


@attrs.frozen
class _Turn:
    """What a short turn showed."""

    answers: int
    """Bytes of the answers to its validation records."""
    validation: float
    """Seconds."""
    saving: float
    """Seconds of a byte."""


def rehearse(context: TrainingContext, trainer: GroupTrainer, batch: Batch, meter: Meter) -> Rehearsal:
    """Take a short turn twice: the first one loads what a training runs, the second one is measured."""
    everything = validation_rows(context, trainer.group)
    rows = longest_first(context, trainer.group, everything)
    with TemporaryDirectory() as folder:
        _turn(context, trainer, batch, rows, Path(folder))
        meter.release()
        before = meter.current()
        meter.begin()
        turn = _turn(context, trainer, batch, rows, Path(folder))
        grown = meter.peak() - before
    splits = ("train", "validation") if trainer.group.begins_at_baseline else ("validation",)
    more = max(len(context.store.rows(split)) for split in splits) - len(rows)
    answers = COPIES * turn.answers * max(more, 0) // len(rows)
    return Rehearsal(grown, answers, turn.validation * len(everything) / len(rows), turn.saving)


def longest_validation(context: TrainingContext, group: Group) -> Tensor:
    """A batch of the validation records with the longest texts among those that the group is evaluated on."""
    return longest_first(context, group, validation_rows(context, group))


def validation_rows(context: TrainingContext, group: Group) -> Tensor:
    """The validation records that the group is evaluated on."""
    rows = context.served(group, context.store.rows("validation"))
    return rows[context.source.has_any_target(rows, group.targets)] if group.targets else rows


def longest_first(context: TrainingContext, group: Group, rows: Tensor) -> Tensor:
    """A batch of those of some records with the longest texts."""
    longest = context.source.lengths(group.inputs)[rows].argsort(descending=True, stable=True)
    return rows[longest][: context.own_settings(group).batch_size]


def load_algebra() -> None:
    """Have the libraries that closed forms call load their code, and take the memory that they keep."""
    matrix = np.eye(ALGEBRA)
    scipy.linalg.solve(matrix, matrix, assume_a="pos")
    scipy.linalg.eigh(matrix[:64, :64])
    sparse.csr_matrix(matrix) @ (matrix @ matrix)


def _turn(context: TrainingContext, trainer: GroupTrainer, batch: Batch, rows: Tensor, folder: Path) -> _Turn:
    trainer.step(batch, 1, 0)
    trainer.module.zero_grad(set_to_none=True)
    started = time.perf_counter()
    with as_stored(trainer) as weights:
        result = evaluate(trainer.module, context.source, rows)
    evaluated = time.perf_counter()
    saved = _largest(weights)
    save_tensors(folder / "weights.safetensors", saved)
    seconds = time.perf_counter() - evaluated
    answers = bytes_of([result.losses, *result.predictions.values()])
    return _Turn(answers, evaluated - started, seconds / bytes_of(saved.values()))


def _largest(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The largest tensor, and as many more as are saved: files are written tensor by tensor, so that one counts."""
    found = dict[str, Tensor]()
    for name in sorted(tensors, key=lambda name: -tensors[name].nbytes):
        if found and bytes_of([*found.values(), tensors[name]]) > SAVED:
            break
        found[name] = tensors[name]
    return found
