"""Episodes are recorded as they were played, and read as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from recorded_episodes import recorded_episode

from redheart_core import CheckpointError, DataError, EnvironmentSpec, Scene
from redheart_core.runs.episode import EPISODE, record_episode


@attrs.frozen
class NoSettings:
    """None."""


class Walk:
    """Two agents on a line who go by their actions, three steps."""

    possible_agents = ("a", "b")

    def reset(self, seed: int) -> tuple[dict[str, int], dict[str, object]]:
        self.agents, self.at, self.walked = list(self.possible_agents), {"a": seed, "b": 0}, 0
        return dict(self.at), {}

    def step(self, actions: Mapping[str, int]) -> tuple[Any, ...]:
        self.walked += 1
        for agent, action in actions.items():
            self.at[agent] += action
        if self.walked == 3:
            self.agents = []
        return dict(self.at), {agent: float(self.at[agent]) for agent in actions}, {}, {}, {}


def scene(walk: Walk) -> Scene:
    places = {"goal": (9.0, 9.0), **{agent: (float(at), 0.0) for agent, at in walk.at.items()}}
    return Scene(places, ("way", "height"), f"step {walk.walked}")


SPEC = EnvironmentSpec(name="walk", meaning="Two walk.", settings=NoSettings, make=lambda _: Walk(), scene=scene)


def forward(observations: Mapping[str, int]) -> dict[str, int]:
    return {agent: 1 + (agent == "b") for agent in observations}


def test_what_was_played_is_recorded() -> None:
    episode = record_episode(SPEC, Walk(), forward, seed=4, steps=100)
    assert episode.points == ("a", "b", "goal")
    assert (episode.agents, episode.axes, episode.seed, episode.environment) == (2, ("way", "height"), 4, "walk")
    assert [frame.places[0][0] for frame in episode.frames] == [4, 5, 6, 7]
    assert [frame.places[1][0] for frame in episode.frames] == [0, 2, 4, 6]
    assert all(frame.places[2] == (9.0, 9.0) for frame in episode.frames)
    assert [frame.rewards for frame in episode.frames] == [(0, 0), (5, 2), (6, 4), (7, 6)]
    assert [frame.said for frame in episode.frames] == ["step 0", "step 1", "step 2", "step 3"]
    assert episode.returns(2) == [11, 6]


def test_at_most_so_many_steps() -> None:
    assert len(record_episode(SPEC, Walk(), forward, seed=0, steps=2).frames) == 3


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(DataError, match="'walk' has no scene"):
        record_episode(attrs.evolve(SPEC, scene=lambda _: None), Walk(), forward, seed=0, steps=2)
    with pytest.raises(DataError, match="'walk' has no scene"):
        record_episode(EnvironmentSpec("walk", "Two walk.", NoSettings, make=Walk), Walk(), forward, seed=0, steps=2)
    vanishing = attrs.evolve(SPEC, scene=lambda walk: Scene({"a": (0, 0), "b": (0, 0), f"at {walk.walked}": (0, 0)}))
    with pytest.raises(DataError, match="the same 3 things in every step, the agents among them"):
        record_episode(vanishing, Walk(), forward, seed=0, steps=2)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    episode = recorded_episode()
    EPISODE.write(tmp_path / "episode.json", episode)
    assert EPISODE.read(tmp_path / "episode.json") == episode
    damaged = (tmp_path / "episode.json").read_text(encoding="utf-8").replace('"seed": 3', '"seed": 4')
    (tmp_path / "episode.json").write_text(damaged, encoding="utf-8")
    with pytest.raises(CheckpointError, match="record it again"):
        EPISODE.read(tmp_path / "episode.json")


@pytest.mark.parametrize(
    "change",
    [
        {"frames": ()},
        {"points": ("ann", "ann", "ben")},
        {"agents": 4},
        {"agents": 1},
        {"points": ("ann", "ben")},
    ],
)
def test_an_episode_whose_parts_do_not_fit_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"an episode needs|frame 0 needs"):
        attrs.evolve(recorded_episode(), **change)


def test_numbers_are_finite() -> None:
    first, *others = recorded_episode().frames
    with pytest.raises(ValueError, match="frame 0 holds a number that is not finite"):
        attrs.evolve(recorded_episode(), frames=(attrs.evolve(first, rewards=(float("nan"), 0.0)), *others))
