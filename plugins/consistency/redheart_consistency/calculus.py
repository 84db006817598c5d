"""Answers beside what exact calculators make of other answers, and of fields that the record has.

A relation holds between the fields' true values, that of utility_in_context where the utility counts no layer itself;
the answers of networks break it by as much as they err. As with members, each relation is measured in units of its own
mean on validation texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerTexts
from redheart_core.exact.hedonic import context_factor
from redheart_core.exact.regret import expectation, regret_matrix
from redheart_core.exact.usual import field_of_largest, in_units, largest, usual_sizes

LEAST = 1e-9
"""A network that computes the relation itself breaks it by rounding alone."""


@attrs.frozen
class Relation:
    """A field that follows from others."""

    field: str
    """Which the model answers."""
    answers: tuple[str, ...]
    """Fields that it answers too."""
    given: tuple[str, ...]
    """Fields of the record."""
    exact: Callable[..., NDArray[Any]]
    """These to the field, (N, L); NaN where they say nothing."""


def utility_in_context(utility: NDArray[Any], layers: NDArray[Any]) -> NDArray[Any]:
    """With all layers of context: M V / (V0 + |M V|) of the bounded u = V / (V0 + |V|), whatever V0 is."""
    found = np.full_like(utility, np.nan)
    whole = ~(np.isnan(utility) | np.isnan(layers).any(1, keepdims=True))[:, 0]
    scaled = context_factor(layers[whole])[:, None] * utility[whole]
    found[whole] = scaled / (1.0 - np.abs(utility[whole]) + np.abs(scaled))
    return found


def act_regret(payoffs: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[Any]:
    """Expected regret of each act that can be done (Savage 1951)."""
    found = np.full(payoffs.shape[:2], np.nan)
    whole = ~np.isnan(probabilities).any(1) & ~np.isnan(payoffs).any(2).all(1)
    found[whole] = expectation(_regrets(payoffs[whole]), probabilities[whole][:, None])
    return found


def act_max_regret(payoffs: NDArray[Any]) -> NDArray[Any]:
    """The largest regret of each act over the states."""
    found = np.full(payoffs.shape[:2], np.nan)
    whole = ~np.isnan(payoffs).any(2).all(1)
    found[whole] = _regrets(payoffs[whole]).max(2)
    return found


def _regrets(payoffs: NDArray[Any]) -> NDArray[Any]:
    """Of each act in each state; acts with missing payoffs cannot be done."""
    return regret_matrix(payoffs, ~np.isnan(payoffs).any(2))


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        "utility_in_context": Relation("utility_in_context", ("utility", "context_layers"), (), utility_in_context),
        "act_regret": Relation("act_regret", (), ("payoffs", "state_probability"), act_regret),
        "act_max_regret": Relation("act_max_regret", (), ("payoffs",), act_max_regret),
    }
)


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Of each relation by how much it is usually broken; none of one whose fields are not there."""
    usual = usual_sizes({name: np.abs(one).max(1) for name, (one, _) in _differences(texts).items()}, -1.0)
    return {name: np.maximum(mean, LEAST) for name, mean in usual.items()}


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The largest multiple over the relations; NaN where none can be computed."""
    sizes = {name: np.abs(one).max(1) for name, (one, _) in _differences(texts).items()}
    return largest(in_units(sizes, arrays), len(texts.texts))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the relation that is broken most, with the answer and the exact number."""
    found = _differences(texts)
    multiples = in_units({name: np.abs(one).max(1) for name, (one, _) in found.items()}, arrays)
    return [_note(multiples, found, texts, number) for number in range(len(texts.texts))]


def _differences(texts: LayerTexts) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """By relation the answer less the exact numbers, 0 where either is missing and NaN where all are, and these."""
    found = {}
    for name, relation in RELATIONS.items():
        there = relation.field in texts.answers and set(relation.answers) <= texts.answers.keys()
        if not there or not set(relation.given) <= texts.fields.keys():
            continue
        inputs = [texts.answers[one].answer for one in relation.answers]
        exact = relation.exact(*inputs, *(texts.fields[one] for one in relation.given))
        apart = texts.answers[relation.field].answer - exact
        silent = np.isnan(apart).all(1, keepdims=True)
        found[name] = (np.where(silent, np.nan, np.nan_to_num(apart)), exact)
    return found


def _note(
    multiples: Mapping[str, NDArray[Any]],
    found: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    texts: LayerTexts,
    number: int,
) -> Mapping[str, Sequence[str]]:
    name = field_of_largest(multiples, number)
    if name is None:
        return {}
    apart, exact = found[name]
    place = int(np.abs(apart[number]).argmax())
    relation = RELATIONS[name]
    answers = texts.answers[relation.field]
    label = answers.field.elements[place]
    about = "" if label == relation.field else f" for {label}"
    source = " and ".join((*relation.answers, *relation.given))
    return {
        relation.field: (
            f"the answer{about} is {answers.answer[number, place]:.2f}, and {exact[number, place]:.2f} by {source}",
        )
    }
