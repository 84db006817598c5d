"""What an exported model costs on the validation records of its run, by the loss that its groups were trained with."""

from __future__ import annotations

from torch import Tensor

from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.groups.fused_for import fused_for, own_fields
from redheart_core.groups.validation import compute_outputs, evaluate, has_objective
from redheart_core.models.model import Model
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_export.manifest import QualityCost


def quality_costs(real: Model, exported: Model, context: TrainingContext) -> dict[str, QualityCost]:
    """By group its validation loss by PyTorch and by the exported model, whose groups read each other's answers.

    Intervals are those of the paired difference over records; near-duplicates are drawn together.
    """
    losses, others = (_losses(model, context) for model in (real, exported))
    rows = context.store.rows("validation")
    draws = Draws(context.store.clusters_of(rows), generator("bootstrap", len(rows)))
    return {name: _cost(draws, one, others[name]) for name, one in losses.items()}


def _cost(draws: Draws, real: Tensor, exported: Tensor) -> QualityCost:
    added = exported - real
    drawn = draws.apply(added.isfinite(), lambda sample: float(added[sample].mean()))
    difference = interval(float(added.mean()), drawn)
    return QualityCost(float(real.mean()), float(exported.mean()), difference)


def _losses(model: Model, context: TrainingContext) -> dict[str, Tensor]:
    """By group that learns something the loss of each validation record, (N,) float64."""
    rows, losses = context.store.rows("validation"), dict[str, Tensor]()
    for group in (one for one in context.groups if one.name in model.modules):
        module = model.modules[group.name]
        if model.manifest.groups[group.name].validation_loss is not None and has_objective(module):
            losses[group.name] = evaluate(module, context.source, rows).losses
        if names := context.read_outputs(group):
            fields, rest = own_fields(group, context.store.fields), fused_for(group, context.groups) is None
            lower = compute_outputs(module, context.source, rows, names, fields=fields, rest=rest)
            context.source.add_lower(lower)
    return losses
