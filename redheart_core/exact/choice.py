"""Acts side by side: views as quantiles, scores of weighted criteria, and what the first place depends on.

Shapes: A acts, S states, C criteria. Of every criterion more is better. Acts count from 0.
"""

from __future__ import annotations

import itertools

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, distribution, finite, within
from redheart_core.exact.regret import expectation

VIEWS = (0.9, 0.5, 0.1)
"""The quantiles of the optimistic, the realistic and the pessimistic view."""
MOST_LOTS = 16
"""Uncertain lots of an act of which every combination is looked at."""


def quantiles(values: npt.ArrayLike, probabilities: npt.ArrayLike, at: tuple[float, ...] = VIEWS) -> FloatArray:
    """The least value that is not exceeded with at least each probability: (..., S) and (S,) to (..., Q)."""
    table = axes("values", finite("values", values), "states")
    chances = distribution("probabilities", probabilities, table.shape[-1])
    order = table.argsort(-1, kind="stable")
    below = np.cumsum(np.take_along_axis(np.broadcast_to(chances, table.shape), order, -1), -1)
    # a sum of probabilities is rounded
    first = [(below < quantile - 1e-12).sum(-1).clip(max=table.shape[-1] - 1) for quantile in at]
    return np.take_along_axis(np.take_along_axis(table, order, -1), np.stack(first, -1), -1)


def sum_of_chances(values: npt.ArrayLike, certainty: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """The distribution of a sum of values of which each is there with its own probability, independently.

    Args:
        values: (L,), what each is worth if it is there.
        certainty: (L,), 0..1.

    Returns:
        (K,) sums and (K,) probabilities, of all combinations of those that are uncertain.

    Raises:
        DataError: More than MOST_LOTS are uncertain.
    """
    worth, chance = finite("values", values), within("certainty", certainty, 0.0, 1.0)
    uncertain = (chance > 0.0) & (chance < 1.0)
    if int(uncertain.sum()) > MOST_LOTS:
        raise DataError(f"at most {MOST_LOTS} lots of an act may be uncertain, got {int(uncertain.sum())}; join some")
    there = np.array(list(itertools.product((0.0, 1.0), repeat=int(uncertain.sum()))))
    sums = worth[chance >= 1.0].sum() + there @ worth[uncertain]
    chances = np.where(there > 0, chance[uncertain], 1.0 - chance[uncertain]).prod(-1)
    return np.asarray(sums), np.asarray(chances)


def counterfactual_regret(payoffs: npt.ArrayLike, probabilities: npt.ArrayLike) -> FloatArray:
    """sum_s p(s) max(0, u(b, s) - u(a, s)), (A, A): how much a is regretted for the want of b, and only that."""
    table = axes("payoffs", finite("payoffs", payoffs), "acts", "states")
    return expectation(np.maximum(table[None, :, :] - table[:, None, :], 0.0), np.asarray(probabilities)[None, None, :])


def standardised(criteria: npt.ArrayLike) -> FloatArray:
    """(..., A, C) criteria to 0..1 over the acts: the best act has 1, the worst 0; where all are equal all have 0."""
    table = axes("criteria", finite("criteria", criteria), "acts", "criteria")
    low, high = table.min(-2, keepdims=True), table.max(-2, keepdims=True)
    return np.asarray(np.divide(table - low, high - low, out=np.zeros_like(table), where=high > low))


def scores(criteria: npt.ArrayLike, weights: npt.ArrayLike) -> FloatArray:
    """Weighted means of standardised criteria: (..., A, C) and (C,) to (..., A), 0..1.

    Raises:
        DataError: No weight is above 0.
    """
    shares = within("weights", weights, 0.0)
    if not shares.sum() > 0:
        raise DataError("the weights of the criteria are all 0, so that nothing ranks the acts; give one above 0")
    return np.asarray(standardised(criteria) @ shares / shares.sum())


@attrs.frozen
class BreakEven:
    """Where another act draws level with the first one."""

    value: float
    """Of the number that is varied."""
    act: int
    """That draws level there."""


def weight_break_even(criteria: npt.ArrayLike, weights: npt.ArrayLike, criterion: int, first: int) -> BreakEven | None:
    """The weight of one criterion nearest to its own at which another act has the score of the first one.

    None if no weight from 0 on does, the other weights staying as they are.
    """
    table, shares = standardised(criteria), within("weights", weights, 0.0)
    ahead = table[first] - table
    found = []
    for act in range(len(table)):
        gap, own = float(ahead[act] @ shares), float(ahead[act, criterion])
        if act == first or own == 0.0:
            continue
        value = float(shares[criterion]) - gap / own
        if value >= 0.0 and value + shares.sum() - shares[criterion] > 0.0:
            found.append(BreakEven(value, act))
    return min(found, key=lambda one: abs(one.value - float(shares[criterion])), default=None)


def probability_break_even(
    payoffs: npt.ArrayLike, probabilities: npt.ArrayLike, state: int, first: int
) -> BreakEven | None:
    """The probability of one state nearest to its own at which another act has the expected utility of the first one.

    The other states keep their proportions. None if no probability does, or if the state is certain.
    """
    table = axes("payoffs", finite("payoffs", payoffs), "acts", "states")
    chances = distribution("probabilities", probabilities, table.shape[-1])
    own, rest = float(chances[state]), float(chances.sum() - chances[state])
    if rest <= 0.0:
        return None
    found = []
    for act in range(len(table)):
        ahead = table[first] - table[act]
        here, elsewhere = float(ahead[state]), float(np.delete(ahead, state) @ np.delete(chances, state)) / rest
        if act == first or here == elsewhere:
            continue
        value = elsewhere / (elsewhere - here)
        if 0.0 <= value <= 1.0:
            found.append(BreakEven(value, act))
    return min(found, key=lambda one: abs(one.value - own), default=None)


def luce_shares(strengths: npt.ArrayLike) -> FloatArray:
    """(A,) logits of the acts to the probability of each to be chosen among all (Luce 1959)."""
    logits = finite("strengths", strengths)
    odds = np.exp(logits - logits.max())
    return np.asarray(odds / odds.sum())


def first_shares(drawn: npt.ArrayLike) -> FloatArray:
    """How often each act has the highest score among draws, (R, A) to (A,); of equals the first."""
    table = axes("drawn scores", finite("drawn scores", drawn), "draws", "acts")
    return np.asarray(np.bincount(table.argmax(-1), minlength=table.shape[-1]) / len(table))
