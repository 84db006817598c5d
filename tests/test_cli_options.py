"""What --enable brings along, and what a function in Python takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

import redheart
from redheart.options import PluginChoice
from redheart_core.storage.settings import parse_override

OF_TRAINING_ALONE = ("memory", "start_from", "resume", "only", "wait_s", "mirror")


@pytest.mark.parametrize(
    ("enable", "disable", "enabled"),
    [
        (("kalman",), (), ("kalman", "neural_emotion", "emotion_dsp")),
        (("kalman",), ("emotion_dsp",), ("kalman", "neural_emotion")),
        (("hierarchical",), (), ("hierarchical", "phase0", "phase1", "phase2")),
        (("phase0", "advanced_surd"), (), ("phase0", "advanced_surd")),
        (("nobody",), (), ("nobody",)),
        ((), (), ()),
    ],
)
def test_a_plugin_brings_what_it_reads_unless_that_is_active_or_disabled(
    enable: tuple[str, ...], disable: tuple[str, ...], enabled: tuple[str, ...]
) -> None:
    assert PluginChoice(enable=enable, disable=disable).enabled() == enabled


def test_what_is_read_is_brought_where_the_file_does_not_list_it(tmp_path: Path) -> None:
    file = tmp_path / "plugins.toml"
    file.write_text('active = ["village", "lsa"]\n')
    assert PluginChoice(file, enable=("kalman",)).enabled() == ("kalman", "neural_emotion", "emotion_dsp")


@pytest.mark.parametrize(
    "function", [redheart.sweep, redheart.search, redheart.auto, redheart.run], ids=lambda one: one.__name__
)
def test_what_prepares_a_training_in_python_takes_all_that_begins_one(function: Callable[..., object]) -> None:
    begins = {name for name in inspect.signature(redheart.train).parameters if name not in OF_TRAINING_ALONE}
    assert begins <= set(inspect.signature(function).parameters)


def test_a_setting_of_a_python_function_may_be_a_table() -> None:
    table = {"continuous_actions": True, "two words": [1, 2], "inner": {"text": "a = b"}}
    [override] = PluginChoice.of(settings={"pettingzoo.arguments": table}).overrides
    assert parse_override(override) == ("pettingzoo", "arguments", table)
