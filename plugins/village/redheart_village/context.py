"""The full calculus: burdens, six layers of context, and what has come by each horizon."""

from __future__ import annotations

import math
from collections.abc import Sequence

from redheart_village import calculus
from redheart_village.account import RHO, Account, redistribution, weigh
from redheart_village.acts import PROFILES
from redheart_village.company import MANNERS, Company
from redheart_village.world import norm_of

HORIZONS_DAYS = (1, 3, 7, 14, 30, 60, 90, 180, 365, 730)


def burdens(account: Account) -> dict[str, float]:
    """e, r and d of the chosen act."""
    profile = PROFILES[account.episode.chosen]
    return {
        "external_cost": profile.external_cost,
        "redistribution": redistribution(account.situation, account.episode.chosen),
        "self_damage": profile.self_damage,
    }


def context_layers(account: Account, company: Company) -> dict[str, float]:
    """How much each layer of context weighs for the chosen act, within 0.3..2.5; 1 is neutral."""
    situation = account.situation
    manners = MANNERS[company.actor.culture]
    extent = calculus.persons_to_unit(situation.crowd, 100.0)
    return {
        "cultural": 0.6 + 0.6 * manners.harmony + 0.5 * manners.harmony * extent,
        "temporal": 0.5 + calculus.delay_to_unit(situation.delay_days, RHO),
        "social": 0.8 + 0.7 * situation.pair.closeness,
        "personal": 0.5 + situation.pair.agent.needs[account.matter.need],
        "moral": 1.0 + 0.5 * abs(norm_of(situation, account.episode.chosen)),
        "situational": 0.5 + 1.2 * situation.stakes,
    }


def utility_in_context(account: Account, layers: Sequence[float]) -> float:
    """Bounded score of the chosen act over the states, with all six layers."""
    net, gross = calculus.net_and_gross(account.chosen_lots, RHO)
    return weigh(account.situation, account.episode.chosen, net, gross, calculus.context_factor(layers))


def utility_horizons(account: Account, layers: Sequence[float]) -> dict[str, float]:
    """The same, of what is felt until each horizon: the integral K ends there."""
    context = calculus.context_factor(layers)
    spans: dict[tuple[float, float], list[float]] = {}
    for lot in account.chosen_lots:
        # the lots of a story share when they begin and how long they last, so only a few K are needed
        rate = lot.persons * lot.intensity * lot.certainty * calculus.chain_factor(lot.fecundity, lot.purity)
        sums = spans.setdefault((lot.delay_days, lot.days), [0.0, 0.0])
        sums[0] += lot.sign * rate
        sums[1] += rate
    scores = {}
    for horizon in HORIZONS_DAYS:
        net = gross = 0.0
        for (delay, days), (net_rate, gross_rate) in spans.items():
            felt_days = min(days, max(horizon - delay, 0.0))
            k = math.exp(-RHO * delay) * -math.expm1(-RHO * felt_days) / RHO
            net += net_rate * k
            gross += gross_rate * k
        scores[f"day_{horizon}"] = weigh(account.situation, account.episode.chosen, net, gross, context)
    return scores
