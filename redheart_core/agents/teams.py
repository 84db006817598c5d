"""Teams of checkpoints, evaluated in the environment: each agent at its own best epoch, or all at a common one.

An agent's best epoch was measured among the others of the same epoch. A team of best epochs is a new company, so what
it is worth is found out by playing; nothing of it follows from the recorded losses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch
from torch import Tensor

from redheart_core.agents.acting import episode_seeds, play_at_random, play_team
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.loop import newest_epoch
from redheart_core.agents.progress import open_team
from redheart_core.contract.agents import Learner
from redheart_core.contract.errors import CheckpointError
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.clusters import Clusters
from redheart_core.exact.interval import Interval
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import common_epoch
from redheart_core.storage.files import load_tensors
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.placing import can_link, place
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import STORED_IF_SET

RANDOM = "random actions"
OPPOSED = -0.5
"""Two agents whose returns of random episodes correlate less than that play against each other."""


@attrs.frozen
class Member:
    """An agent's checkpoint in a team."""

    epoch: int
    sha256: str


@attrs.frozen
class Team:
    """team.json: the checkpoints of a team, beside files of the groups' names."""

    run: str
    """The way to the run's folder."""
    members: Mapping[str, Member]
    """By group."""


TEAM = SealedFile(Team, "team", 1, "assemble it again with redheart crossover")


@attrs.frozen
class TeamFigures:
    """What a team gets in the episodes that all teams play."""

    epochs: Mapping[str, int]
    """By group; empty of agents that act at random."""
    team: Interval
    """Mean over episodes of the sum of all agents' returns, with a 95 % bootstrap interval over episodes."""
    gain: Interval
    """The same less that of the best common epoch, episode by episode."""
    agents: Mapping[str, Interval]
    """Mean return of each agent."""


@attrs.frozen
class Opposition:
    """Two agents who play against each other, so that the sum over all agents says little."""

    agents: tuple[str, str]
    """Groups; of several such pairs the one whose returns are most opposed."""
    correlation: float
    """Of their returns of episodes with random actions."""

    @property
    def words(self) -> str:
        """What follows from it, for people."""
        return (
            f"{' and '.join(self.agents)} play against each other (their returns of random episodes correlate by "
            f"{self.correlation:.2f}), so that the sum over all agents says little: compare each agent's own column"
        )


@attrs.frozen
class TeamEvaluation:
    """Teams of a run on the same episodes."""

    environment: str
    purpose: str
    """"crossover" for episodes that may decide something, "test" for those that may not."""
    episodes: int
    teams: Mapping[str, TeamFigures]
    readings: int = 0
    """How often the run's test episodes have been played, with this time."""
    opposition: Opposition | None = attrs.field(default=None, metadata=STORED_IF_SET)


EVALUATION = SealedFile(TeamEvaluation, "teams", 1, "play the episodes again: redheart evaluate TEAM")


def read_manifests(run: RunFolder, context: AgentsContext) -> dict[str, GroupManifest]:
    """The state of every agent.

    Raises:
        CheckpointError: One has no epoch, or stopped.
    """
    found = {name: run.group(name).read() for name in context.world.groups}
    unfinished = {name: one for name, one in found.items() if one.status != "finished"}
    if unfinished:
        reasons = "; ".join(f"{name}: {one.reason or 'not trained to the end'}" for name, one in unfinished.items())
        raise CheckpointError(f"the agents in {run.path} are not finished ({reasons}); redheart train --resume goes on")
    return found


def members_at(manifests: Mapping[str, GroupManifest], epoch: int) -> dict[str, Member]:
    """All agents at one epoch, which all have."""
    found = {name: one.entry(epoch) for name, one in manifests.items()}
    missing = [name for name, entry in found.items() if entry is None]
    if missing:
        raise CheckpointError(
            f"epoch {epoch} of {', '.join(missing)} is not on disk; [training] keep_epochs keeps more"
        )
    return {name: Member(epoch, entry.sha256) for name, entry in found.items() if entry is not None}


