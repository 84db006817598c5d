"""All that decides the numbers of a training in an environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.agents.trainer import AgentTrainer
from redheart_core.agents.world import World
from redheart_core.config.agents import AgentsSettings
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.agents import AgentSpec, Seats
from redheart_core.contract.errors import SettingsError
from redheart_core.storage.runtime import choose_device, generator, use_threads

IGNORED = ("label_smoothing", "r_drop", "mixup", "ema", "dropout_end", "layer_decay", "micro_batch", "shard",
           "precision", "compile", "recompute", "languages", "priority", "honest", "checkpoint_dtype")  # fmt: skip
"""Keys of [groups.NAME] that agents have no use for."""
UNUSED = ("mixture", "interleave", "keep_states", "background_saving", "checkpoint_dtype")
"""The same of [training]: agents have one data source and one state, all learn in turn, and the file of an epoch is
written before the next one begins, with the weights that have acted."""


@attrs.frozen(eq=False)
class AgentsContext:
    """An environment, how its agents learn, and the settings of both."""

    world: World
    spec: AgentSpec
    own: Any
    """Settings of the spec."""
    training: TrainSettings
    agents: AgentsSettings
    groups: Mapping[str, GroupSettings]
    """The tables [groups.NAME]."""
    device: torch.device

    @classmethod
    def prepare(
        cls,
        world: World,
        spec: AgentSpec,
        own: Any,
        training: TrainSettings,
        agents: AgentsSettings,
        groups: Mapping[str, GroupSettings] | None = None,
    ) -> AgentsContext:
        """Check that everything fits together.

        Raises:
            SettingsError: Lists what does not.
        """
        given = {name: one for name, one in (groups or {}).items() if name in world.groups}
        complaints = [
            f"[groups.{name}] {key} is for groups that learn from a data set; agents have no use for it"
            for name, one in given.items()
            for key in IGNORED
            if one.is_on(key)
        ]
        complaints += [
            f"[groups.{name}] epochs and batch_size are those of [training] for all agents, who learn side by side"
            for name, one in given.items()
            if one.epochs is not None or one.batch_size is not None
        ]
        if agents.begin > agents.replay:
            complaints.append(f"[agents] begin = {agents.begin} has to be at most replay = {agents.replay}")
        if (agents.shared or agents.communication) and (len(world.agents) < 2 or not world.alike):
            complaints.append(
                "[agents] shared and communication need several agents of equal spaces; this environment has "
                + ", ".join(
                    f"{name} ({seen} observed, {done} set)"
                    for name, seen, done in zip(world.agents, world.observations, world.actions, strict=True)
                )
            )
        if complaints:
            raise SettingsError("\n".join(complaints))
        use_threads(training.threads)
        return cls(world, spec, own, training, agents, given, choose_device(training.device))

    @property
    def updates_per_epoch(self) -> int:
        """Of each agent."""
        return self.agents.updates * self.agents.episodes

    def settings(self, group: str) -> TrainSettings:
        """The [training] table as it is for an agent's group."""
        return self.groups[group].over(self.training) if group in self.groups else self.training

    def observed(self) -> tuple[int, ...]:
        """Numbers that each agent's networks read."""
        factor = 2 if self.agents.communication else 1
        return tuple(size * factor for size in self.world.observations)

    def order(self, agent: int) -> list[int]:
        """The agents as one sees them: itself, then the others."""
        number = len(self.world.agents)
        return [(agent + step) % number for step in range(number)]

    def seats(self, agent: int) -> Seats:
        """Who acts, as an agent sees it."""
        order, observed = self.order(agent), self.observed()
        return Seats(
            settings=self.own,
            agents=tuple(self.world.agents[other] for other in order),
            observations=tuple(observed[other] for other in order),
            actions=tuple(self.world.actions[other] for other in order),
        )

    def trainers(self) -> list[AgentTrainer]:
        """A new trainer for each agent."""
        total = self.updates_per_epoch * self.training.epochs
        return [
            AgentTrainer(group, self.spec, self.seats(agent), self.settings(group), total, self.device)
            for agent, group in enumerate(self.world.groups)
        ]

    def stream(self, *parts: object) -> torch.Generator:
        """A generator of its own for these parts and the seed of the run."""
        return generator(self.training.seed, *parts)

    def listening(self) -> Tensor | None:
        """How much each agent hears of each other before anything is known of their performance; None in silence."""
        number = len(self.world.agents)
        return (1 - torch.eye(number)) / (number - 1) if self.agents.communication else None
