"""What persons feel as life goes on: events, what others do to them, moods that last, and moods that are caught."""

from __future__ import annotations

import functools
import math

import attrs

from redheart_village.account import account_for
from redheart_village.acts import ACTS
from redheart_village.affect import Affect, felt, impact, moved, rest
from redheart_village.appraisal import appraise_from, own_scores
from redheart_village.feelings import CONTAGION, show
from redheart_village.labels import bounded_regret
from redheart_village.life import RUNGS, Life, tie_of
from redheart_village.past import MEMORY, lasting
from redheart_village.people import CLOSENESS
from redheart_village.world import STATES, Episode


@attrs.frozen
class Case:
    """What somebody did, and how it came out; numbers as in redheart_village.life."""

    event: int
    person: int
    rung: int
    has_means: bool
    act: int
    state: int


@attrs.frozen
class Touch:
    """How an act feels to the one who did it and to the one whom it was done to, and how far it moves them, 0..1."""

    own: Affect
    own_share: float
    others: Affect
    others_share: float


class Hearts:
    """The affect of everybody. Affect changes neither payoffs nor what lasts; others see what is shown of it."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.homes = [rest(member) for member in life.members]
        self._homes_shown = [show(home, member) for home, member in zip(self.homes, life.members, strict=True)]
        self.reset()

    def reset(self) -> None:
        """Everybody is at rest."""
        self._brooding = [0.0] * len(self.homes)
        self.after = list(self.homes)
        """Right after the last event."""
        self.moods = list(self.homes)
        """What is left of it when the next event comes."""
        self.shown = list(self._homes_shown)
        """What others see of the moods, by everybody's manners."""

    def live(self, cases: list[Case], regrets: list[float]) -> None:
        """Everybody lives through an event.

        Args:
            cases: Per person.
            regrets: r(a, s) of each of their acts.
        """
        touches = [touch(self._life, case) for case in cases]
        after = [moved(mood, one.own, one.own_share) for mood, one in zip(self.moods, touches, strict=True)]
        for person, one in enumerate(touches):
            other = (person + 1) % len(after)
            after[other] = moved(after[other], one.others, one.others_share)
        self.after = after
        for person, regret in enumerate(regrets):
            conscience = self._life.members[person].person.conscience
            fresh = bounded_regret(regret) * (0.5 + conscience)
            self._brooding[person] = MEMORY * self._brooding[person] + (1.0 - MEMORY) * fresh
        self.moods = [
            lasting(home, felt_now, brooding)
            for home, felt_now, brooding in zip(self.homes, after, self._brooding, strict=True)
        ]
        self._catch({tie_of(len(after), case.person, (case.person + 1) % len(after)): case.rung for case in cases})

    def _catch(self, rungs: dict[int, int]) -> None:
        """Moods that are seen are caught, by closeness and by the influence of those who have them.

        The mood plus CONTAGION times the mean over the others, weighted by influence, of closeness times how far off
        its rest the other seems.
        """
        members = self._life.members
        lifts = [
            [seen - usual for seen, usual in zip(show(mood, member), home, strict=True)]
            for mood, member, home in zip(self.moods, members, self._homes_shown, strict=True)
        ]
        caught = []
        for person, mood in enumerate(self.moods):
            others = [other for other in range(len(members)) if other != person]
            total = math.fsum(members[other].influence for other in others)
            pulls = [
                (
                    CLOSENESS[RUNGS[rungs[tie_of(len(members), person, other)]]] * members[other].influence / total,
                    lifts[other],
                )
                for other in others
            ]
            caught.append(
                tuple(
                    min(max(value + CONTAGION * math.fsum(pull * lift[at] for pull, lift in pulls), -1.0), 1.0)
                    for at, value in enumerate(mood)
                )
            )
        self.moods = caught
        self.shown = [show(mood, member) for mood, member in zip(caught, members, strict=True)]


@functools.lru_cache(maxsize=2**16)
def touch(life: Life, case: Case) -> Touch:
    """How an act in its case feels to the two, by the data set's own appraisal."""
    situation = life.situation(case.event, case.person, case.rung, case.has_means)
    account = account_for(Episode(situation, ACTS[case.act], STATES[case.state], known=True, focus="agent"))
    scores = own_scores(account, "agent"), own_scores(account, "other")
    agent_fate, other_fate = (one[ACTS[case.act]][case.state] for one in scores)
    closeness = situation.pair.closeness
    actor, other = life.members[case.person], life.members[(case.person + 1) % len(life.members)]
    own_view = appraise_from(account, scores[0], False, closeness)
    other_view = appraise_from(account, scores[1], True, closeness)
    return Touch(
        felt(own_view, actor, actor.person.care * closeness * other_fate),
        impact(own_view),
        felt(other_view, other, other.person.care * closeness * agent_fate),
        impact(other_view),
    )
