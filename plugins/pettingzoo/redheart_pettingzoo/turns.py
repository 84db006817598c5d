"""Steps of environments in which agents take turns, as those of mpe2 and most of PettingZoo are made.

PettingZoo's own conversion looks at each agent's observation before its turn, through wrappers that check order and
bounds at every access. A step here makes the same bits in about half of the time; what the wrappers check,
CheckedEnvironment checks as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pettingzoo.utils.conversions import aec_to_parallel_wrapper
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, ClipOutOfBoundsWrapper, OrderEnforcingWrapper

PerAgent = dict[str, Any]
Step = Callable[[Mapping[str, Any]], tuple[PerAgent, PerAgent, PerAgent, PerAgent, PerAgent]]
CHECKS = (AssertOutOfBoundsWrapper, ClipOutOfBoundsWrapper, OrderEnforcingWrapper)
"""Wrappers that change nothing of what an action within bounds does."""


def step_of(environment: Any) -> Step:
    """The step of a parallel environment; of one that is made of turns, one that takes them without wrappers."""
    own: Step = environment.step
    if type(environment) is not aec_to_parallel_wrapper:
        return own
    inner = environment.aec_env
    while type(inner) in CHECKS:
        inner = inner.env

    def step(actions: Mapping[str, Any]) -> tuple[PerAgent, PerAgent, PerAgent, PerAgent, PerAgent]:
        rewards = dict.fromkeys(inner.agents, 0)
        for agent in inner.agents:
            if agent != inner.agent_selection:
                raise RuntimeError(f"it is the turn of {inner.agent_selection}, where {agent} should have one")
            inner.step(actions[agent])
            for one in inner.agents:
                rewards[one] += inner.rewards[one]
        ended, cut, infos = dict(inner.terminations), dict(inner.truncations), dict(inner.infos)
        observations = {agent: inner.observe(agent) for agent in inner.agents}
        while inner.agents and (inner.terminations[inner.agent_selection] or inner.truncations[inner.agent_selection]):
            inner.step(None)
        environment.agents = inner.agents
        return observations, rewards, ended, cut, infos

    return step
