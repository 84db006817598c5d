"""Regret: of a decision, of an act against another, over time and from votes (reference section 5).

Payoffs are (..., acts, states) in any unit of utility, probabilities (..., states); acts and states count from 0.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

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
    """What section 5.1 says of a table of payoffs; acts count from 0, impossible ones hold NaN."""

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


def regret_against(chosen: npt.ArrayLike, other: npt.ArrayLike) -> FloatArray:
    """max(0, u(b, s) - u(a, s)) for the payoffs of the chosen act a and of one other act b; swapped, the rejoicing."""
    a, b = finite("payoff of the chosen act", chosen), finite("payoff of the other act", other)
    _ = batch("payoffs of the chosen and the other act", a.shape, b.shape)
    return np.asarray(np.maximum(0.0, b - a))


def margin(values: npt.ArrayLike) -> FloatArray:
    """The best value of the last axis less the second best, >= 0."""
    ordered = np.sort(axes("values", finite("values", values), "values", least=2), -1)
    return np.asarray(ordered[..., -1] - ordered[..., -2])


@attrs.frozen(eq=False)
class SignalRegret:
    """Regret after a signal y that tells something of the state."""

    signal_probability: FloatArray
    """(..., signals) P(y)."""
    experienced: FloatArray
    """(..., acts, signals) E[max_b u(b, s) - u(a, s) | y]; its mean over y is ER(a)."""
    resolvable: FloatArray
    """(..., acts, signals) max_b E[u(b, s) | y] - E[u(a, s) | y], at most the experienced one."""


def regret_after_signal(
    payoffs: npt.ArrayLike, probabilities: npt.ArrayLike, likelihood: npt.ArrayLike
) -> SignalRegret:
    """Both regrets of section 5.1 under partial feedback; they are different quantities.

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


def present_value(regrets: npt.ArrayLike, delta: float) -> FloatArray:
    """sum_t delta^t r_t over the last axis, t = 0, 1, ...; delta in 0..1 per step."""
    stream = axes("regrets", finite("regrets", regrets), "steps")
    return np.asarray(stream @ (within("delta", delta, 0.0, 1.0) ** np.arange(stream.shape[-1])))


def perpetual_value(regret: npt.ArrayLike, delta: npt.ArrayLike) -> FloatArray:
    """The present value r / (1 - delta) of the same regret in every step for ever; delta in 0..1 without 1."""
    return np.asarray(finite("regret", regret) / positive("1 - delta", 1.0 - within("delta", delta, 0.0, 1.0)))


def fading_intensity(weight: npt.ArrayLike, rate: npt.ArrayLike, time: npt.ArrayLike) -> FloatArray:
    """w e^(-lambda t): how strong a regret of weight w >= 0 is after t >= 0, lambda >= 0 per unit of t."""
    return np.asarray(within("weight", weight, 0.0) * np.exp(-within("rate", rate, 0.0) * within("time", time, 0.0)))


def fading_total(weight: npt.ArrayLike, rate: npt.ArrayLike, rho: npt.ArrayLike = 0.0) -> FloatArray:
    """w / (lambda + rho): the integral of the fading intensity, discounted at rho >= 0 per unit of time."""
    together = within("rate", rate, 0.0) + within("rho", rho, 0.0)
    return np.asarray(within("weight", weight, 0.0) / positive("rate + rho", together))


def crossing_time(
    action_weight: npt.ArrayLike,
    inaction_weight: npt.ArrayLike,
    action_rate: npt.ArrayLike,
    inaction_rate: npt.ArrayLike,
) -> FloatArray:
    """t* = ln(w_act / w_inact) / (lambda_act - lambda_inact), from when inaction is regretted more (Gilovich-Medvec).

    Raises:
        DataError: Not w_act >= w_inact > 0 and lambda_act > lambda_inact: the curves do not cross so.
    """
    ratio = positive("action_weight", action_weight) / positive("inaction_weight", inaction_weight)
    within("action_weight / inaction_weight", ratio, 1.0, remedy="actions have to hurt more at first")
    faster = within("action_rate", action_rate, 0.0) - within("inaction_rate", inaction_rate, 0.0)
    return np.asarray(np.log(ratio) / positive("action_rate - inaction_rate", faster, "actions have to fade faster"))


