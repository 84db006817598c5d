"""The best that persons can do together in a life of a known length, exactly, by dynamic programming (Bellman 1957).

What lasts are means and ties, so that a life has 3^persons * 4^ties places. Events and states are drawn by known
probabilities, independently of what was done. The optimum is over all policies, which may know everything but the
state to come.
"""

from __future__ import annotations

import itertools

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_village.acts import ACTS
from redheart_village.life import MOST_MEANS, RUNGS, Life, Numbers, Steps, advance, ties
from redheart_village.world import STATES


@attrs.frozen(eq=False)
class Plan:
    """What everybody does in every case, and what comes of it. Letters: T steps, X places, K events, N persons."""

    values: Numbers
    """(T + 1, X) expected sum of all persons' rewards from a step on; 0 after the last."""
    joint: Steps
    """(T, K, X) the rows of joint_acts that are done."""
    joint_acts: Steps
    """(A^N, N)."""

    @property
    def episode_return(self) -> float:
        """Expected sum of a person's rewards over an episode, the mean over persons and over places to start from."""
        return float(self.values[0].mean()) / int(self.joint_acts.shape[1])

    def acts(self, step: int, event: int, place: int) -> Steps:
        """(N,) what everybody does."""
        found: Steps = self.joint_acts[self.joint[step, event, place]]
        return found


def places(persons: int) -> tuple[Steps, Steps]:
    """All means (X, N) and ties (X, ties), in the order of place_of."""
    every = list(
        itertools.product(
            *(range(MOST_MEANS + 1) for _ in range(persons)), *(range(len(RUNGS)) for _ in range(ties(persons)))
        )
    )
    table = np.array(every, dtype=np.int64)
    return table[:, :persons], table[:, persons:]


def place_of(means: Steps, rungs: Steps) -> Steps:
    """The number of a place: (..., N) and (..., ties) to (...)."""
    sizes = (MOST_MEANS + 1,) * means.shape[-1] + (len(RUNGS),) * rungs.shape[-1]
    both = np.concatenate([means, rungs], -1)
    return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(both, -1, 0)), sizes), dtype=np.int64)


def best_plan(life: Life) -> Plan:
    """The optimum: nobody can do better together, whatever they see."""
    return _plan(life, looks_ahead=True)


def myopic_plan(life: Life) -> Plan:
    """Each does what is best for the sum of this step's rewards; what lasts is not thought of."""
    return _plan(life, looks_ahead=False)


def _plan(life: Life, looks_ahead: bool) -> Plan:
    persons, steps = len(life.members), life.settings.steps
    joint_acts = np.array(list(itertools.product(range(len(ACTS)), repeat=persons)), dtype=np.int64)
    means, rungs = places(persons)
    now = [_expected_rewards(life, event, means, rungs, joint_acts) for event in range(len(life.events))]
    after = {bool(promised): _next_places(life, bool(promised), means, rungs, joint_acts) for promised in life.promised}
    values = np.zeros((steps + 1, len(means)))
    joint = np.empty((steps, len(life.events), len(means)), dtype=np.int64)
    rows = np.arange(len(means))
    for step in reversed(range(steps)):
        later = {promised: values[step + 1][place] for promised, place in after.items()}
        for event, reward in enumerate(now):
            total = reward + later[bool(life.promised[event])] @ life.probabilities[event]
            joint[step, event] = (total if looks_ahead else reward).argmax(1)
            values[step] += total[rows, joint[step, event]] / len(life.events)
    return Plan(values, joint, joint_acts)


def _expected_rewards(life: Life, event: int, means: Steps, rungs: Steps, joint_acts: Steps) -> Numbers:
    """(X, A^N) sum over persons, -inf where somebody cannot do it."""
    total = np.zeros((len(means), len(joint_acts)))
    for person in range(len(life.members)):
        # of three persons the tie to the next one has the person's own number, of two there is one
        rung = rungs[:, person % rungs.shape[1]]
        of_acts = life.reward[event, person][rung, (means[:, person] > 0).astype(np.int64)] @ life.probabilities[event]
        total += np.where(np.isnan(of_acts), -np.inf, of_acts)[:, joint_acts[:, person]]
    return total


def _next_places(life: Life, promised: bool, means: Steps, rungs: Steps, joint_acts: Steps) -> NDArray[np.int64]:
    """(X, A^N, S)."""
    if not life.settings.lasting:
        return np.broadcast_to(np.arange(len(means))[:, None, None], (len(means), len(joint_acts), len(STATES)))
    return np.stack(
        [
            place_of(*advance(means[:, None], rungs[:, None], joint_acts[None], promised, state))
            for state in range(len(STATES))
        ],
        -1,
    )
