"""The Korean triple: jeong, han and chemyeon of an episode."""

from __future__ import annotations

from redheart_village import calculus
from redheart_village.account import Account
from redheart_village.appraisal import Appraisal
from redheart_village.company import MANNERS, Company
from redheart_village.labels import DAYS_SCALE
from redheart_village.past import Past
from redheart_village.regret import expected
from redheart_village.world import STATES, norm_of

HALF_HAN = 0.3
"""Enduring grief that maps to one half."""


def triple(account: Account, company: Company, past: Past, view: Appraisal) -> dict[str, float]:
    """Bond between the two, hopeless grief of the focus person, and the agent's face at stake; each 0..1.

    Args:
        account: The episode.
        company: Who is there.
        past: Of the agent.
        view: Of the focus person.
    """
    situation = account.situation
    norm, pair = norm_of(situation, account.episode.chosen), situation.pair
    jeong = 0.65 * pair.closeness + 0.35 * norm * (0.4 + 0.6 * pair.agent.care) + 0.1 * pair.promise
    helpless = account.episode.focus == "other" or account.episode.chosen == "wait"
    endured = 0.0
    if account.episode.focus == "agent":
        endured = sum(max(-memory.after[0], 0.0) for memory in past.memories) / len(past.memories)
    lasting = 0.3 + 0.7 * calculus.days_to_unit(situation.days, DAYS_SCALE)
    grief = view.loss * lasting * (1.0 if helpless else 0.4) + 0.3 * endured
    seen = expected([float(state.seen) for state in STATES], account.weights)
    manners = MANNERS[company.actor.culture]
    face = (0.35 + 0.65 * manners.harmony) * (0.2 + 0.8 * seen * abs(norm)) * (0.6 + 0.4 * company.actor.status)
    return {"jeong": min(max(jeong, 0.0), 1.0), "han": grief / (HALF_HAN + grief), "chemyeon": min(face, 1.0)}
