"""Life goes on: events among a few persons who stay, and what their acts leave behind.

Person i acts towards person i + 1, the last one towards the first. Persons, events, ties, acts (as in ACTS) and states
(as in STATES) are counted from 0.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import MissingResourceError
from redheart_core.exact.regret import regret_matrix
from redheart_village.account import account_for
from redheart_village.acts import ACTS, PROFILES, Effect
from redheart_village.company import Member, member_of
from redheart_village.people import Pair, Relation, anybody, meet
from redheart_village.settings import LifeSettings
from redheart_village.streams import stream
from redheart_village.world import STATES, WITNESSED_NORM, Episode, Situation, arise, norm_under

if TYPE_CHECKING:
    from redheart_village.environment import VillageLife

Numbers = NDArray[np.float64]
Steps = NDArray[np.int64]

RUNGS: tuple[Relation, ...] = ("rival", "stranger", "neighbour", "friend")
"""What two persons can be to each other; an act moves them at most one rung."""
MOST_MEANS = 2
"""What somebody can have to spare: 0 nothing .. 2 plenty."""
TELLING = 0.4
"""From this size on, an effect adds one to somebody's means or takes one."""
NEEDS_MEANS = ("bold", "safe", "kind")
"""Who has nothing to spare can neither risk it, nor lay it out, nor give it away."""
LANGUAGE = "en"
"""Whose mixture of cultures the persons have."""


@attrs.frozen(eq=False)
class Life:
    """The persons, the events, and the worth of every act in every case.

    Letters of shapes: K events, N persons, L rungs, A acts, S states.
    """

    settings: LifeSettings
    members: tuple[Member, ...]
    events: tuple[Situation, ...]
    """Between nobody in particular; see situation."""
    probabilities: Numbers
    """(K, S) of the states."""
    possible: NDArray[np.bool_]
    """(K, 2, A): without and with means."""
    utility: Numbers
    """(K, N, L, A, S) u(a, s) of a person's act by the tie to the one it is done to; NaN where it cannot be done."""
    regret: Numbers
    """(K, N, L, 2, A, S) r(a, s) among the acts that are possible without and with means; else NaN."""
    promised: NDArray[np.bool_]
    """(K,): the event comes with a promise to the other."""

    @property
    def reward(self) -> Numbers:
        """(K, N, L, 2, A, S) utility less weighted regret."""
        return self.utility[:, :, :, None] - self.settings.regret_weight * self.regret

    def situation(self, event: int, person: int, rung: int, has_means: bool) -> Situation:
        """An event as a person meets it."""
        found = self.events[event]
        return attrs.evolve(
            found,
            pair=_pair(found, self.members, person, rung),
            acts=tuple(act for act in found.acts if has_means or act not in NEEDS_MEANS),
        )


def make(settings: LifeSettings) -> VillageLife:
    """The environment of these settings.

    Raises:
        MissingResourceError: PettingZoo or Gymnasium is not installed.
    """
    try:
        from redheart_village.environment import VillageLife
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in ("pettingzoo", "gymnasium"):
            raise
        raise MissingResourceError(
            f"village_life is an environment of PettingZoo, and {library} is not installed: "
            "pip install 'redheart[agents]'"
        ) from missing
    return VillageLife(settle(settings))


@functools.lru_cache(maxsize=8)  # trainings play several episodes of the same life side by side
def settle(settings: LifeSettings) -> Life:
    """The persons and events of a seed; equal settings share one, which nobody changes."""
    seed, persons = settings.seed, range(settings.persons)
    streams = [stream(seed, LANGUAGE, person, "life person") for person in persons]
    members = tuple(member_of(rng, anybody(rng), 0.0, LANGUAGE) for rng in streams)
    events = tuple(_event(seed, number) for number in range(settings.events))
    possible = np.array(
        [
            [[act in event.acts and (has or act not in NEEDS_MEANS) for act in ACTS] for has in (False, True)]
            for event in events
        ]
    )
    utility = np.array(
        [
            [[_scores(event, members, person, rung) for rung in range(len(RUNGS))] for person in persons]
            for event in events
        ]
    )
    shape = (*utility.shape[:3], 2, *utility.shape[3:])
    return Life(
        settings=settings,
        members=members,
        events=events,
        probabilities=np.array([event.probabilities for event in events]),
        possible=possible,
        utility=utility,
        regret=regret_matrix(
            np.broadcast_to(utility[:, :, :, None], shape),
            np.broadcast_to(possible[:, None, None], shape[:-1]),
        ),
        promised=np.array([event.pair.promise for event in events]),
    )


