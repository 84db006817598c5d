"""Agents find what is known to be best."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from toy_worlds import PLAYING, Bandit, Regulator, ToySettings, context, described

from redheart_core.agents.acting import episode_seeds, play_team
from redheart_core.agents.loop import train_agents
from redheart_core.agents.progress import open_team
from redheart_core.config.tables import TrainSettings
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.runs.run import RunFolder
from redheart_multi_agent import redheart_provide_agents

[SPEC] = redheart_provide_agents()
TRAINING = TrainSettings(
    scale="tiny", epochs=3, batch_size=32, learning_rate=0.01, warmup_updates=0, weight_decay=0.0, clip_norm=10.0
)


@pytest.mark.slow
def test_a_bandit_finds_the_known_optimum(tmp_path: Path) -> None:
    playing = attrs.evolve(PLAYING, episodes=100, together=10, updates=2, begin=30, replay=1000)
    of = context(
        SPEC,
        Bandit,
        training=TRAINING,
        playing=playing,
        norm=True,
        twin=True,
        smoothing=0.1,
        actor_rate=0.5,
        noise_scale=0.4,
        noise_end=0.05,
        tau=0.05,
    )
    train_agents(RunFolder(tmp_path), of, described(of), Hooks(plugin_manager().hook))
    manifest = RunFolder(tmp_path).group("agent_0").read()
    assert manifest.best.metrics["multi_agent.return"] == pytest.approx(1.0, abs=0.002)  # an untrained one gets 0.91
    folder = RunFolder(tmp_path).group("agent_0")
    [trainer], _ = open_team(of, {"agent_0": folder.weights(manifest.best)})
    with torch.no_grad():
        action = float(trainer.learner.act(torch.ones(1, 1)))
    assert action == pytest.approx(0.3, abs=0.04)


def riccati(steps: int, discount: float = 1.0) -> float:
    """Mean cost of the best regulator over x in -1..1, whose second moment is 1/3, by the Riccati recursion."""
    value = 0.0
    for _ in range(steps):
        a, b, r = Regulator.decay, Regulator.gain, Regulator.price
        gain = discount * a * b * value / (r + discount * b * b * value)
        value = 1.0 + r * gain**2 + discount * value * (a - b * gain) ** 2
    return value / 3


def test_riccati_is_what_no_linear_regulator_beats() -> None:
    """The reference of the next test, against regulators that are tried one by one."""
    costs = []
    for gain in np.linspace(0.0, 2.5, 251):
        cost, power = 0.0, 1.0
        for _ in range(60):
            cost += power * (1 + Regulator.price * gain**2)
            power *= (Regulator.decay - Regulator.gain * gain) ** 2
        costs.append(cost / 3)
    assert riccati(60) == pytest.approx(min(costs), rel=1e-3)


@pytest.mark.slow
def test_a_regulator_comes_near_the_riccati_optimum(tmp_path: Path) -> None:
    playing = attrs.evolve(
        PLAYING, episodes=60, together=10, updates=10, begin=100, replay=4000, evaluation_episodes=50
    )
    of = context(
        SPEC, Regulator, ToySettings(steps=12), training=TRAINING, playing=playing,
        tau=0.05, discount=0.95, noise_scale=0.4, noise_end=0.3,
    )  # fmt: skip
    train_agents(RunFolder(tmp_path), of, described(of), Hooks(plugin_manager().hook))
    folder = RunFolder(tmp_path).group("agent_0")
    trainers, _ = open_team(of, {"agent_0": folder.weights(folder.read().best)})
    found = play_team(of, [one.learner for one in trainers], episode_seeds(of, 300, "check"), None).returns
    untrained = play_team(of, [of.trainers()[0].learner], episode_seeds(of, 300, "check"), None).returns
    best = riccati(12)
    assert -float(found.mean()) < 1.15 * best
    assert -float(untrained.mean()) > 2 * best