@attrs.frozen(eq=False)
class VoteRegret:
    """What the votes between two options say."""

    share: FloatArray
    """p of the first option, 0..1 without the ends."""
    logit_gap: FloatArray
    """|ln(p / (1 - p))| >= 0: logit regret of the option with fewer votes."""
    probability_gap: FloatArray
    """max(p, 1 - p) - 1/2 in 0..1/2: probability-gap regret of the option with fewer votes."""


def vote_regret(first: npt.ArrayLike, second: npt.ArrayLike, *, smoothed: bool = True) -> VoteRegret:
    """Regret from the votes for two options, Bradley-Terry with two players.

    Args:
        first: (...,) votes >= 0 for the first option.
        second: (...,) votes >= 0 for the second one.
        smoothed: p = (w + 1/2) / (w + l + 1), so that unanimity stays finite; otherwise w / (w + l).

    Raises:
        DataError: Nobody voted, or unanimity is not smoothed.
    """
    won, lost = within("votes for the first option", first, 0.0), within("votes for the second option", second, 0.0)
    _ = batch("votes for both options", won.shape, lost.shape)
    positive("the sum of the votes", won + lost, "drop pairs without votes")
    if smoothed:
        won, lost = won + 0.5, lost + 0.5
    elif (won * lost == 0).any():
        raise DataError("unanimous votes have an infinite logit gap; use smoothed=True")
    share = won / (won + lost)
    gap = np.abs(np.log(won) - np.log(lost))
    return VoteRegret(np.asarray(share), np.asarray(gap), np.asarray(np.maximum(share, 1.0 - share) - 0.5))


@attrs.frozen(eq=False)
class BradleyTerry:
    """Strengths of K options from pairwise wins, P(i beats j) = sigmoid(theta_i - theta_j)."""

    theta: FloatArray
    """(K,) logits with sum 0."""

    @property
    def probability(self) -> FloatArray:
        """(K, K) P(row beats column)."""
        return np.asarray(special.expit(self.theta[:, None] - self.theta))

    @property
    def logit_regret(self) -> FloatArray:
        """(K,) max theta - theta >= 0."""
        return np.asarray(self.theta.max() - self.theta)

    @property
    def probability_regret(self) -> FloatArray:
        """(K,) P(best beats i) - 1/2, in 0..1/2."""
        return np.asarray(special.expit(self.logit_regret) - 0.5)


def fit_bradley_terry(wins: npt.ArrayLike) -> BradleyTerry:
    """Maximum likelihood by Newton's method with halved steps.

    Args:
        wins: (K, K) counts >= 0, row beat column; the diagonal is 0.

    Raises:
        DataError: There is no finite maximum, as some options never lost to the rest.
    """
    from scipy.sparse.csgraph import connected_components  # a quarter of a second, which only this function needs

    counts = axes("wins", within("wins", wins, 0.0), "options", "options", least=2)
    size = len(counts)
    if counts.shape != (size, size) or counts.diagonal().any():
        raise DataError(f"wins needs the shape (K, K) with 0 on its diagonal, got {counts.shape}; row beat column")
    parts, part = connected_components(counts > 0, connection="strong")
    if parts > 1:
        groups = [np.flatnonzero(part == number).tolist() for number in range(parts)]
        raise DataError(
            f"the strengths have no finite maximum of likelihood: the groups {groups} do not all beat each other; "
            "add 0.5 to both sides of each compared pair, or fit the groups apart"
        )
    games = counts + counts.T
    theta = np.zeros(size)
    for _ in range(200):
        chance = special.expit(theta[:, None] - theta)
        slope = (counts - games * chance).sum(1)
        weight = games * chance * chance.T
        # a constant everywhere fixes the free direction (1, ..., 1) and leaves the others alone
        step = np.linalg.solve(np.diag(weight.sum(1)) - weight + games.max() / size, slope)
        length = 1.0
        least = _log_likelihood(counts, theta) - 1e-12 * games.sum()  # rounding must not refuse the last steps
        while _log_likelihood(counts, theta + length * step) < least and length > 1e-10:
            length /= 2.0
        theta = theta + length * step
        if np.abs(step).max() < 1e-13 * max(1.0, np.abs(theta).max()):
            break
    return BradleyTerry(theta - theta.mean())


def _log_likelihood(wins: FloatArray, theta: FloatArray) -> float:
    return float((wins * special.log_expit(theta[:, None] - theta)).sum())
