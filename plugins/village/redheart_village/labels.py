"""From an episode of the world to the labels of its record; the README states each rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from redheart_village import calculus
from redheart_village.account import RHO, Account, persons_in, score
from redheart_village.calculus import Lot
from redheart_village.regret import expected, expected_regret, margin

DAYS_SCALE = 30.0
"""D0: days that map to 1 - 1/e."""
MOST_PERSONS = 100.0
"""N0: persons that map to an extent of one."""
HALF_REGRET = 0.4
"""R0: regret that maps to one half."""
HALF_LOSS = 0.25
"""Expected loss that maps to a risk of one half."""
HALF_MARGIN = 0.15
"""Lead of the best act that maps to a decision of one half."""
MOST_ACTS = 4
DIGITS = 6
"""Labels are rounded, so that the last bit of a machine's exp and log does not show."""


def labels_of(account: Account, feelings: Mapping[str, float]) -> dict[str, object]:
    """All fields of the episode's record; feelings are the emotions of the focus person."""
    return {
        "emotion": _rounded(feelings),
        "bentham": _rounded(bentham(account)),
        "utility": round(utility(account), DIGITS),
        "regret": round(regret(account), DIGITS),
        "choice_factors": _rounded(choice_factors(account)),
    }


def bentham(account: Account) -> dict[str, float]:
    """Bentham's seven circumstances of the chosen act, each mapped to 0..1.

    Those of a lot are means over lots, weighted by the probability of the state and the lot's turnover.
    """
    outcomes = list(zip(account.outcomes[account.episode.chosen], account.weights, strict=True))
    weighted = [
        (felt.lot, p * felt.lot.persons * abs(calculus.lot_value(felt.lot, RHO)))
        for outcome, p in outcomes
        for felt in outcome
        if p > 0.0
    ]
    turnover = math.fsum(weight for _, weight in weighted)

    def mean(of: Callable[[Lot], float]) -> float:
        return math.fsum(weight * of(lot) for lot, weight in weighted) / turnover

    persons = math.fsum(p * persons_in(outcome) for outcome, p in outcomes)
    return {
        "intensity": mean(lambda lot: lot.intensity),
        "duration": mean(lambda lot: calculus.days_to_unit(lot.days, DAYS_SCALE)),
        "certainty": expected(account.shares, account.weights),
        "propinquity": mean(lambda lot: calculus.delay_to_unit(lot.delay_days, RHO)),
        "fecundity": mean(lambda lot: lot.fecundity),
        "purity": mean(lambda lot: lot.purity),
        "extent": calculus.persons_to_unit(persons, MOST_PERSONS),
    }


def utility(account: Account) -> float:
    """Bounded score of the chosen act: of its outcome if known, else expected over the states."""
    return score(account.situation, account.episode.chosen, account.chosen_lots)


def regret(account: Account) -> float:
    """Regret against the best act, in the state that came or expected over the states; r / (R0 + r)."""
    return bounded_regret(expected_regret(account.payoffs, account.weights, account.chosen_row))


def bounded_regret(size: float) -> float:
    """r / (R0 + r), in 0..1."""
    return size / (HALF_REGRET + size)


def choice_factors(account: Account) -> dict[str, float]:
    """Selection, uncertainty, risk and decision of the choice, before chance has spoken."""
    acts, probabilities = account.situation.acts, account.situation.probabilities
    values = [expected(row, probabilities) for row in account.payoffs]
    loss = expected([max(-value, 0.0) for value in account.payoffs[account.chosen_row]], probabilities)
    lead = margin(values) if len(acts) > 1 else math.inf
    return {
        "selection": (len(acts) - 1) / (MOST_ACTS - 1),
        "uncertainty": account.uncertainty,
        "risk": loss / (HALF_LOSS + loss),
        "decision": 1.0 if lead == math.inf else lead / (HALF_MARGIN + lead),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {label: round(value, DIGITS) for label, value in values.items()}
