"""Settings have the range that works: what lies within it trains, what lies outside is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy import Toy

from redheart_core import RedheartError, SettingsError
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.storage.runtime import choose_device, usable_devices
from redheart_core.storage.settings import read_table
from redheart_lsa.settings import LsaSettings

BEYOND = [
    (TrainSettings, "batch_size", 2**31),
    (TrainSettings, "batch_size", 0),
    (TrainSettings, "threads", 1025),
    (TrainSettings, "seed", -1),
    (TrainSettings, "learning_rate", 0.0),
    (GroupSettings, "mixup", 1e-7),
    (GroupSettings, "mixup", 1e7),
    (GroupSettings, "ema", 1.0),
    (LsaSettings, "seed", 2**32),
    (LsaSettings, "character_weight", 1e7),
]
WITHIN: list[dict[str, Any]] = [
    {"batch_size": 2**31 - 1},
    {"seed": 10**40},
    {"warmup_updates": 10**30},
    {"restart_updates": 1, "schedule": "cosine_restarts"},
    {"keep_epochs": 10**30},
    {"clip_norm": 1e300},
    {"learning_rate": 1e-320},
    {"mixture": 0.0},
]
TECHNIQUES: list[dict[str, Any]] = [
    {"mixup": 1e-6},
    {"mixup": 1e6},
    {"ema": 1 - 1e-16},
    {"dropout_end": 1e300},
    {"label_smoothing": 0.0},
]


@pytest.mark.parametrize(("settings", "key", "value"), BEYOND)
def test_what_would_end_in_an_error_of_a_library_is_refused(settings: type[Any], key: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=key):
        read_table(settings, {key: value}, "[table]")


@pytest.mark.parametrize("changes", WITHIN, ids=str)
def test_the_ends_of_the_range_train(toy: Toy, changes: dict[str, Any]) -> None:
    read_table(TrainSettings, changes, "[training]")
    run, stopped = toy.run("run", [toy.node("a")], epochs=2, **changes)
    assert not stopped
    assert len(run.group("a").read().epochs) == 2


@pytest.mark.parametrize("changes", TECHNIQUES, ids=str)
def test_the_ends_of_the_techniques_train(toy: Toy, changes: dict[str, Any]) -> None:
    groups = {"a": read_table(GroupSettings, changes, "[groups.a]")}
    assert toy.run("run", [toy.node("a")], groups=groups, epochs=2)[1] == {}


def test_a_rate_beyond_all_measure_stops_its_group(toy: Toy) -> None:
    _, stopped = toy.run("run", [toy.node("a")], groups={"a": GroupSettings(learning_rate=1e300)})
    assert "became" in stopped["a"]


@pytest.mark.parametrize("name", ["meta", "mps", "xpu", "cpu:7", "cuda:99", "gpu", "", "hip", "vulkan"])
def test_a_device_that_cannot_train_is_refused_with_the_list_of_those_that_can(name: str) -> None:
    with pytest.raises(RedheartError, match=rf"device '{name}' cannot be used .*: cpu"):
        choose_device(name)


def test_devices_that_can_train_are_listed() -> None:
    assert usable_devices()[0] == "cpu"
    assert choose_device("cpu") == torch.device("cpu")
