"""The newest steps of all agents, from which they learn.

TorchRL's buffers were not taken: they bring tensordict and a build that is tied to torch's version, for a ring whose
state has to be saved to the last bit anyhow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Generator, Tensor

from redheart_core.contract.errors import CheckpointError


@attrs.frozen(eq=False)
class Step:
    """One step of B episodes, with an entry per agent."""

    observations: tuple[Tensor, ...]
    """(B, O) each; 0 of an agent that is not there."""
    actions: tuple[Tensor, ...]
    """(B, A) each."""
    rewards: Tensor
    """(B, N)."""
    next_observations: tuple[Tensor, ...]
    terminated: Tensor
    """(B, N) float, 1 where the agent's future ends; 0 at a cut."""
    present: Tensor
    """(B, N) bool, whether the agent acted."""


class Replay:
    """A ring of steps: what is added beyond its capacity takes the place of the oldest."""

    def __init__(self, capacity: int, observations: Sequence[int], actions: Sequence[int]) -> None:
        self.capacity, self.agents = capacity, len(actions)
        self.size = 0
        """Steps that it holds."""
        self.next = 0
        """The place of the coming one."""
        self.columns: dict[str, Tensor] = {
            "rewards": torch.zeros(capacity, self.agents),
            "terminated": torch.zeros(capacity, self.agents),
            "present": torch.zeros(capacity, self.agents, dtype=torch.bool),
        }
        for agent, (seen, done) in enumerate(zip(observations, actions, strict=True)):
            self.columns[f"observations/{agent}"] = torch.zeros(capacity, seen)
            self.columns[f"next_observations/{agent}"] = torch.zeros(capacity, seen)
            self.columns[f"actions/{agent}"] = torch.zeros(capacity, done)

    def add(self, step: Step) -> None:
        """Take in a step of several episodes, in their order."""
        count = len(step.rewards)
        places = (torch.arange(count) + self.next) % self.capacity
        rows = {"rewards": step.rewards, "terminated": step.terminated, "present": step.present}
        for agent in range(self.agents):
            rows[f"observations/{agent}"] = step.observations[agent]
            rows[f"next_observations/{agent}"] = step.next_observations[agent]
            rows[f"actions/{agent}"] = step.actions[agent]
        for name, values in rows.items():
            self.columns[name][places] = values.to(self.columns[name].dtype)
        self.next = (self.next + count) % self.capacity
        self.size = min(self.size + count, self.capacity)

    def draw(self, seat: int, number: int, stream: Generator) -> Tensor:
        """(number,) places of steps in which an agent acted, with replacement; empty if it never has."""
        there = self.columns["present"][: self.size, seat]
        if bool(there.all()):
            return torch.randint(self.size, (number,), generator=stream)
        places = there.nonzero().flatten()
        return places[torch.randint(len(places), (number,), generator=stream)] if len(places) else places

    def tensors(self) -> dict[str, Tensor]:
        """All that it holds and where it goes on."""
        held = {name: column[: self.size].clone() for name, column in self.columns.items()}
        return {**held, "next": torch.tensor(self.next)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what tensors gave.

        Raises:
            CheckpointError: It is of another environment or capacity.
        """
        expected = {name: (column.shape[1:], column.dtype) for name, column in self.columns.items()}
        found = {name: (one.shape[1:], one.dtype) for name, one in tensors.items() if name != "next"}
        size = len(tensors["rewards"]) if "rewards" in tensors else 0
        if found != expected or size > self.capacity:
            raise CheckpointError(
                f"the replay on disk has other columns than this environment, or more than {self.capacity} steps; "
                "restore the run's folder from a copy"
            )
        for name, column in self.columns.items():
            column[:size] = tensors[name]
        self.size, self.next = size, int(tensors["next"])
