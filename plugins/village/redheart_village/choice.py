"""The choice: what each act would have been worth, how much it is to regret, and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping

from redheart_village.account import Account
from redheart_village.acts import ACTS
from redheart_village.regret import expected, regret_matrix
from redheart_village.world import STATES

STATE_NAMES = tuple(f"{state.luck}_{'seen' if state.seen else 'unseen'}" for state in STATES)

ACTION = (1.0, 0.35)
"""Weight of the regret of an act, and the rate per year at which it fades."""
INACTION = (0.75, 0.05)
"""The same for having waited: weaker at first, stronger in the end (Gilovich and Medvec 1995)."""
TIMES_YEARS: Mapping[str, float] = {"day": 1.0 / 365.0, "month": 30.0 / 365.0, "year": 1.0, "decade": 10.0}


def payoffs(account: Account) -> list[dict[str, float] | None]:
    """Per act in ACTS the score in each state, None if it cannot be done."""
    rows = dict(zip(account.situation.acts, account.payoffs, strict=True))
    return [dict(zip(STATE_NAMES, rows[act], strict=True)) if act in rows else None for act in ACTS]


def state_probability(account: Account) -> dict[str, float]:
    """Before chance has spoken."""
    return dict(zip(STATE_NAMES, account.situation.probabilities, strict=True))


def act_regret(account: Account) -> dict[str, float]:
    """Of each possible act, expected over the states."""
    p = account.situation.probabilities
    rows = regret_matrix(account.payoffs)
    return {act: expected(row, p) for act, row in zip(account.situation.acts, rows, strict=True)}


def act_max_regret(account: Account) -> dict[str, float]:
    """Of each possible act, in the state where it is worst."""
    rows = regret_matrix(account.payoffs)
    return {act: max(row) for act, row in zip(account.situation.acts, rows, strict=True)}


def chosen_act(account: Account) -> dict[str, float]:
    """1 for what was done."""
    return {act: float(act == account.episode.chosen) for act in ACTS}


def regret_course(account: Account, regret: float) -> dict[str, float]:
    """Regret w e^(-lambda t) over time; those who decide in haste also forget sooner."""
    weight, rate = INACTION if account.episode.chosen == "wait" else ACTION
    pace = 0.7 + account.situation.pair.agent.haste
    return {name: regret * weight * math.exp(-rate * pace * years) for name, years in TIMES_YEARS.items()}
