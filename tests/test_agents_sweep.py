"""The learning-rate sweep of agents: joint short trainings, what is chosen of them, and how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from toy_worlds import Meeting, context, described

from redheart_core.agents import sweeping
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.loop import train_agents
from redheart_core.agents.sweeping import sweep_agents, usual_rates
from redheart_core.contract.errors import CheckpointError
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.exact.numbers import FloatArray
from redheart_core.runs.run import RunFolder
from redheart_core.tuning.short_runs import ShortRun
from redheart_core.tuning.sweep_result import SWEEP, Sweep
from redheart_core.tuning.sweep_steps import SweepSettings
from redheart_multi_agent import redheart_provide_agents

[SPEC] = redheart_provide_agents()
ASKED = SweepSettings(rates=(1e-3, 1e-2), epochs=1, seeds=2, halving=False)


def sweep(folder: Path, of: AgentsContext, settings: SweepSettings = ASKED) -> Sweep:
    return sweep_agents(RunFolder(folder), of, settings, described, lambda what, done, total: None)


class Rivals(Meeting):
    """Two agents, of which one gets what the other loses."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, rewards, *rest = super().step(actions)
        first, second = rewards
        return seen, {first: rewards[first] - self.places[second], second: self.places[second]}, *rest


def made_up(monkeypatch: pytest.MonkeyPatch, returns: Mapping[float, tuple[float, float]], own: float = 0.0) -> None:
    """In place of trainings: mean returns of two agents by rate, and what each gets once more with rates of its own."""

    def train(work: Any, name: str, rates: Mapping[str, float], seed: int) -> dict[str, ShortRun]:
        noise = np.random.default_rng(seed).normal(size=30)
        mixed = len(set(rates.values())) > 1
        means = {group: own if mixed else returns[rate][place] for place, (group, rate) in enumerate(rates.items())}
        losses = {group: -(noise + mean)[None] for group, mean in means.items()}
        return {group: ShortRun(rates[group], "finished", "", found, None, {}, 0.0) for group, found in losses.items()}

    monkeypatch.setattr(sweeping._Work, "train", train)


def test_a_sweep_is_the_short_trainings_of_all_agents_at_each_rate(tmp_path: Path) -> None:
    of = context(SPEC)
    found = sweep(tmp_path / "run", of)
    assert SWEEP.read(tmp_path / "run" / "sweep.json").chosen == found.chosen
    assert set(found.chosen) == set(of.world.groups)
    assert len({*found.chosen.values()} - {1e-3, 1e-2}) == 0
    alone = context(SPEC, training=attrs.evolve(of.training, epochs=1, learning_rate=1e-2))
    run = RunFolder(tmp_path / "alone")
    train_agents(run, alone, described(alone), Hooks(plugin_manager().hook))
    for group in found.groups:
        losses = group.rates[1].losses[0]
        assert losses == (run.group(group.group).read().epochs[0].validation_loss,)
    assert not list((tmp_path / "run" / "sweep").rglob("state-*"))  # whose replays nobody goes on from
    kept = RunFolder(tmp_path / "run" / "sweep" / "rate-0.01-seed-0")
    before = {path: path.read_bytes() for path in kept.path.rglob("*.json")}
    assert train_agents(kept, alone, kept.read(), Hooks(plugin_manager().hook)) == {}
    assert {path: path.read_bytes() for path in kept.path.rglob("*.json")} == before


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(what: str, done: int, total: int) -> None:
        raise Killed

    of = context(SPEC)
    with pytest.raises(Killed):
        sweep_agents(RunFolder(tmp_path / "run"), of, ASKED, described, kill)
    first = RunFolder(tmp_path / "run" / "sweep" / "rate-0.001-seed-0")
    [before] = [first.group("agent_0").read().epochs[0].file]
    time = (first.group("agent_0").path / before).stat().st_mtime_ns
    found = sweep(tmp_path / "run", of)
    assert (first.group("agent_0").path / before).stat().st_mtime_ns == time
    whole = sweep(tmp_path / "whole", of)
    assert found.to_json() == whole.to_json()
    with pytest.raises(CheckpointError, match="was begun with"):
        sweep(tmp_path / "run", of, attrs.evolve(ASKED, epochs=2))


