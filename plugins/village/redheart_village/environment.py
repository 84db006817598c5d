"""A life in the village as a PettingZoo parallel environment: persons act at the same time, event after event."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from redheart_core import DataError, Scene
from redheart_village.acts import ACTS
from redheart_village.hearts import Case, Hearts
from redheart_village.life import MOST_MEANS, RUNGS, Life, Numbers, Steps, advance, ties
from redheart_village.people import CLOSENESS
from redheart_village.streams import stream
from redheart_village.world import STATES

Vector = NDArray[np.float32]
PerPerson = dict[str, Any]


def scene(environment: VillageLife) -> Scene:
    """A moment of a life, for a replay."""
    return environment.scene


def shares(action: Numbers, possible: NDArray[np.bool_]) -> Numbers:
    """The probabilities with which a person does each act: (A,) numbers to (A,) shares.

    The point of the simplex over the possible acts that is nearest to the action (sparsemax; Martins and Astudillo
    2016): continuous and defined everywhere; an act that leads all others by 1 is done for sure.
    """
    ordered = np.sort(action[possible])[::-1]
    thresholds = (np.cumsum(ordered) - 1.0) / np.arange(1, len(ordered) + 1)
    threshold = thresholds[ordered > thresholds][-1]
    return np.where(possible, np.maximum(action - threshold, 0.0), 0.0)


class VillageLife(ParallelEnv):  # type: ignore[misc]
    """Two or three persons live through events; see the plugin's README for what they see and what moves them.

    An action has one number, 0..1, for each of ACTS; `shares` makes probabilities of it, over the lead of the settings,
    from which the act is drawn.
    """

    metadata: ClassVar = {"name": "village_life", "render_modes": [], "is_parallelizable": True}
    render_mode = None

    def __init__(self, life: Life) -> None:
        self.life = life
        self.possible_agents = [f"person_{person}" for person in range(len(life.members))]
        self.agents: list[str] = []
        self._hearts = Hearts(life)
        self._rng: random.Random | None = None
        persons = len(life.members)
        size = 33 + 12 * persons + ties(persons)
        self._observed = {agent: Box(-1.0, 1.0, (size,), np.float32) for agent in self.possible_agents}
        self._acting = {agent: Box(0.0, 1.0, (len(ACTS),), np.float32) for agent in self.possible_agents}
        self.state_space = Box(-1.0, 1.0, (persons * size,), np.float32)

        self._steps = 0
        self._event = 0
        self._means: Steps = np.zeros(persons, np.int64)
        self._rungs: Steps = np.zeros(ties(persons), np.int64)
        self._past = np.zeros((persons, len(ACTS) + 2))
        self.said = ""
        """What happened in the last step, in words."""

    def observation_space(self, agent: str) -> Box:
        """Numbers of -1..1: `observe` says which."""
        return self._observed[agent]

    def action_space(self, agent: str) -> Box:
        """One number, 0..1, for each of ACTS."""
        return self._acting[agent]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[PerPerson, PerPerson]:
        """Begin a life: means and ties are drawn, each equally likely, and the first event comes.

        Args:
            seed: Decides everything that is drawn from here on; None goes on with the stream of before, at first that
                of the settings' seed.
            options: Not used.
        """
        if seed is not None or self._rng is None:
            of_settings = self.life.settings.seed
            self._rng = stream(of_settings, "life", of_settings if seed is None else seed, "episode")
        self.agents = list(self.possible_agents)
        self._steps = 0
        self._means = self._draw(len(self._means), MOST_MEANS + 1)
        self._rungs = self._draw(len(self._rungs), len(RUNGS))
        self._past = np.zeros_like(self._past)
        self._hearts.reset()
        self._event = int(self._draw(1, len(self.life.events))[0])
        self.said = "Before the first event"
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[PerPerson, PerPerson, PerPerson, PerPerson, PerPerson]:
        """Everybody acts in the event that has come, chance speaks, and the next event comes.

        Raises:
            DataError: An action is missing or not of the action space, or the episode is over.
        """
        rng = self._generator()
        drawn = [self._act(agent, actions, rng.random()) for agent in self.agents]
        acts = np.array(drawn, dtype=np.int64)
        state = _pick(self.life.probabilities[self._event], rng.random())
        cases = self._cases(acts, state)
        utilities = [float(self.life.utility[one.event, one.person, one.rung, one.act, state]) for one in cases]
        regrets = [
            float(self.life.regret[one.event, one.person, one.rung, int(one.has_means), one.act, state])
            for one in cases
        ]
        rewards = [
            worth - self.life.settings.regret_weight * regret for worth, regret in zip(utilities, regrets, strict=True)
        ]
        if self.life.settings.team:
            rewards = [sum(rewards) / len(rewards)] * len(rewards)
        self._hearts.live(cases, regrets)
        self._tell(acts, state)
        self._past = np.zeros_like(self._past)
        for person, act in enumerate(drawn):
            self._past[person, act] = 1.0
            self._past[person, len(ACTS) :] = utilities[person], regrets[person] / 2.0
        if self.life.settings.lasting:
            promised = bool(self.life.promised[self._event])
            self._means, self._rungs = advance(self._means, self._rungs, acts, promised, state)
        self._steps += 1
        self._event = int(self._draw(1, len(self.life.events))[0])
        over = self._steps == self.life.settings.steps
        agents = self.agents
        observations = self._observations()
        if over:
            self.agents = []
        return (
            observations,
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {
                agent: {"act": ACTS[act], "utility": utility, "regret": regret}
                for agent, act, utility, regret in zip(agents, drawn, utilities, regrets, strict=True)
            },
        )

    def observe(self, agent: str) -> Vector:
        """What a person sees, itself first and the others in the order in which acts go round.

        Own mood (6) and what the others show of theirs (6 each); closeness of all ties; means over MOST_MEANS (1 each);
        u(a, s) of the own acts (5 x 4, 0 where impossible) and whether each is possible (5); probabilities of the
        states (4); whether there is a promise; the share of the steps that is left; what everybody did last (5 each,
        0 at first), own utility and half of own regret of it (2).
        """
        person = self.possible_agents.index(agent)
        persons = len(self.possible_agents)
        order = [(person + further) % persons for further in range(persons)]
        shown = self._hearts.shown
        tied = self._rungs[[(person + further) % len(self._rungs) for further in range(len(self._rungs))]]
        possible = self.life.possible[self._event, int(self._means[person] > 0)]
        utility = self.life.utility[self._event, person, self._rungs[person % len(self._rungs)]]
        parts = (
            self._hearts.moods[person],
            *(shown[other] for other in order[1:]),
            [CLOSENESS[RUNGS[rung]] for rung in tied],
            self._means[order] / MOST_MEANS,
            np.where(possible[:, None], utility, 0.0).ravel(),
            possible,
            self.life.probabilities[self._event],
            [self.life.promised[self._event], 1.0 - self._steps / self.life.settings.steps],
            self._past[order, : len(ACTS)].ravel(),
            self._past[person, len(ACTS) :],
        )
        return np.concatenate(parts).astype(np.float32)

    def state(self) -> Vector:
        """What everybody sees, one after the other."""
        return np.concatenate([self.observe(agent) for agent in self.possible_agents])

    @property
    def lasting_place(self) -> tuple[int, int, Steps, Steps]:
        """Step, event, means and rungs, as the plans of redheart_village.optimum count them."""
        return self._steps, self._event, self._means, self._rungs

    @property
    def scene(self) -> Scene:
        """Valence and arousal, -1..1, of everybody right after the last event, and what happened."""
        affects = zip(self.possible_agents, self._hearts.after, strict=True)
        places = {agent: (affect[0], affect[1]) for agent, affect in affects}
        return Scene(places, ("valence", "arousal"), self.said)

    def _observations(self) -> PerPerson:
        return {agent: self.observe(agent) for agent in self.agents}

    def _generator(self) -> random.Random:
        if self._rng is None or not self.agents:
            raise DataError("no episode of village_life is going on; call reset(seed) first")
        return self._rng

    def _draw(self, count: int, below: int) -> Steps:
        rng = self._generator()
        return np.array([int(rng.random() * below) for _ in range(count)], dtype=np.int64)

    def _act(self, agent: str, actions: Mapping[str, Any], point: float) -> int:
        if agent not in actions or not self._acting[agent].contains(np.asarray(actions[agent], np.float32)):
            got = actions.get(agent, "nothing")
            raise DataError(
                f"village_life: {agent} needs an action of {len(ACTS)} numbers within 0..1 ({', '.join(ACTS)}) in step "
                f"{self._steps}, got {got}; clip what a policy or its noise gives"
            )
        person = self.possible_agents.index(agent)
        possible = self.life.possible[self._event, int(self._means[person] > 0)]
        wished = np.asarray(actions[agent], np.float64) / self.life.settings.lead
        return _pick(shares(wished, possible), point)

    def _cases(self, acts: Steps, state: int) -> list[Case]:
        return [
            Case(
                event=self._event,
                person=person,
                rung=int(self._rungs[person % len(self._rungs)]),
                has_means=bool(self._means[person] > 0),
                act=int(act),
                state=state,
            )
            for person, act in enumerate(acts)
        ]

    def _tell(self, acts: Steps, state: int) -> None:
        event, came = self.life.events[self._event], STATES[state]
        done = ", ".join(f"{agent} {ACTS[act]}" for agent, act in zip(self.possible_agents, acts, strict=True))
        self.said = f"{event.matter}, {came.luck} luck, {'seen' if came.seen else 'unseen'}: {done}"


def _pick(probabilities: Numbers, point: float) -> int:
    """The one in which a point of 0..1 falls; never one of probability 0."""
    found = int(np.searchsorted(np.cumsum(probabilities), point * probabilities.sum(), side="right"))
    return min(found, int(np.flatnonzero(probabilities)[-1]))
