"""Who feels what: the company before and after the event, the self in another's place, the community."""

from __future__ import annotations

import math
import random

import attrs

from redheart_village import calculus
from redheart_village.account import HALF_OWN, Account, Hedons
from redheart_village.affect import Affect, felt, impact, moved, rest, shaken
from redheart_village.appraisal import Appraisal, OwnScores, appraise_from, own_scores
from redheart_village.company import MANNERS, Company, Member, distance, similarity
from redheart_village.regret import expected

CONTAGION = 0.3
"""Share of the self's distance from rest that those who are close have caught before the event."""
SPREAD = 0.12
"""Of the others' affect before the event around what character and contagion make of it."""
LEADER = 0.3
"""Share of the community's affect that is the leader's."""


@attrs.frozen
class Feelings:
    """Affect of the company; others in its order."""

    actor_before: Affect
    actor_after: Affect
    others_before: tuple[Affect, ...]
    others_after: tuple[Affect, ...]
    actor_view: Appraisal
    other_view: Appraisal
    """Of the first other."""


def feel(account: Account, company: Company, mood: Affect, rng: random.Random) -> Feelings:
    """Let everybody live through the event.

    Args:
        account: The event.
        company: Who is there.
        mood: The self's affect before it.
        rng: Gives what the others bring along.
    """
    actor, pair = company.actor, account.situation.pair
    agent_own, other_own = own_scores(account, "agent"), own_scores(account, "other")
    agent_fate, other_fate = _fate(account, agent_own), _fate(account, other_own)
    actor_view = appraise_from(account, agent_own, False, pair.closeness)
    views = [appraise_from(account, other_own, True, pair.closeness)]
    views += [
        appraise_from(account, _crowd_scores(account, member), True, member.closeness) for member in company.others[1:]
    ]
    lifted = [one - home for one, home in zip(mood, rest(actor), strict=True)]
    before = tuple(_before(member, lifted, rng) for member in company.others)
    after = tuple(
        _after(old, view, member, member.person.care * member.closeness * agent_fate)
        for old, view, member in zip(before, views, company.others, strict=True)
    )
    return Feelings(
        actor_before=mood,
        actor_after=_after(mood, actor_view, actor, actor.person.care * pair.closeness * other_fate),
        others_before=before,
        others_after=after,
        actor_view=actor_view,
        other_view=views[0],
    )


def projection(account: Account, company: Company, feelings: Feelings) -> Affect:
    """What the self would feel in the place of the first other, calibrated by how similar both are.

    How well the other's story is known is 0.8 + 0.5 closeness.
    """
    actor, other = company.actor, company.others[0]
    there = _after(feelings.actor_before, feelings.other_view, actor, 0.0)
    alike = similarity(account.situation, actor.person, other.person)
    factor = (0.8 + 0.5 * other.closeness) * (1.0 - 0.3 * distance(actor.culture, other.culture)) * (0.5 + 0.5 * alike)
    factor = min(max(factor, 0.3), 1.5)
    valence = 2.0 / (1.0 + math.exp(-2.0 * (there[0] + 0.3 * actor.optimism))) - 1.0
    arousal = there[1] * (0.7 + 0.6 * account.situation.stakes)
    return tuple(min(max(value, -1.0), 1.0) for value in (valence, arousal, *(factor * value for value in there[2:])))


def community(company: Company, feelings: Feelings) -> Affect:
    """Mean of what everybody shows, weighted by status and influence, and 30 % the leader's (Phase 2)."""
    members = (company.actor, *company.others)
    shown = [
        show(affect, member)
        for affect, member in zip((feelings.actor_after, *feelings.others_after), members, strict=True)
    ]
    weights = [member.status + member.influence for member in members]
    total = math.fsum(weights)
    leader = shown[weights.index(max(weights))]
    return tuple(
        (1.0 - LEADER) * math.fsum(w * value for w, value in zip(weights, column, strict=True)) / total + LEADER * lead
        for column, lead in zip(zip(*shown, strict=True), leader, strict=True)
    )


def show(affect: Affect, member: Member) -> Affect:
    """What of an affect can be seen, by manners and by the person."""
    manners = MANNERS[member.culture]
    size = (0.6 + 0.4 * member.expressiveness) * (1.0 - 0.3 * manners.indirectness)
    held_back = size * (1.0 - 0.5 * manners.suppression)
    fitting_in = size * (1.0 - 0.3 * manners.harmony)
    valence, arousal, dominance, *others = affect
    return (held_back * valence, held_back * arousal, fitting_in * dominance, *(size * value for value in others))


def crowd_score(hedons: Hedons, crowd: int, need: float) -> float:
    """Own score of one of the crowd, whose usual need is 0.5; 0 for an onlooker, where there is no crowd."""
    net = math.fsum([value for role, value in hedons if role == "crowd"])
    return calculus.bounded_score(net / max(crowd, 1) * (0.35 + 0.65 * need) / 0.675, HALF_OWN)


def _crowd_scores(account: Account, member: Member) -> OwnScores:
    need = member.person.needs[account.matter.need]
    crowd = account.situation.crowd
    return {act: [crowd_score(hedons, crowd, need) for hedons in row] for act, row in account.hedons.items()}


def _fate(account: Account, own: OwnScores) -> float:
    """The own score of a person over the states."""
    return expected(own[account.episode.chosen], account.weights)


def _before(member: Member, lifted: list[float], rng: random.Random) -> Affect:
    caught = CONTAGION * member.closeness
    return shaken([home + caught * lift for home, lift in zip(rest(member), lifted, strict=True)], SPREAD, rng)


def _after(before: Affect, view: Appraisal, member: Member, sympathy: float) -> Affect:
    return moved(before, felt(view, member, sympathy), impact(view))
