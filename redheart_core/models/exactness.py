"""Proof that an assembled model gives what its run recorded, bit for bit, on the path that answers take."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import Answering
from redheart_core.groups.validation import SplitResult, has_objective
from redheart_core.models.answering import answer_outputs, fused_outputs
from redheart_core.models.manifest import ExactnessCheck
from redheart_core.models.model import Model
from redheart_core.models.steps import Progress, shown, silent
from redheart_core.training.context import TrainingContext

SAMPLE = 256
"""So many validation records, evenly over their lengths, are answered by each group among the others and alone."""


def check_exactness(model: Model, context: TrainingContext) -> tuple[ExactnessCheck, ...]:
    """Validate every group with the weights that the model folder holds, then compare the model's answers with theirs.

    Raises:
        CheckpointError: As require_exact.
    """
    return require_exact(model, context, validate_groups(model, context))


def validate_groups(model: Model, context: TrainingContext, progress: Progress = silent) -> dict[str, SplitResult]:
    """Each group that learns something on the validation split, with the weights that the model folder holds; the
    outputs that others read are there afterwards, and its answers are kept for what else is asked of these records."""
    results = {}
    model.require_whole()
    learnt_from = _learnt_from(context)
    for group in shown(progress, "validate", context.groups):
        module = model.modules[group.name]
        if model.manifest.groups[group.name].validation_loss is not None and has_objective(module):
            results[group.name] = context.evaluate(group, module, also=answer_outputs(module))
        splits = ("validation", "train") if group.name in learnt_from else ("validation",)
        context.add_outputs(group, module, splits)
    return results


def _learnt_from(context: TrainingContext) -> set[str]:
    """Groups whose answers to training records are needed, as a fusion above is fitted on them again (rank_answers)."""
    found: set[str] = set()
    for group in reversed(context.groups):
        if group.name in found or (fused_outputs(group) and not group.fits_validation):
            found |= set(group.reads)
    return found


def require_exact(
    model: Model, context: TrainingContext, results: Mapping[str, SplitResult], progress: Progress = silent
) -> tuple[ExactnessCheck, ...]:
    """The exactness check of every group that was validated.

    Raises:
        CheckpointError: A loss differs from the recorded one, be it in the last bit, or a group answers records of a
            sample otherwise among the others than alone.
    """
    checks = []
    for name, result in results.items():
        stored = model.manifest.groups[name]
        assert stored.validation_loss is not None
        checks.append(ExactnessCheck(name, stored.epochs, stored.validation_loss, result.loss))
    different = [check for check in checks if not check.equal]
    if different:
        details = "; ".join(f"{c.group}: recorded {c.recorded!r}, assembled {c.assembled!r}" for c in different)
        raise CheckpointError(
            f"the assembled model does not reproduce the run ({details}); "
            "was it trained on another machine, or with another number of threads?"
        )
    _check_answers(model, context, progress)
    return tuple(checks)


def _check_answers(model: Model, context: TrainingContext, progress: Progress) -> None:
    """Model.predict, which analyzes texts, has to give for each group what it gives alone with inputs of its own.

    The loss of a group was compared on all records; here a sample shows whether a plugin changes what others read, or
    answers the same records twice in two ways.

    Raises:
        CheckpointError: A group answers otherwise.
    """
    names = (*model.read_fields, *(["terms"] if model.terms else []), *model.tokenizers)
    for rows in shown(progress, "compare", [*context.source.fixed_order(_sample(context))]):
        given = context.source.batch(rows, names).inputs
        copies = {name: tensor.clone() for name, tensor in given.items()}
        fields = {name: given[name] for name in model.read_fields}
        tokens = {view: given[view] for view in model.tokenizers}
        answers = model.predict(
            given["embedding"], given["mask"], fields, given.get("terms"), tokens, given["language"]
        )
        known = copies | {name: tensor.to(model.device) for name, tensor in answers.items()}
        for group in model.groups:
            alone = _alone(model.modules[group.name], known)
            for name, tensor in alone.items():
                if not _equal(tensor, known[name]):
                    raise CheckpointError(
                        f"'{name}' of group '{group.name}' is answered otherwise among the other groups than alone; "
                        "some plugin changes what others read, or its answers are not the same twice"
                    )


def _sample(context: TrainingContext) -> Tensor:
    """Validation records, the shortest and the longest among them."""
    rows = context.store.rows("validation")
    rows = rows[context.store.chunk_counts[rows].argsort(stable=True)]
    return rows[torch.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).round().long()]


@torch.no_grad()
def _alone(module: Answering, known: dict[str, Tensor]) -> dict[str, Tensor]:
    """A group's answers from copies of what it may read."""
    return module(Batch(inputs={name: tensor.clone() for name, tensor in known.items()}, targets={}))


def _equal(one: Tensor, other: Tensor) -> bool:
    """Bit for bit; a missing number equals a missing one."""
    return torch.equal(one.isnan(), other.isnan()) and torch.equal(one.nan_to_num(), other.nan_to_num())
