"""The past: earlier scenarios of the same person, and the mood that they leave."""

from __future__ import annotations

import random

import attrs

from redheart_village.account import hedons_by_luck, hedons_of, own_worth, two_layers, worth
from redheart_village.acts import ACTS
from redheart_village.affect import Affect, felt, impact, moved, rest, shaken
from redheart_village.appraisal import Appraisal, blame
from redheart_village.company import Member
from redheart_village.labels import bounded_regret
from redheart_village.people import FREQUENCY, Pair, anybody
from redheart_village.streams import chance, gumbel, pick_weighted, stream
from redheart_village.world import Episode, State, arise, choose, norm_of, standing_of

CARRY = 0.45
"""Share of a mood's distance from rest that lasts until the next scenario."""
RUMINATION = (-0.6, 0.3, -0.4, -0.4, 0.0, -0.2)
"""What one unit of brooding over regrets does to each dimension of affect."""
MEMORY = 0.7
"""Share of the brooding that lasts until the next scenario."""
NOISE = 0.05
LENGTHS = {8: 0.25, 7: 0.1, 6: 0.1, 5: 0.1, 4: 0.15, 3: 0.15, 2: 0.15}
"""How many scenarios are remembered, and how often."""


@attrs.frozen
class Memory:
    """One earlier scenario of the self, as it ended."""

    episode: Episode
    after: Affect
    regret: float
    utility: float


@attrs.frozen
class Past:
    """A person's course so far."""

    memories: tuple[Memory, ...]
    """Oldest first."""
    mood: Affect
    """What it leaves: the affect before the next event."""


@attrs.frozen
class Look:
    """What the self sees of a known episode."""

    appraisal: Appraisal
    sympathy: float
    regret: float
    utility: float


def past_of(seed: int, language: str, index: int, member: Member) -> Past:
    """The earlier scenarios of a record's self, lived one after the other in the same world."""
    home = rest(member)
    mood, brooding = home, 0.0
    memories = []
    for back in range(pick_weighted(stream(seed, language, index, "past"), LENGTHS), 0, -1):
        rng = stream(seed, language, index, f"past {back}")
        episode = earlier(rng, member)
        look = look_at(episode)
        before = shaken(mood, NOISE, rng)
        after = moved(before, felt(look.appraisal, member, look.sympathy), impact(look.appraisal))
        memories.append(Memory(episode, after, look.regret, look.utility))
        brooding = MEMORY * brooding + (1.0 - MEMORY) * look.regret * (0.5 + member.person.conscience)
        mood = lasting(home, after, brooding)
    return Past(tuple(memories), shaken(mood, NOISE, stream(seed, language, index, "mood")))


def lasting(home: Affect, after: Affect, brooding: float) -> Affect:
    """What is left of an affect when the next scenario begins."""
    return tuple(
        base + CARRY * (value - base) + weight * brooding
        for base, value, weight in zip(home, after, RUMINATION, strict=True)
    )


def earlier(rng: random.Random, member: Member) -> Episode:
    """Another episode of the same person, with somebody else; it is over, so its outcome is known."""
    relation = pick_weighted(rng, FREQUENCY)
    pair = Pair(agent=member.person, other=anybody(rng), relation=relation, promise=chance(rng, 0.3))
    situation = arise(rng, pair)
    chosen = choose(situation, [gumbel(rng) for _ in ACTS])
    state = State("fair" if chance(rng, situation.fair) else "foul", chance(rng, situation.seen))
    return Episode(situation, chosen, state, known=True, focus="agent")


def look_at(episode: Episode) -> Look:
    """Appraisal, regret and utility of the agent of a known episode.

    The same as by way of the account, which also plays out the states that did not come.
    """
    situation, chosen = episode.situation, episode.chosen
    luck, seen = episode.state.luck, episode.state.seen
    standing = {act: hedons_of(standing_of(norm_of(situation, act))) for act in situation.acts}
    lucky = {act: hedons_by_luck(situation, act, luck) for act in situation.acts}
    hedons = {act: [*lucky[act], *standing[act]] if seen else lucky[act] for act in situation.acts}
    own = {act: own_worth(values, "agent") for act, values in hedons.items()}
    scores = {act: worth(situation, act, values, two_layers(situation, act)) for act, values in hedons.items()}
    # what came is as likely as all states that feel the same
    fair = situation.fair if luck == "fair" else 1.0 - situation.fair
    noticed = situation.seen if seen else 1.0 - situation.seen
    sure = hedons_by_luck(situation, chosen, "foul" if luck == "fair" else "fair") == lucky[chosen]
    share = (1.0 if sure else fair) * (noticed if standing[chosen] else 1.0)
    pair = situation.pair
    return Look(
        appraisal=Appraisal(
            gain=max(own[chosen], 0.0),
            loss=max(-own[chosen], 0.0),
            certainty=1.0,
            unexpected=1.0 - share,
            blame=blame(max(own.values()) - own[chosen]),
            by_other=0.0,
            norm=norm_of(situation, chosen),
            closeness=pair.closeness,
        ),
        sympathy=pair.agent.care * pair.closeness * own_worth(hedons[chosen], "other"),
        regret=bounded_regret(max(scores.values()) - scores[chosen]),
        utility=scores[chosen],
    )
