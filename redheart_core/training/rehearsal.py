"""What a turn of a group takes of its device beyond tensors: found by a short turn, before the training."""

from __future__ import annotations

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

COPIES = 3
"""Of the answers of a split: batch by batch, joined, and in the order of the records."""

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


def rehearse(context: TrainingContext, trainer: GroupTrainer, batch: Batch, meter: Meter) -> Rehearsal:
    """Take a short turn twice: the first one loads what a training runs, the second one is measured."""
    rows = longest_validation(context, trainer.group)
    with TemporaryDirectory() as folder:
        result = _turn(context, trainer, batch, rows, Path(folder))
        meter.release()
        before = meter.current()
        meter.begin()
        _turn(context, trainer, batch, rows, Path(folder))
        grown = meter.peak() - before
    splits = ("train", "validation") if trainer.group.begins_at_baseline else ("validation",)
    more = max(len(context.store.rows(split)) for split in splits) - len(rows)
    return Rehearsal(grown, COPIES * result * max(more, 0) // len(rows))


def longest_validation(context: TrainingContext, group: Group) -> Tensor:
    """A batch of the validation records with the longest texts among those that the group is evaluated on."""
    rows = context.served(group, context.store.rows("validation"))
    if group.targets:
        rows = rows[context.source.has_any_target(rows, group.targets)]
    longest = context.source.lengths(group.inputs)[rows].argsort(descending=True, stable=True)
    return rows[longest][: context.own_settings(group).batch_size]


def load_algebra() -> None:
    """Have the libraries that closed forms call load their code, and take the memory that they keep."""
    matrix = np.eye(ALGEBRA)
    scipy.linalg.solve(matrix, matrix, assume_a="pos")
    scipy.linalg.eigh(matrix[:64, :64])
    sparse.csr_matrix(matrix) @ (matrix @ matrix)


def _turn(context: TrainingContext, trainer: GroupTrainer, batch: Batch, rows: Tensor, folder: Path) -> int:
    """Returns the bytes of the answers to some validation records."""
    trainer.step(batch, 1, 0)
    trainer.module.zero_grad(set_to_none=True)
    result = evaluate(trainer.module, context.source, rows)
    weights = trainer.module.parameter_dict()
    largest = max(weights, key=lambda name: weights[name].nbytes)  # files are written tensor by tensor
    save_tensors(folder / "weights.safetensors", {largest: weights[largest]})
    return bytes_of([result.losses, *result.predictions.values()])