def test_an_agent_leaves_the_common_rate_where_all_get_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of = context(SPEC)
    made_up(monkeypatch, {1e-3: (0.0, 5.0), 1e-2: (9.0, 4.0)}, own=8.0)
    found = sweep(tmp_path / "a", of)
    assert found.common.rate == 1e-2
    assert found.chosen == {"agent_0": 1e-2, "agent_1": 1e-3}
    assert found.company is not None
    assert found.company.gain is not None
    assert found.company.gain.mean == pytest.approx(3.0)
    shown = found.to_json()
    assert shown["groups"][0]["rates"][0]["mean"] == pytest.approx(-found.groups[0].rates[0].mean)  # type: ignore[operator]
    assert "losses" not in shown["groups"][0]["rates"][0]
    made_up(monkeypatch, {1e-3: (0.0, 5.0), 1e-2: (9.0, 4.0)}, own=6.0)
    kept = sweep(tmp_path / "b", of)
    assert set(kept.chosen.values()) == {1e-2}
    assert kept.company is not None
    assert not kept.company.taken
    assert kept.groups[1].choice is not None
    assert kept.groups[1].choice.differences[1e-3].mean == pytest.approx(-1.0)


@pytest.mark.parametrize(("own", "chosen"), [(1e-3, 1e-3), (1e-2, 1e-2), (0.5, 1e-3)])
def test_within_noise_all_keep_the_rate_of_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: float, chosen: float
) -> None:
    of = context(SPEC)
    made_up(monkeypatch, {1e-3: (2.0, 1.0), 1e-2: (2.0, 1.0)})
    found = sweep(tmp_path, attrs.evolve(of, training=attrs.evolve(of.training, learning_rate=own)))
    assert set(found.chosen.values()) == {chosen}  # the smaller one of equals where the own one was not tried
    assert found.company is None


def test_halving_drops_a_rate_that_is_hopeless_for_all_agents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = SweepSettings(rates=(1e-4, 1e-3, 1e-2), epochs=1, seeds=2)
    made_up(monkeypatch, {1e-4: (-9.0, -9.0), 1e-3: (2.0, 1.0), 1e-2: (-5.0, 3.0)})
    found = sweep(tmp_path, context(SPEC), asked)
    assert [runs.status for runs in found.groups[0].rates] == ["dropped", "finished", "finished"]
    assert [len(runs.losses) for runs in found.groups[0].rates] == [1, 2, 2]
    assert found.groups[0].epochs_saved == 1


def test_agents_who_play_against_each_other_have_no_common_rate(tmp_path: Path) -> None:
    of = context(SPEC, Rivals)
    found = sweep(tmp_path, of, attrs.evolve(ASKED, seeds=1))
    assert found.common.rate is None
    assert "play against each other" in found.common.reason
    assert set(found.chosen) == set(of.world.groups)


def test_a_hierarchical_sweep_goes_on_around_the_best(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried: list[float] = []

    def train(work: Any, name: str, rates: Mapping[str, float], seed: int) -> dict[str, ShortRun]:
        [rate] = set(rates.values())
        tried.append(rate)
        losses: FloatArray = np.abs(np.log10(rate) + 2.5) + np.random.default_rng(seed).normal(size=(1, 30))
        return {group: ShortRun(rate, "finished", "", losses, None, {}, 0.0) for group in rates}

    monkeypatch.setattr(sweeping._Work, "train", train)
    asked = SweepSettings(usual_rates(1e-2, hierarchical=True), hierarchical=True, epochs=1, seeds=1)
    found = sweep(tmp_path, context(SPEC), asked)
    assert tried[:4] == [1e-4, 1e-3, 1e-2, 1e-1]
    assert set(found.chosen.values()) == {0.00316}


class Breaking(Meeting):
    """Ends in an error."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        raise RuntimeError("a leg broke")


def test_an_environment_that_fails_leaves_agents_without_a_rate(tmp_path: Path) -> None:
    found = sweep(tmp_path, context(SPEC, Breaking), attrs.evolve(ASKED, seeds=1))
    assert [group.status for group in found.groups] == ["failed", "failed"]
    assert all("a leg broke" in runs.reason for runs in found.groups[0].rates)
    assert found.tables() == {}


def test_usual_rates_surround_that_of_the_training() -> None:
    assert usual_rates(1e-2, hierarchical=False) == (1e-3, 3.16e-3, 1e-2, 3.16e-2)
    assert torch.tensor(usual_rates(1e-2, hierarchical=True)).log10().diff().tolist() == pytest.approx([1, 1, 1])