def assemble_team(run: RunFolder, members: Mapping[str, Member], folder: Path, way: str) -> None:
    """Link the checkpoints of a team into a new folder, not rewritten.

    Raises:
        CheckpointError: The folder exists.
        FileError: It cannot be written.
    """
    if folder.exists():
        raise CheckpointError(f"{folder} exists already; remove it, or choose another folder with -o")
    with new_folder(folder) as building:
        for name, member in members.items():
            source = _file(run, name, member)
            place(source, building / f"{name}.safetensors", link=can_link(source, building))
        TEAM.write(building / "team.json", Team(way, members))


def read_team(folder: Path) -> Team:
    """What assemble_team wrote, with every file verified.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    found = TEAM.read(folder / "team.json")
    for name, member in found.members.items():
        load_tensors(folder / f"{name}.safetensors", member.sha256)
    return found


def open_members(
    run: RunFolder, context: AgentsContext, members: Mapping[str, Member]
) -> tuple[list[Learner], Tensor | None]:
    """The agents of a team in the order of the environment, and how much each hears of each other.

    Raises:
        CheckpointError: A checkpoint is no longer in the run, damaged, or of other agents.
    """
    weights = {group: load_tensors(_file(run, group, one), one.sha256) for group, one in members.items()}
    trainers, listening = open_team(context, weights)
    return [one.learner for one in trainers], listening


def compare_teams(run: RunFolder, context: AgentsContext, chosen: Mapping[str, Member], purpose: str) -> TeamEvaluation:
    """Play the same episodes with a team and what a user would take instead.

    Args:
        run: Its folder; all agents are finished.
        context: Of the run.
        chosen: The team, which is called "crossover".
        purpose: Names the episodes; those of training and selection are others.
    """
    manifests, episodes = read_manifests(run, context), context.agents.comparison_episodes
    common = common_epoch(manifests)
    teams = {"crossover": dict(chosen), f"common epoch {common}": members_at(manifests, common)}
    last = newest_epoch(list(manifests.values()))
    if last != common:
        teams[f"last epoch {last}"] = members_at(manifests, last)
    seeds = episode_seeds(context, episodes, purpose)
    returns = {}
    for name, members in teams.items():
        learners, listening = open_members(run, context, members)
        returns[name] = play_team(context, learners, seeds, listening).returns
    returns[RANDOM] = play_at_random(context, seeds).returns
    baseline = returns[f"common epoch {common}"].sum(1)
    draws = Draws(Clusters(torch.arange(episodes)), context.stream("intervals", purpose))
    return TeamEvaluation(
        environment=context.world.name,
        purpose=purpose,
        episodes=episodes,
        teams={
            name: TeamFigures(
                epochs={group: one.epoch for group, one in teams[name].items()} if name in teams else {},
                team=_mean(draws, found.sum(1)),
                gain=_mean(draws, found.sum(1) - baseline),
                agents={group: _mean(draws, found[:, place]) for place, group in enumerate(context.world.groups)},
            )
            for name, found in returns.items()
        },
        opposition=opposition(context.world.groups, returns[RANDOM]),
    )


def opposition(groups: Sequence[str], returns: Tensor) -> Opposition | None:
    """The pair of agents whose returns (episodes, agents) are most opposed; None if none is."""
    moved = [place for place in range(len(groups)) if returns[:, place].std() > 0]
    if len(moved) < 2:
        return None
    table = torch.corrcoef(returns[:, moved].T.double())
    first, second = divmod(int(table.argmin()), len(moved))
    if table[first, second] >= OPPOSED:
        return None
    return Opposition((groups[moved[first]], groups[moved[second]]), float(table[first, second]))


def _mean(draws: Draws, values: Tensor) -> Interval:
    everything = torch.ones(len(values), dtype=torch.bool)
    return interval(values.mean().item(), draws.apply(everything, lambda rows: values[rows].mean().item()).numpy())


def _file(run: RunFolder, group: str, member: Member) -> Path:
    folder = run.group(group)
    entries = [entry for entry in folder.read().epochs if entry.sha256 == member.sha256]
    if not entries:
        raise CheckpointError(
            f"epoch {member.epoch} of group '{group}' is no longer among the checkpoints of {run.path}; assemble again"
        )
    return folder.path / entries[0].file
