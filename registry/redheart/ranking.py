"""The order of acts by weighted criteria, what it depends on, and how likely the first one is to be right.

Shapes: A acts, C criteria, R draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from redheart.decision import ActFigures, CrowdVerdict, Ranking, Sensitivity
from redheart.dilemma import CRITERIA, Dilemma
from redheart_core.contract.errors import DataError
from redheart_core.exact import choice

Matrix = NDArray[np.float64]

DRAWS = 20_000
SEED = 0
ASKED = "one person of the crowd is asked, whose choice goes with the model's odds (Luce 1959)"
DECIDES = ("utility", "largest_regret", "crowd", "harm")
"""The first of these that is known decides where no weights are given."""


def rank(dilemma: Dilemma, figures: Sequence[ActFigures], crowd: CrowdVerdict | None) -> Ranking | None:
    """Order the acts; None if nothing is known that ranks them.

    Raises:
        DataError: A weight is given to a criterion of which nothing is known.
    """
    criteria = known_criteria(dilemma, figures, crowd)
    unknown = sorted(name for name, weight in dilemma.weights.items() if weight > 0 and name not in criteria)
    if unknown:
        raise DataError(
            f"'weights' name {', '.join(unknown)}, of which nothing is known here (known: "
            f"{', '.join(criteria) or 'nothing'}); give payoffs, probabilities, lots or persons, or leave it out"
        )
    if not criteria:
        return None
    chosen = dilemma.weights or {next(name for name in DECIDES if name in criteria): 1.0}
    weights = np.array([float(chosen.get(name, 0.0)) for name in criteria])
    table = np.array(list(criteria.values())).T
    persons = _vulnerable(dilemma)
    harms = np.array([[one.harm[name] for name in persons] for one in figures])
    order = _order(choice.scores(table, weights), harms)
    first, scores = order[0], choice.scores(table, weights)
    level = [act for act in order[1:] if scores[act] == scores[first] and np.array_equal(harms[act], harms[first])]
    stream = np.random.default_rng(SEED)
    shares, assumptions = _first(dilemma, figures, crowd, list(criteria), weights, harms, stream)
    return Ranking(
        order=tuple(order),
        level=tuple(level),
        criteria={name: tuple(map(float, values)) for name, values in criteria.items()},
        weights=dict(zip(criteria, weights.tolist(), strict=True)),
        scores=tuple(scores.tolist()),
        vulnerable_first=persons,
        first=tuple(shares.tolist()),
        assumptions=assumptions,
        sensitivity=tuple(
            _harm_sensitivity(persons, harms, first)
            or _sensitivity(dilemma, list(criteria), table, weights, first, figures)
        ),
    )


def known_criteria(dilemma: Dilemma, figures: Sequence[ActFigures], crowd: CrowdVerdict | None) -> dict[str, Matrix]:
    """Criterion to its value for each act, more is better, in the order of CRITERIA."""
    found = {}
    if all(one.utility is not None for one in figures):
        found["utility"] = np.array([float(one.utility or 0.0) for one in figures])
    for name in ("expected_regret", "largest_regret"):
        values = [getattr(one, name) for one in figures]
        if None not in values:
            found[name] = -np.array(values, np.float64)
    if any(one.harm for one in figures):
        worth = {person.name: person.vulnerability for person in dilemma.persons}
        found["harm"] = -np.array([sum(worth[name] * pain for name, pain in one.harm.items()) for one in figures])
    if crowd is not None:
        found["crowd"] = -np.array(crowd.blame)
    return {name: found[name] + 0.0 for name in CRITERIA if name in found}


def _vulnerable(dilemma: Dilemma) -> tuple[str, ...]:
    """Names of the persons whose harm comes first, the most vulnerable one first."""
    if not dilemma.vulnerable_first:
        return ()
    return tuple(person.name for person in sorted(dilemma.persons, key=lambda person: -person.vulnerability))


def _order(scores: Matrix, harms: Matrix) -> list[int]:
    """By the harms from left to right, then by the scores, then as given."""
    return sorted(range(len(scores)), key=lambda act: (*harms[act].tolist(), -float(scores[act])))


def _first(
    dilemma: Dilemma,
    figures: Sequence[ActFigures],
    crowd: CrowdVerdict | None,
    names: Sequence[str],
    weights: Matrix,
    harms: Matrix,
    stream: np.random.Generator,
) -> tuple[Matrix, tuple[str, ...]]:
    """How likely each act comes first if numbers are off and another person is asked, and what was assumed.

    Drawn, except where the crowd alone decides: its odds say it.
    """
    acts = len(figures)
    used = {name for name, weight in zip(names, weights, strict=True) if weight > 0}
    if crowd is not None and used == {"crowd"} and not harms.size:
        return choice.luce_shares(-np.array(crowd.blame)), (ASKED,)
    drawn = np.empty((DRAWS, acts, len(names)))
    payoffs = np.array([one.regret for one in figures]) if dilemma.states else None
    noise = np.zeros((DRAWS, acts, dilemma.states))
    assumptions = []
    table = np.array([act.payoffs for act in dilemma.acts]) if payoffs is not None else np.zeros((acts, 0))
    if payoffs is not None and used & {"utility", "expected_regret", "largest_regret"}:
        scale = dilemma.error * float(table.max() - table.min())
        noise = scale * stream.standard_normal(noise.shape)
        assumptions.append(f"each payoff is off by {scale:g} (standard deviation), by itself; probabilities are right")
    off = table + noise
    chances = None if dilemma.probabilities is None else np.array(dilemma.probabilities)
    regret = off.max(-2, keepdims=True) - off if dilemma.states else off
    gross = np.array([one.gross or 0.0 for one in figures])
    felt = dilemma.error * gross * stream.standard_normal((DRAWS, acts))
    pains = harms + dilemma.error * harms * stream.standard_normal((DRAWS, *harms.shape))
    if used & {"harm"} or (payoffs is None and "utility" in used) or harms.size:
        assumptions.append(f"each value of lots and each harm is off by {dilemma.error:.0%} (standard deviation)")
    for place, name in enumerate(names):
        if name == "utility":
            values = off @ chances if chances is not None else _known(figures, "utility") + felt
        elif name == "expected_regret" and chances is not None:
            values = -(regret @ chances)
        elif name == "largest_regret":
            values = -regret.max(-1)
        elif name == "harm":
            own = np.array([-sum(p.vulnerability * one.harm[p.name] for p in dilemma.persons) for one in figures])
            values = own * (1.0 + dilemma.error * stream.standard_normal((DRAWS, acts)))
        else:
            assert crowd is not None
            values = -np.array(crowd.blame) + stream.gumbel(size=(DRAWS, acts))
        drawn[..., place] = values
    if "crowd" in used:
        assumptions.append(ASKED)
    scores = choice.scores(drawn, weights)
    for column in reversed(range(harms.shape[1])):
        # an act that harms the person more than another one cannot come first
        least = pains[..., column] <= pains[..., column].min(-1, keepdims=True)
        scores = np.where(least, scores, scores - 2.0 ** (harms.shape[1] - column))
    return choice.first_shares(scores), tuple(assumptions)


def _known(figures: Sequence[ActFigures], name: str) -> Matrix:
    return np.array([getattr(one, name) for one in figures], np.float64)


def _harm_sensitivity(persons: Sequence[str], harms: Matrix, first: int) -> list[Sensitivity]:
    """The harm that puts an act first, where harm alone does; nothing where the scores are needed."""
    others = [act for act in range(len(harms)) if act != first]
    for column, person in enumerate(persons):
        nearest = min(others, key=lambda act: float(harms[act, column]))
        own, even = float(harms[first, column]), float(harms[nearest, column])
        if own < even:
            return [_line(f"harm of the first act to {person}", own, choice.BreakEven(even, nearest))]
        others = [act for act in others if harms[act, column] == own]
    return []


def _sensitivity(
    dilemma: Dilemma, names: Sequence[str], table: Matrix, weights: Matrix, first: int, figures: Sequence[ActFigures]
) -> Iterator[Sensitivity]:
    """Weights if several criteria are known, and, where one alone decides, the numbers behind it."""
    for place, name in enumerate(names if len(names) > 1 else ()):
        even = choice.weight_break_even(table, weights, place, first)
        yield _line(f"weight of {name}", float(weights[place]), even)
    used = {name for name, weight in zip(names, weights, strict=True) if weight > 0}
    if used == {"crowd"}:
        blame = -table[:, names.index("crowd")]
        nearest = min((act for act in range(len(blame)) if act != first), key=lambda act: float(blame[act]))
        even = choice.BreakEven(float(blame[nearest]), nearest)
        yield _line("blame of the first act in logits", float(blame[first]), even)
    if dilemma.probabilities is None or not used <= {"utility", "expected_regret"}:
        return
    payoffs = np.array([act.payoffs for act in dilemma.acts])
    for state, name in enumerate(dilemma.outcome_names):
        even = choice.probability_break_even(payoffs, dilemma.probabilities, state, first)
        yield _line(f"probability of {name}", dilemma.probabilities[state], even)
    utility = _known(figures, "utility")
    others = [act for act in range(len(utility)) if act != first]
    second = max(others, key=lambda act: float(utility[act]))
    for state, name in enumerate(dilemma.outcome_names):
        own, chance = float(payoffs[first, state]), dilemma.probabilities[state]
        even = choice.BreakEven(own - float(utility[first] - utility[second]) / chance, second) if chance > 0 else None
        yield _line(f"payoff of the first act if {name}", own, even)


def _line(what: str, value: float, even: choice.BreakEven | None) -> Sensitivity:
    return Sensitivity(what, value, None if even is None else even.value, None if even is None else even.act)
