"""The causal world: a situation, what each act would bring in each state, and what happened."""

from __future__ import annotations

import math
import random
from typing import Literal

import attrs

from redheart_village.acts import ACTS, MATTERS, PROFILES, PROMISE_NORM, Act, Effect, Matter
from redheart_village.calculus import Lot
from redheart_village.people import Pair, meet
from redheart_village.streams import between, chance, gumbel, pick, pick_weighted, shuffled, stream

Luck = Literal["fair", "foul"]
Role = Literal["agent", "other", "crowd"]

TWIST = (0.75, 1.25)
"""Range of the hidden factor with which an act works."""
WITNESSED_NORM = 0.3
"""From this size on, the norm of an act matters to those who see it."""


@attrs.frozen
class State:
    """How chance falls: the luck of the matter, and whether the act is seen."""

    luck: Luck
    seen: bool


STATES: tuple[State, ...] = (State("fair", False), State("fair", True), State("foul", False), State("foul", True))


@attrs.frozen
class Situation:
    """Everything that is settled before anybody acts."""

    matter: Matter
    pair: Pair
    stakes: float
    """0 a trifle .. 1 all there is."""
    crowd: int
    """Further persons who feel the outcome."""
    days: float
    """How long a gain or loss is felt."""
    delay_days: float
    """How long until it is felt."""
    fecundity: float
    purity: float
    fair: float
    """Probability of fair luck."""
    seen: float
    """Probability that the act is seen."""
    twists: tuple[float, ...]
    """Per act in ACTS, how strongly it works this time; 1 is usual."""
    acts: tuple[Act, ...]
    """What can be done, one to four acts in the order of ACTS."""
    barred: Act
    """An act that cannot be done this time."""

    def probability(self, state: State) -> float:
        """Probability of the state."""
        luck = self.fair if state.luck == "fair" else 1.0 - self.fair
        return luck * (self.seen if state.seen else 1.0 - self.seen)

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of all STATES, in order."""
        return tuple(self.probability(state) for state in STATES)


@attrs.frozen
class Felt:
    """A pleasure or pain and who feels it."""

    role: Role
    lot: Lot


Outcome = tuple[Felt, ...]


@attrs.frozen
class Episode:
    """One story: the situation, the choice, and what chance made of it."""

    situation: Situation
    chosen: Act
    state: State
    known: bool
    """The outcome is known when the story is told; otherwise it is still open."""
    focus: Literal["agent", "other"]
    """Whose feelings the story is about."""


def norm_of(situation: Situation, act: Act) -> float:
    """-1 breaks a norm .. 1 does more than is owed, the promise counted in."""
    return norm_under(situation.pair.promise, act)


def norm_under(promise: bool, act: Act) -> float:
    """The same by the promise alone, of which the norm depends."""
    norm = PROFILES[act].norm + (PROMISE_NORM[act] if promise else 0.0)
    return min(max(norm, -1.0), 1.0)


def play(situation: Situation, act: Act, state: State) -> Outcome:
    """What the act brings to everybody in the state; the world decides nothing else."""
    profile = PROFILES[act]
    luck = _felt(situation, act, profile.fair if state.luck == "fair" else profile.foul)
    return luck + standing_of(norm_of(situation, act)) if state.seen else luck


def play_all(situation: Situation, act: Act) -> tuple[Outcome, ...]:
    """What the act brings in each of STATES."""
    profile = PROFILES[act]
    fair = _felt(situation, act, profile.fair)
    foul = fair if profile.foul == profile.fair else _felt(situation, act, profile.foul)
    standing = standing_of(norm_of(situation, act))
    # seen and unseen are one object where nobody cares, so that others need not work it out twice
    return (fair, fair + standing, foul, foul + standing) if standing else (fair, fair, foul, foul)


def _felt(situation: Situation, act: Act, effect: Effect) -> Outcome:
    """The pleasures and pains of an effect."""
    return tuple(
        Felt(role, lot_of(situation, act, pull, persons))
        for role, pull, persons in pulls(situation, effect, situation.twists[ACTS.index(act)])
        if pull != 0.0 and persons != 0
    )


def lot_of(situation: Situation, act: Act, pull: float, persons: int = 1) -> Lot:
    """What a pull of that signed strength feels like."""
    profile = PROFILES[act]
    return Lot(
        sign=1 if pull > 0 else -1,
        intensity=min(abs(pull), 1.0),
        days=situation.days,
        delay_days=situation.delay_days,
        fecundity=_unit(situation.fecundity + profile.fecundity),
        purity=_unit(situation.purity + profile.purity),
        persons=persons,
    )


def pulls(situation: Situation, effect: Effect, twist: float) -> list[tuple[Role, float, int]]:
    """Role, signed strength of what is felt (an intensity where it is at most 1), and number of persons."""
    strength = twist * MATTERS[situation.matter].intensity * (0.35 + 1.2 * situation.stakes)
    return [
        (role, size * strength * (0.35 + 0.65 * need), persons)
        for role, size, need, persons in _touched(situation, effect)
    ]


def standing_of(norm: float) -> Outcome:
    """Shame or thanks for an act that others have seen."""
    if abs(norm) < WITNESSED_NORM:
        return ()
    lot = Lot(sign=1 if norm > 0 else -1, intensity=0.6 * abs(norm), days=10.0, fecundity=0.4, purity=0.9)
    return (Felt("agent", lot),)


def _touched(situation: Situation, effect: Effect) -> tuple[tuple[Role, float, float, int], ...]:
    """Role, size of the effect, urgency of the need, number of persons."""
    need = MATTERS[situation.matter].need
    pair = situation.pair
    return (
        ("agent", effect.agent, pair.agent.needs[need], 1),
        ("other", effect.other, pair.other.needs[need], 1),
        ("crowd", effect.crowd, 0.5, situation.crowd),
    )


def live(seed: int, language: str, index: int) -> Episode:
    """The episode of one record."""
    situation = arise(stream(seed, language, index, "situation"), meet(stream(seed, language, index, "people")))
    will = stream(seed, language, index, "choice")
    chosen = choose(situation, [gumbel(will) for _ in ACTS])
    luck = stream(seed, language, index, "chance")
    state = State("fair" if chance(luck, situation.fair) else "foul", chance(luck, situation.seen))
    told = stream(seed, language, index, "telling")
    known = chance(told, 0.68)
    return Episode(situation, chosen, state, known, focus="agent" if chance(told, 0.55) else "other")


def choose(situation: Situation, noise: list[float]) -> Act:
    """What the agent does: own good, the other's by care and closeness, norms, and haste.

    Args:
        situation: Where the agent stands.
        noise: One number per act in ACTS, scaled by the agent's haste.
    """
    haste = situation.pair.agent.haste
    return max(situation.acts, key=lambda act: appeal(situation, act) + haste * noise[ACTS.index(act)])


def appeal(situation: Situation, act: Act) -> float:
    """What the act is worth to the agent in a cool moment."""
    agent, profile = situation.pair.agent, PROFILES[act]
    fair, foul = situation.fair, 1.0 - situation.fair
    own = fair * profile.fair.agent + foul * profile.foul.agent
    theirs = fair * profile.fair.other + foul * profile.foul.other
    regard = agent.care * situation.pair.closeness
    duty = agent.conscience * norm_of(situation, act)
    return own + regard * theirs + 0.3 * duty


def choice_probabilities(situation: Situation) -> tuple[float, ...]:
    """Of each possible act: the largest of scores with Gumbel noise is a softmax choice, exactly."""
    haste = situation.pair.agent.haste
    appeals = [appeal(situation, act) / haste for act in situation.acts]
    weights = [math.exp(value - max(appeals)) for value in appeals]
    return tuple(weight / math.fsum(weights) for weight in weights)


def arise(rng: random.Random, pair: Pair) -> Situation:
    """A matter that comes up between two persons."""
    name = pick(rng, tuple(MATTERS))
    matter = MATTERS[name]
    count = pick_weighted(rng, {1: 0.16, 2: 0.28, 3: 0.3, 4: 0.26})
    order = shuffled(rng, ACTS)
    crowd = pick(rng, (3, 5, 8, 15, 30, 60)) if chance(rng, matter.crowd) else 0
    return Situation(
        matter=name,
        pair=pair,
        stakes=rng.random(),
        crowd=crowd,
        days=matter.days * math.exp(between(rng, -1.2, 1.2)),
        delay_days=matter.delay_days * math.exp(between(rng, -1.2, 1.2)),
        fecundity=_unit(matter.fecundity + between(rng, -0.3, 0.3)),
        purity=_unit(matter.purity + between(rng, -0.3, 0.3)),
        fair=between(rng, 0.08, 0.92),
        seen=between(rng, 0.1, 0.9),
        twists=tuple(between(rng, *TWIST) for _ in ACTS),
        acts=tuple(act for act in ACTS if act in order[:count]),
        barred=order[-1],
    )


def _unit(value: float) -> float:
    return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
