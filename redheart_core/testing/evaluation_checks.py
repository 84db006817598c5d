"""Checks of how a node is evaluated: losses, metrics, missing targets."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Form, LossTerm, Metric, Objective
from redheart_core.contract.tensors import has_any
from redheart_core.data.batch import Batch
from redheart_core.groups.figures import choose_thresholds, figure
from redheart_core.groups.group_module import CPU
from redheart_core.groups.objective import evaluated_rows, find_target, training_loss
from redheart_core.storage.runtime import random_stream
from redheart_core.testing.plugin import ConformanceError, NotApplicable, require
from redheart_core.testing.subject import SEED, Subject

MARGIN = 1e-3
"""Distance from 0 and 1 at which a perfect probability is turned into logits."""
ROUNDING = 1e-5


def check_losses(subject: Subject) -> None:
    """Each loss is finite, has a gradient, judges records one by one, and is lowest for a perfect prediction."""
    for term, predicted, target in _terms(subject):
        what = f"the loss on '{term.output}'"
        present = ~target.isnan()
        predicted.requires_grad_()
        losses = _losses(subject, term, predicted, target)
        require(subject.plugin, bool(losses.isfinite().all()), f"{what} is not finite for some records")
        (gradient,) = torch.autograd.grad(losses.sum(), predicted)
        require(subject.plugin, bool(gradient.isfinite().all()), f"{what} has a gradient that is not finite")
        require(subject.plugin, bool((gradient != 0).any()), f"{what} has a gradient of zero")
        half = len(target) // 2
        alone = _losses(subject, term, predicted[:half], target[:half])
        off = (alone - losses[:half]).abs().max().item()
        require(
            subject.plugin,
            off <= ROUNDING * (1 + losses.abs().max().item()),
            f"{what} of a record changes by {off:.2g} with the other records of the batch; "
            "prediction and target must not be broadcast against each other",
        )
        field = subject.fields.get(term.target)
        if field is None:
            continue
        perfect, constant = (as_prediction(term.takes, field, values) for values in (target, _constant(target)))
        if term.shape is not None or perfect is None or constant is None:
            continue
        good, poor = (float(term.function(guess, target, present).mean()) for guess in (perfect, constant))
        require(
            subject.plugin,
            good < poor,
            f"{what} has to be lower for a perfect prediction than for the constant mean; "
            f"it is {good:.6g} and {poor:.6g}",
        )


def check_metrics(subject: Subject) -> None:
    """Each metric is a finite float and better for a perfect prediction than for the constant mean."""
    for metric in _objective(subject).metrics:
        target = subject.records.targets[metric.target]
        target = target[has_any(target)]
        constant, present = _constant(target), ~target.isnan()
        perfect = torch.where(present, target, constant)
        values = [_figure(subject, metric, guess, target) for guess in (perfect, constant)]
        good, poor = values
        require(
            subject.plugin,
            good > poor if metric.direction == "max" else good < poor,
            f"metric '{metric.name}' ({metric.direction}) has to prefer a perfect prediction to the constant mean; "
            f"it gives {good:.6g} and {poor:.6g}",
        )


def check_missing_targets(subject: Subject) -> None:
    """Missing targets, whole or in part, add neither value nor gradient to losses and metrics."""
    objective = _objective(subject)
    targets = {name: with_gaps(subject.fields[name], target) for name, target in subject.records.targets.items()}
    for term, predicted, whole in _terms(subject):
        what = f"the loss on '{term.output}'"
        if term.target not in subject.fields:
            continue
        target = with_gaps(subject.fields[term.target], whole)
        rows = has_any(target)
        predicted = predicted[rows].requires_grad_()
        losses = _losses(subject, term, predicted, target[rows])
        (gradient,) = torch.autograd.grad(losses.sum(), predicted)
        finite = bool(losses.isfinite().all()) and bool(gradient.isfinite().all())
        require(subject.plugin, finite, f"{what} or its gradient is not finite when targets are missing")
        if gradient.shape == target[rows].shape:
            leaked = float(gradient[target[rows].isnan()].abs().sum())
            require(subject.plugin, leaked == 0.0, f"{what} has a gradient where the target is missing")
    for metric in objective.metrics:
        target = targets[metric.target]
        target = target[has_any(target)]
        present = ~target.isnan()
        perfect = torch.where(present, target, _constant(target))
        elsewhere = torch.where(present, target, torch.full_like(target, subject.fields[metric.target].low))
        values = [_figure(subject, metric, guess, target) for guess in (perfect, elsewhere)]
        require(
            subject.plugin,
            values[0] == values[1],
            f"metric '{metric.name}' has to leave out missing targets; predictions there change it from "
            f"{values[0]:.6g} to {values[1]:.6g}",
        )
    _check_training_step(subject, Batch(subject.records.inputs, targets))


def _figure(subject: Subject, metric: Metric, guess: Tensor, target: Tensor) -> float:
    """A metric, with thresholds that are chosen on the sample if it needs them."""
    limits = choose_thresholds(subject.name, metric, guess, target, subject.fields)
    found = figure(subject.name, metric, guess, target, limits)
    if found.value is None:
        raise ConformanceError(f"metric '{metric.name}' has to have a value on the sample; {found.reason}")
    return found.value


def as_prediction(form: Form, field: Field, target: Tensor) -> Tensor | None:
    """The prediction of a form that says the target exactly, the field's mean where it is missing.

    None if the form has no such prediction.
    """
    filled = torch.where(target.isnan(), _constant(target), target)
    if form in ("values", "probabilities"):
        return filled
    if form == "logits" and field.low >= 0 and field.high <= 1:
        inner = filled.clamp(MARGIN, 1 - MARGIN)
        return inner.log() if field.simplex else inner.logit()
    return None


def with_gaps(field: Field, target: Tensor) -> Tensor:
    """Every third record lacks the field; of the others, each lacks one label where a field allows that."""
    gaps = target.clone()
    gaps[::3] = float("nan")
    if len(field.labels) > 1 and not field.simplex:
        records = torch.arange(len(target))
        gaps[records, ..., records // 2 % len(field.labels)] = float("nan")  # in both halves that a fit is given
    return gaps


def _check_training_step(subject: Subject, batch: Batch) -> None:
    module = attrs.evolve(subject, records=batch).module().train()
    with random_stream(CPU, SEED, "conformance"):
        loss = training_loss(module, module(batch), batch)
    if loss is None:
        raise ConformanceError(f"plugin '{subject.name}': no loss came although two thirds of the records have targets")
    if loss.requires_grad:  # of a fitted node it has none
        loss.backward()  # type: ignore[no-untyped-call]
    bad = [
        name
        for name, parameter in module.nodes[subject.name].named_parameters()
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
    ]
    require(
        subject.plugin,
        bool(loss.isfinite()) and not bad,
        f"with missing targets the loss is {loss.item():g}, gradients that are not finite: {', '.join(bad) or 'none'}",
    )


def _terms(subject: Subject) -> Iterator[tuple[LossTerm, Tensor, Tensor]]:
    """Each loss term with what the untrained node predicts and the targets, for the records that have them."""
    objective = _objective(subject)
    module = subject.module().eval()
    with torch.no_grad():
        outputs = module(subject.records)
    for term in objective.losses:
        target = find_target(module, term.target, outputs, subject.records)
        rows = evaluated_rows(module, subject.name, target, subject.records.inputs)
        yield term, outputs[f"{subject.name}.{term.output}"][rows].clone(), target[rows]


def _losses(subject: Subject, term: LossTerm, predicted: Tensor, target: Tensor) -> Tensor:
    losses = term.function(predicted, target, ~target.isnan())
    what = f"the loss on '{term.output}'"
    require(
        subject.plugin,
        isinstance(losses, Tensor) and losses.shape == (len(target),),
        f"{what} has to give one number per record, ({len(target)},), "
        f"got {tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__}",
    )
    require(subject.plugin, losses.requires_grad, f"{what} has no gradient; do without detach and item")
    return losses


def _objective(subject: Subject) -> Objective:
    if subject.node.spec.objective is None:
        raise NotApplicable("it has no objective")
    return subject.module().objectives[subject.name]


def _constant(target: Tensor) -> Tensor:
    """The mean of the records, for every record; 0 where none has the number."""
    return target.nanmean(0).nan_to_num().expand_as(target).contiguous()
