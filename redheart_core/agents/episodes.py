"""Episodes, several side by side: every agent acts at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.agents.replay import Step
from redheart_core.agents.world import World
from redheart_core.contract.errors import DataError, RedheartError

Act = Callable[[tuple[Tensor, ...], Tensor], tuple[Tensor, ...]]
"""Observations (B, O) of each agent, and the numbers (B,) of the episodes that are going on, to actions (B, A)."""


@attrs.frozen(eq=False)
class Played:
    """What episodes gave."""

    returns: Tensor
    """(episodes, N) float64: the sum of each agent's rewards."""
    steps: int


def play(
    world: World,
    seeds: Sequence[int],
    act: Act,
    limit: int,
    listening: Tensor | None = None,
    observe: Callable[[Step], None] | None = None,
) -> Played:
    """Play an episode for each seed, side by side.

    Args:
        world: Where.
        seeds: Of the episodes; each decides all that is random in its episode, however many there are.
        act: The agents.
        limit: Steps after which an episode is cut off.
        listening: (N, N), how much each agent hears of each other, if they communicate.
        observe: Gets every step.

    Raises:
        DataError: The environment fails, or gives what is not finite; names seed and step.
    """
    copies = world.side_by_side(len(seeds))
    going = list(range(len(seeds)))
    returns = torch.zeros(len(seeds), len(world.agents), dtype=torch.float64)
    there = [[True] * len(world.agents) for _ in seeds]
    seen = []
    for copy, seed in zip(copies, seeds, strict=True):
        where = f"environment '{world.name}', seed {seed}, reset"
        found, _ = _call(where, lambda copy=copy, seed=seed: copy.reset(seed=seed))  # type: ignore[misc]
        seen.append(world.observed(found, where))
    steps, now = 0, _joined(world, seen, listening)
    while going:
        numbers = torch.tensor(going)
        actions = act(now, numbers)
        scaled = [world.scaled(number, one) for number, one in enumerate(actions)]
        present, rows = torch.tensor([there[episode] for episode in going]), []
        gains, ends = [], []
        for row, episode in enumerate(going):
            where = f"environment '{world.name}', seed {seeds[episode]}, step {steps + 1}"
            chosen = {agent: scaled[number][row] for number, agent in enumerate(world.agents) if there[episode][number]}
            found, gained, ended, cut, _ = _call(where, lambda e=episode, c=chosen: copies[e].step(c))  # type: ignore[misc]
            rows.append(world.observed(found, where))
            gains.append(world.rewarded(gained, there[episode], where))
            ends.append([float(ended.get(agent, False)) for agent in world.agents])
            for number, agent in enumerate(world.agents):
                if agent in chosen and rows[row][number] is None and not ended.get(agent, False):
                    raise DataError(
                        f"{where}: {agent} goes on or is cut off, and observes nothing; step has to give what it "
                        "would act on next"
                    )
                if ended.get(agent, False) or cut.get(agent, False) or agent not in copies[episode].agents:
                    there[episode][number] = False
        steps += 1
        rewards, terminated = torch.tensor(gains), torch.tensor(ends)
        after = _joined(world, rows, listening)
        returns[numbers] += rewards.double() * present
        if observe is not None:
            observe(Step(now, actions, rewards, after, terminated, present))
        kept = [row for row, episode in enumerate(going) if any(there[episode]) and steps < limit]
        going = [going[row] for row in kept]
        now = tuple(one[kept] for one in after)
    return Played(returns, steps)


def listened(observations: tuple[Tensor, ...], listening: Tensor) -> tuple[Tensor, ...]:
    """Beside what each agent observes, (B, O), what it hears: the mean of all observations by its row of weights."""
    together = torch.stack(observations)
    heard = torch.einsum("ij,jbo->ibo", listening, together)
    return tuple(torch.cat([own, other], 1) for own, other in zip(observations, heard, strict=True))


def _joined(world: World, rows: Sequence[Sequence[Tensor | None]], listening: Tensor | None) -> tuple[Tensor, ...]:
    """(B, O) of each agent; 0 where it is not there."""
    columns = tuple(
        torch.stack([torch.zeros(size) if (one := row[number]) is None else one for row in rows])
        for number, size in enumerate(world.observations)
    )
    return columns if listening is None else listened(columns, listening)


def _call(where: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except RedheartError:
        raise
    except Exception as error:  # an environment's code may raise anything; the error says how to see it again
        raise DataError(f"{where} failed with {type(error).__name__}: {error}") from error