def _event(seed: int, number: int) -> Situation:
    """An event of the world, in which one can always wait."""
    rng = stream(seed, LANGUAGE, number, "life event")
    situation = arise(rng, meet(rng))
    return attrs.evolve(situation, acts=tuple(act for act in ACTS if act in situation.acts or act == "wait"))


def _pair(event: Situation, members: tuple[Member, ...], person: int, rung: int) -> Pair:
    return Pair(
        agent=members[person].person,
        other=members[(person + 1) % len(members)].person,
        relation=RUNGS[rung],
        promise=event.pair.promise,
    )


def _scores(event: Situation, members: tuple[Member, ...], person: int, rung: int) -> list[list[float]]:
    """(A, S) by the data set's own account."""
    situation = attrs.evolve(event, pair=_pair(event, members, person, rung))
    account = account_for(Episode(situation, situation.acts[0], STATES[0], known=True, focus="agent"))
    rows = dict(zip(situation.acts, account.payoffs, strict=True))
    return [rows.get(act, [float("nan")] * len(STATES)) for act in ACTS]


def tie_of(persons: int, one: int, other: int) -> int:
    """The number of the tie between two: of three persons tie i joins i and i + 1, of two there is one."""
    return 0 if persons == 2 else one if other == (one + 1) % persons else other


def ties(persons: int) -> int:
    """How many there are."""
    return 1 if persons == 2 else persons


def advance(means: Steps, rungs: Steps, acts: Steps, promised: bool, state: int) -> tuple[Steps, Steps]:
    """What acts leave behind.

    Args:
        means: (..., N) 0..MOST_MEANS.
        rungs: (..., ties) of RUNGS.
        acts: (..., N).
        promised: Whether the event came with a promise.
        state: That came.

    Returns:
        Means and rungs after it. Means change by one for an effect of at least TELLING, on oneself and by the one who
        acts towards oneself; a tie by one for an act that others see, up with a norm of at least WITNESSED_NORM, down
        with one of at most its negative. Where several act on one, the sum counts.
    """
    own, received = EFFECTS[STATES[state].luck]
    after = means + own[acts] + np.roll(received[acts], 1, -1)
    moved = (NORMS[promised] if STATES[state].seen else np.zeros_like(NORMS[promised]))[acts]
    if rungs.shape[-1] == 1:
        moved = moved.sum(-1, keepdims=True)
    return after.clip(0, MOST_MEANS), (rungs + moved).clip(0, len(RUNGS) - 1)


def _signs(values: list[float], size: float) -> Steps:
    return np.array([(value >= size) - (value <= -size) for value in values], dtype=np.int64)


def _effects(effects: list[Effect]) -> tuple[Steps, Steps]:
    return _signs([one.agent for one in effects], TELLING), _signs([one.other for one in effects], TELLING)


EFFECTS: Mapping[str, tuple[Steps, Steps]] = {
    "fair": _effects([PROFILES[act].fair for act in ACTS]),
    "foul": _effects([PROFILES[act].foul for act in ACTS]),
}
"""By luck: (A,) what an act does to the means of oneself and of the other, -1, 0 or 1."""

NORMS: tuple[Steps, Steps] = (
    _signs([norm_under(False, act) for act in ACTS], WITNESSED_NORM),
    _signs([norm_under(True, act) for act in ACTS], WITNESSED_NORM),
)
"""Without and with a promise: (A,) what an act that is seen does to the tie, -1, 0 or 1."""
