"""What the stacks are fitted to."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import nn

from redheart_core import BuildContext, Field
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.nn.answers import LEAST, as_shares, is_values, size_of
from redheart_core.nn.fusing import Gathered, gathered_fields
from redheart_core.nn.named import Named
from redheart_stacking_fusion.candidates import choose
from redheart_stacking_fusion.evidence import Evidence, Kind, Mask, Matrix
from redheart_stacking_fusion.model import Stack, StackingFusion

FOLDS = 5


def build(context: BuildContext) -> StackingFusion:
    """A stack for each field that some node answers."""
    return StackingFusion(gathered_fields(context), context.absent, context.languages)


def fit(module: nn.Module, data: FitData) -> None:
    """Stack each field by itself on the validation records, from which its members have not learnt."""
    assert isinstance(module, StackingFusion)
    folds = data.validation.folds(FOLDS).numpy()
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        for one in module.gathered:
            field, evidence = one.field, evidence_of(one, data.validation)
            if field.name not in module.teams:
                _fit_stack(module.stacks[field.name], field, evidence, folds)
            for codes, places in module.teams.get(field.name, {}).items():
                stacks, team = module.spoken[field.name], attrs.evolve(evidence, members=evidence.members[places])
                assert isinstance(stacks, Named)
                _fit_stack(stacks[codes], field, team, folds)
            if field.name in module.certain:
                certain = attrs.evolve(evidence, members=evidence.members[module.certain[field.name]])
                _fit_stack(module.others[field.name], field, certain, folds)


def _fit_stack(stack: nn.Module, field: Field, evidence: Evidence, folds: NDArray[np.int64]) -> None:
    """Choose the weights on the records that all members of the stack answer."""
    assert isinstance(stack, Stack)
    evaluated: Mask = np.asarray(evidence.present.any(1) & ~np.isnan(evidence.members).any((0, 2)))
    choice = choose(evidence.of(evaluated), folds[evaluated])
    stack.set(choice, _in_units_of(field, choice.weights) if is_values(field) else choice.weights)


def evidence_of(gathered: Gathered, part: FitPart) -> Evidence:
    """The answers on a field and its targets for all records of a part; counts as shares."""
    field = gathered.field
    target = as_shares(field, part.field(field.name).double()).numpy().reshape(-1, size_of(field))
    given = gathered.stacked(part.output).double().numpy()
    present = ~np.isnan(target)
    if is_values(field):
        width = field.high - field.low
        target, given = (target - field.low) / width, (given - field.low) / width
    else:
        given = given.clip(LEAST, 1 - LEAST)
    numbers = np.where(present, target, 0.0)
    counted = present.sum(1, keepdims=True)
    kind: Kind = "values" if is_values(field) else "labels" if field.binary else "shares"
    return Evidence(given, numbers, present, 1 / np.maximum(counted, 1), kind)


def _in_units_of(field: Field, weights: Matrix) -> Matrix:
    """Weights whose intercept, the last row, is in the field's own unit instead of its range."""
    intercept = field.low * (1 - weights[:-1].sum(0)) + (field.high - field.low) * weights[-1]
    return np.vstack([weights[:-1], intercept])
