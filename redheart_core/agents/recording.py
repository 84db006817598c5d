"""An episode of a team, kept for a replay."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core.agents.acting import chosen_actions, episode_seeds
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.episodes import play
from redheart_core.agents.replay import Step
from redheart_core.agents.teams import Member, open_members
from redheart_core.contract.agents import EnvironmentSpec
from redheart_core.runs.episode import Episode, Recorder
from redheart_core.runs.run import RunFolder

MOST_STEPS = 100
"""Of a recorded episode."""


def record_team(
    run: RunFolder, context: AgentsContext, members: Mapping[str, Member], environment: EnvironmentSpec
) -> Episode | None:
    """Play an episode without noise, which nothing was chosen on; None if the environment cannot be shown.

    Args:
        run: Its folder.
        context: Of the run.
        members: The team.
        environment: Of the run; says what its moments look like.
    """
    (world,) = context.world.side_by_side(1)
    (seed,) = episode_seeds(context, 1, "recording")
    world.reset(seed=seed)
    if environment.scene(world) is None:
        return None
    recorder = Recorder(environment, context.world.agents, seed)
    learners, listening = open_members(run, context, members)
    for learner in learners:
        learner.module.eval()
    begun = False

    def act(seen: tuple[Tensor, ...], _: Tensor) -> tuple[Tensor, ...]:
        nonlocal begun
        if not begun:
            recorder.keep(world, {})
            begun = True
        return tuple(chosen_actions(context, learners, seen))

    def observe(step: Step) -> None:
        gained = (step.rewards * step.present)[0].tolist()
        recorder.keep(world, dict(zip(context.world.agents, gained, strict=True)))

    play(context.world, [seed], act, min(context.agents.steps, MOST_STEPS), listening, observe)
    return recorder.episode()
