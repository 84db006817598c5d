"""What an analyzer answers on a field, whatever its kind: outputs, losses and metrics.

A field is a distribution (simplex), 0/1 labels (binary), counts of which the shares are predicted, or plain
values. An analyzer that covers several fields gives for each the raw numbers z (B, size), and finish makes the
declared outputs of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

import attrs

from redheart_core.contract.catalogue import CATALOGUE
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import BuildContext, LossTerm, Metric, Objective, Output

if TYPE_CHECKING:
    from torch import Tensor


Kind = Literal["values", "labels", "distribution", "votes"]
"""What a field's numbers are: any in a range, 0 or 1 for each label, shares that sum to one, or counts of votes."""

LEAST = 1e-6
"""Least distance of a probability from 0, and of that of a 0/1 label from 1, so that logits and losses are finite."""

FROM_TEXT = ("emotion", "regret", "bentham", "choice_factors", "ekman", "goemotions", "kote", "vad", "votes")
"""Fields of the catalogue that can be answered from the text alone; the others need more of a record."""


def text_answers(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """For each field that can be answered from the text alone the outputs that do, as NodeSpec.learns_any asks for.

    These are fields of the catalogue, in the order of FROM_TEXT, and then those of declared_answers.
    """
    known = {name: answer_outputs(fields[name]) for name in FROM_TEXT if name in fields and not fields[name].axes}
    return known | declared_answers(fields)


def declared_answers(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """The same, by name, for the fields that a data set declares itself, unless they have axes or no finite range or
    are texts."""
    return {
        name: answer_outputs(field)
        for name, field in sorted(fields.items(), key=itemgetter(0))
        if name not in CATALOGUE and _has_answer(field)
    }


def text_fields(context: BuildContext) -> dict[str, Field]:
    """The fields that a node with learns_any = text_answers answers: those of the data that can be answered from text,
    and, for a node that gathers, that others answer."""
    return {name: context.fields[name] for name in text_answers(context.fields)}


def text_objective(context: BuildContext) -> Objective:
    """How the answers on text_fields are evaluated: like every other answer."""
    return answer_objective(context, list(text_fields(context)))


def _has_answer(field: Field) -> bool:
    if field.axes or field.text:
        return False
    return isfinite(field.high - field.low) and (is_values(field) or bool(field.labels))


def answer_outputs(field: Field) -> tuple[Output, ...]:
    """The outputs with which an analyzer answers a field."""
    labels, needs = (field.name, ()) if field.labels else (None, (field.name,))
    if is_values(field):
        return (Output(field.name, field.meaning, "values", (), labels, field.low, field.high, needs),)
    return (
        Output(field.name, field.meaning, "probabilities", (), labels, 0.0, 1.0),
        Output(f"{field.name}_logits", "the same before it becomes probabilities", "logits", (), labels),
    )


def kind_of(field: Field) -> Kind:
    """What a field's numbers are."""
    if field.simplex:
        return "distribution"
    if field.binary:
        return "labels"
    return "votes" if field.counts else "values"


def is_values(field: Field) -> bool:
    """Whether the answer is the numbers themselves and not probabilities."""
    return kind_of(field) == "values"


def scale_of(field: Field) -> tuple[float, ...]:
    """Of each label, or of all, the unit of squared errors of values: the range of the field; without a finite one the
    standard deviations over the training records that the data set states, or 1."""
    width = field.high - field.low
    return (width,) if isfinite(width) else field.std or (1.0,)


def size_of(field: Field) -> int:
    """Raw numbers of an answer."""
    return len(field.labels) or 1


def finish(field: Field, raw: Tensor) -> dict[str, Tensor]:
    """Raw numbers (B, size) to the outputs of a field; values are squeezed into its range by a sigmoid.

    Values without a finite range are in standard deviations from the mean, which the data set states.
    Raw numbers that autocast has given in half precision become float32 first; others keep their type.
    """
    raw = raw.float() if raw.itemsize < 4 else raw
    if is_values(field):
        if isfinite(field.high - field.low):
            values = field.low + (field.high - field.low) * raw.sigmoid()
        else:
            values = raw.new_tensor(field.mean) + raw.new_tensor(scale_of(field)) * raw
        return {field.name: values if field.labels else values.squeeze(-1)}
    probabilities = raw.sigmoid() if field.binary else raw.softmax(-1)
    return {field.name: probabilities, f"{field.name}_logits": raw}


def as_shares(field: Field, numbers: Tensor) -> Tensor:
    """A field's numbers (N, *shape), of counts their shares; NaN where missing, as are the shares of a sum of 0."""
    if not field.counts:
        return numbers
    total = numbers.nansum(-1, keepdim=True)
    return numbers / total.masked_fill(total == 0, float("nan"))


def from_values(field: Field, values: Tensor) -> dict[str, Tensor]:
    """Values (B, size) to the output of a field, cut off at the ends of its range."""
    values = values.clamp(field.low, field.high)
    return {field.name: values if field.labels else values.squeeze(-1)}


def from_probabilities(field: Field, probabilities: Tensor) -> dict[str, Tensor]:
    """Probabilities (B, size) above 0, and below 1 for 0/1 labels, to the outputs of a field; shares are normalised."""
    return finish(field, probabilities.logit() if field.binary else probabilities.log())


def answer_objective(
    context: BuildContext, learnt: Sequence[str], weights: Mapping[str, float] | None = None
) -> Objective:
    """Losses and metrics of the learnt fields, in their order; the first one's main metric is the node's.

    Cross-entropies for probabilities; squared errors in units of the field's range for values.
    """
    from redheart_core.nn.losses import binary_cross_entropy, divergence, squared_error, squared_error_in
    from redheart_core.nn.vote_losses import vote_cross_entropy

    losses: list[LossTerm] = []
    metrics: list[Metric] = []
    for number, field in enumerate(context.fields[name] for name in learnt):
        weight = (weights or {}).get(field.name, 1.0)
        prefix = f"{field.name}_" if number else ""
        name, logits = field.name, f"{field.name}_logits"
        if field.simplex:
            losses.append(LossTerm(logits, name, "logits", divergence, weight))
        elif field.binary:
            losses.append(LossTerm(logits, name, "logits", binary_cross_entropy(), weight))
        elif field.counts:
            losses.append(LossTerm(logits, name, "logits", vote_cross_entropy, weight))
        else:
            scale = scale_of(field)
            if len(scale) == 1:
                losses.append(LossTerm(name, name, "values", squared_error, weight * scale[0] ** -2))
            else:
                losses.append(LossTerm(name, name, "values", squared_error_in(scale), weight))
        metrics += [attrs.evolve(metric, name=prefix + metric.name) for metric in answer_metrics(field)]
    return Objective(tuple(losses), tuple(metrics))


def answer_metrics(field: Field) -> tuple[Metric, ...]:
    """The figures by which answers on a field are evaluated, the main one first."""
    from redheart_core.nn.label_metrics import label_metrics, vote_metrics
    from redheart_core.nn.metrics import distribution_metrics, pearson_r, value_metrics

    name = field.name
    if field.simplex:
        return distribution_metrics(name, name)
    if field.binary:
        return label_metrics(name, name)
    if field.counts:
        return vote_metrics(name, name)
    order = (Metric("pearson_r", name, name, pearson_r, "max"),) if field.labels else ()
    return (*value_metrics(name, name), *order)
