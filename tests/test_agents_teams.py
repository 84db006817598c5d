"""A team plays with each agent's own networks, in whatever order its members and the environment name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
import torch
from toy_worlds import PLAYING, Meeting, ToySettings, context, described

from redheart_core.agents.context import AgentsContext
from redheart_core.agents.loop import train_agents
from redheart_core.agents.teams import (
    Member,
    compare_teams,
    members_at,
    open_members,
    opposition,
    read_manifests,
)
from redheart_core.contract.errors import CheckpointError
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_multi_agent import redheart_provide_agents

[SPEC] = redheart_provide_agents()
NAMES = ("agent_runner", "agent_chaser")


class Pair(Meeting):
    """Two agents who are not named in the order of the alphabet."""

    def __init__(self, settings: ToySettings) -> None:
        super().__init__(settings)
        self.possible_agents = list(NAMES)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[RunFolder, AgentsContext]:
    """A run of two epochs."""
    playing = attrs.evolve(PLAYING, comparison_episodes=4)
    of = context(SPEC, Pair, playing=playing)
    run = RunFolder(tmp_path / "run")
    train_agents(run, of, described(of), Hooks(plugin_manager().hook))
    return run, of


def members(run: RunFolder, of: AgentsContext, epoch: int, names: tuple[str, ...]) -> Mapping[str, Member]:
    found = members_at(read_manifests(run, of), epoch)
    return {name: found[name] for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_each_agent_of_a_team_has_its_own_networks(
    names: tuple[str, ...], trained: tuple[RunFolder, AgentsContext]
) -> None:
    run, of = trained
    learners, _ = open_members(run, of, members(run, of, 1, names))
    for learner, name in zip(learners, of.world.groups, strict=True):
        folder = run.group(name)
        entry = folder.read().entry(1)
        assert entry is not None
        for key, tensor in folder.weights(entry).items():
            assert torch.equal(learner.module.state_dict()[key.removeprefix("multi_agent.")], tensor)


@pytest.mark.slow
def test_a_team_of_one_epoch_gets_what_the_common_epoch_gets(trained: tuple[RunFolder, AgentsContext]) -> None:
    run, of = trained
    common = find_sweetspot(run, list(NAMES)).common_epoch
    found = compare_teams(run, of, members(run, of, common, NAMES[::-1]), "crossover").teams
    assert found["crossover"].agents == found[f"common epoch {common}"].agents


@pytest.mark.slow
def test_a_team_of_other_agents_is_refused(trained: tuple[RunFolder, AgentsContext]) -> None:
    run, of = trained
    with pytest.raises(CheckpointError, match="are of agent_runner, the environment has agent_runner, agent_chaser"):
        open_members(run, of, members(run, of, 1, NAMES[:1]))


def test_agents_who_play_against_each_other_are_named() -> None:
    won, groups = torch.tensor([3.0, -1.0, 0.0, 2.0]), ("a", "b", "c", "d")
    still = torch.zeros(4)
    found = opposition(groups, torch.stack([won, still, 1 - 2 * won, won + torch.tensor([0.0, 1.0, 0.0, 0.0])], 1))
    assert found is not None
    assert found.agents == ("a", "c")
    assert found.correlation == pytest.approx(-1.0)
    assert opposition(groups[:2], torch.stack([won, won + 1], 1)) is None
    assert opposition(groups[:2], torch.stack([won, still], 1)) is None
