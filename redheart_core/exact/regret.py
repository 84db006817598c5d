"""Regret of decisions: expected and minimax (Savage 1951), and regret theory (Bell 1982; Loomes and Sugden 1982).

Payoffs are (..., acts, states) in any unit of utility, probabilities (..., states); acts and states count from 0.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import (
    BoolArray,
    FloatArray,
    IntArray,
    axes,
    batch,
    distribution,
    finite,
    positive,
    real,
    within,
)


def _payoffs(payoffs: npt.ArrayLike, possible: npt.ArrayLike | None) -> tuple[FloatArray, BoolArray]:
    """The payoffs and, broadcast to (..., acts), which acts are possible; the others hold NaN."""
    table = axes("payoffs", real("payoffs", payoffs), "acts", "states")
    if possible is None:
        return finite("payoffs", table, "name impossible acts with `possible`"), np.ones(table.shape[:-1], np.bool_)
    mask = np.asarray(possible)
    if mask.dtype != np.bool_ or mask.shape != table.shape[:-1]:
        raise DataError(
            f"possible needs booleans of shape {table.shape[:-1]}, got {mask.dtype} {mask.shape}; one per act"
        )
    if not mask.any(-1).all():
        raise DataError("each decision needs at least one possible act, got one without; drop it")
    finite("payoffs of possible acts", table[mask])
    return np.where(mask[..., None], table, np.nan), mask


def regret_matrix(payoffs: npt.ArrayLike, possible: npt.ArrayLike | None = None) -> FloatArray:
    """r(a, s) = max over b of u(b, s), less u(a, s): >= 0, with a 0 in every state.

    Args:
        payoffs: (..., acts, states).
        possible: (..., acts) booleans; the payoffs of the others may be NaN and count nowhere. All without.

    Returns:
        (..., acts, states), NaN for impossible acts.
    """
    table, mask = _payoffs(payoffs, possible)
    best = np.where(mask[..., None], table, -np.inf).max(-2, keepdims=True)
    return np.asarray(best - table)


def expectation(values: npt.ArrayLike, probabilities: npt.ArrayLike) -> FloatArray:
    """Sum over states of p(s) x(s): (..., states) and (..., states) to (...,)."""
    array = axes("values", real("values", values), "states")
    weights = distribution("state probabilities", probabilities, array.shape[-1])
    _ = batch("values and state probabilities", array.shape, weights.shape)
    return np.asarray((array * weights).sum(-1))


def _per_act(table: FloatArray, probabilities: npt.ArrayLike) -> FloatArray:
    chances = axes("probabilities", real("probabilities", probabilities), "states")
    return expectation(table, chances[..., None, :])


@attrs.frozen(eq=False)
class Decision:
    """What a table of payoffs says of each act; acts count from 0, impossible ones hold NaN."""

    regret: FloatArray
    """(..., acts, states) r >= 0."""
    expected_utility: FloatArray
    """(..., acts)."""
    expected_regret: FloatArray
    """(..., acts) ER >= 0: anticipated regret."""
    largest_regret: FloatArray
    """(..., acts) over the states, >= 0."""
    perfect_information: FloatArray
    """(...,) expected value of perfect information, min ER."""
    best_act: IntArray
    """(...,) of the largest expected utility, which is that of the least expected regret; the first of equals."""
    minimax_act: IntArray
    """(...,) of the least largest regret; the first of equals."""


def decide(payoffs: npt.ArrayLike, probabilities: npt.ArrayLike, possible: npt.ArrayLike | None = None) -> Decision:
    """Expected utility, expected and minimax regret of all acts.

    Args:
        payoffs: (..., acts, states).
        probabilities: (..., states), sum 1.
        possible: (..., acts) booleans; all without.
    """
    table, _ = _payoffs(payoffs, possible)
    regret = regret_matrix(payoffs, possible)
    utility, expected, largest = _per_act(table, probabilities), _per_act(regret, probabilities), regret.max(-1)
    return Decision(
        regret=regret,
        expected_utility=utility,
        expected_regret=expected,
        largest_regret=largest,
        perfect_information=np.asarray(np.nanmin(expected, -1)),
        best_act=np.asarray(np.nanargmax(utility, -1)),
        minimax_act=np.asarray(np.nanargmin(largest, -1)),
    )


@attrs.frozen(eq=False)
class MixedMinimax:
    """The mixture of acts whose largest expected regret over the states is least."""

    weights: FloatArray
    """(acts,) q >= 0, sum 1."""
    value: float
    """max over states of sum_a q_a r(a, s)."""


def mixed_minimax(payoffs: npt.ArrayLike) -> MixedMinimax:
    """Solve min v with q >= 0, sum q = 1 and sum_a q_a r(a, s) <= v for one table (acts, states)."""
    from scipy.optimize import linprog  # half a second, which only this function needs

    regret = regret_matrix(payoffs)
    if regret.ndim != 2:
        raise DataError(f"mixed_minimax needs one table (acts, states), got {regret.shape}; call it once per table")
    acts, states = regret.shape
    scale = regret.max() or 1.0  # so that the solver's absolute tolerances mean the same for every unit
    solved = linprog(
        np.append(np.zeros(acts), 1.0),
        A_ub=np.hstack([regret.T / scale, -np.ones((states, 1))]),
        b_ub=np.zeros(states),
        A_eq=np.append(np.ones(acts), 0.0)[None],
        b_eq=[1.0],
    )
    if not solved.success:
        raise DataError(f"the mixed minimax programme has no solution: {solved.message}; rescale the payoffs")
    weights = np.clip(solved.x[:-1], 0.0, None)
    weights /= weights.sum()
    return MixedMinimax(weights, float((weights @ regret).max()))


@attrs.frozen(eq=False)
class SignalRegret:
    """Regret after a signal y that depends on the state."""

    signal_probability: FloatArray
    """(..., signals) P(y)."""
    experienced: FloatArray
    """(..., acts, signals) E[max_b u(b, s) - u(a, s) | y]; its mean over y is ER(a)."""
    resolvable: FloatArray
    """(..., acts, signals) max_b E[u(b, s) | y] - E[u(a, s) | y], at most the experienced one."""


def regret_after_signal(
    payoffs: npt.ArrayLike, probabilities: npt.ArrayLike, likelihood: npt.ArrayLike
) -> SignalRegret:
    """The experienced and the resolvable regret under partial feedback; they are different quantities.

    Args:
        payoffs: (..., acts, states).
        probabilities: (..., states), sum 1.
        likelihood: (..., states, signals) P(y | s), sum 1 over signals.

    Raises:
        DataError: A signal that never comes (P(y) = 0) has no regret.
    """
    table, _ = _payoffs(payoffs, None)
    prior = distribution("state probabilities", probabilities, table.shape[-1])
    chance = axes("likelihood", distribution("likelihood", likelihood), "states", "signals")
    if chance.shape[-2] != table.shape[-1]:
        raise DataError(f"likelihood needs one row for each of {table.shape[-1]} states, got {chance.shape}")
    joint = prior[..., :, None] * chance
    signal = joint.sum(-2)
    if (signal == 0).any():
        raise DataError("a signal never comes (P(y) = 0), so it has no regret; leave its column out")
    posterior = joint / signal[..., None, :]
    utility = table @ posterior
    return SignalRegret(
        signal_probability=signal,
        experienced=regret_matrix(table) @ posterior,
        resolvable=utility.max(-2, keepdims=True) - utility,
    )


def skew_utility(difference: npt.ArrayLike, weight: npt.ArrayLike, steepness: npt.ArrayLike) -> FloatArray:
    """Q(x) = x + 2 g sinh(beta x) of regret theory: skew-symmetric, convex for x > 0; g = 0 is expected utility.

    Args:
        difference: x = u(a, s) - u(b, s).
        weight: g >= 0.
        steepness: beta > 0.
    """
    x = finite("difference", difference)
    return np.asarray(x + 2.0 * within("weight", weight, 0.0) * np.sinh(positive("steepness", steepness) * x))


def preference_matrix(
    payoffs: npt.ArrayLike, probabilities: npt.ArrayLike, weight: npt.ArrayLike, steepness: npt.ArrayLike
) -> FloatArray:
    """sum_s p(s) Q(u(a, s) - u(b, s)): (..., acts, acts), skew-symmetric; a is preferred to b where it is above 0.

    Preferences may be cyclic (Loomes-Sugden, Bell).
    """
    table, _ = _payoffs(payoffs, None)
    difference = table[..., :, None, :] - table[..., None, :, :]
    weights = np.asarray(probabilities, dtype=np.float64)[..., None, None, :]
    return expectation(skew_utility(difference, weight, steepness), weights)


def adjusted_utility(
    payoffs: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    kappa: float,
    penalty: Callable[[FloatArray], FloatArray] = np.square,
) -> FloatArray:
    """EU(a) - kappa sum_s p(s) g(r(a, s)): (..., acts); g has to be convex, as a linear one changes no ranking."""
    table, _ = _payoffs(payoffs, None)
    regret = penalty(regret_matrix(table))
    return np.asarray(_per_act(table, probabilities) - within("kappa", kappa, 0.0) * _per_act(regret, probabilities))
