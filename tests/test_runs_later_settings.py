"""What was made before a setting existed goes on where the setting has its default, and is refused where it has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from toy import Toy
from toy_worlds import context, described
from trained_toy import Trained

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.describe import describe, describe_node
from redheart_core.runs.description import NodeDescription, RunDescription
from redheart_core.storage.settings import default_table, setting_differences
from redheart_multi_agent import redheart_provide_agents

[SPEC] = redheart_provide_agents()


def earlier(node: NodeDescription, *absent: str) -> NodeDescription:
    """As a file has it that was written before some settings existed."""
    kept = {key: value for key, value in node.settings.items() if key not in absent}
    return attrs.evolve(node, settings=kept, defaults={})


def test_only_settings_that_are_new_and_have_their_defaults_are_filled_in() -> None:
    now, defaults = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 0}
    assert setting_differences({"a": 5}, now, defaults) == ["setting a was 5, is 1", "setting c was 0, is 3"]
    assert setting_differences({"a": 1, "c": 3}, now, defaults) == []
    assert setting_differences({"old": 5, **now}, now, {}) == ["setting old was 5, is not set"]
    assert setting_differences({}, {"a": 1}, {}) == ["setting a was not set, is 1"]


def test_a_node_differs_by_what_is_set(toy: Toy) -> None:
    plain, wide = describe_node(toy.node("low")), describe_node(toy.node("low", dropout=0.7))
    assert default_table(type(toy.node("low").settings))["dropout"] == plain.settings["dropout"]
    assert earlier(plain, "dropout").differences(plain) == []
    assert earlier(plain, "dropout").differences(wide) == ["setting dropout was 0.1, is 0.7"]
    assert earlier(wide).differences(plain) != []
    assert plain.differences(earlier(plain, "dropout")) != []  # one that is no longer known


def test_an_earlier_run_goes_on(trained: Trained) -> None:
    before, now = trained.run.read(), describe(
        trained.run.path, trained.context.nodes, trained.context.groups, trained.context.settings, trained.context.store
    )  # fmt: skip
    old = attrs.evolve(before, nodes={name: earlier(node, "dropout") for name, node in before.nodes.items()})
    old.require_same(now, "run")
    wide = attrs.evolve(now.nodes["a"], settings={**now.nodes["a"].settings, "dropout": 0.7})
    with pytest.raises(CheckpointError, match=r"plugin 'a': setting dropout was 0\.1, is 0\.7"):
        old.require_same(attrs.evolve(now, nodes={**now.nodes, "a": wide}), "run")


def earlier_world(now: RunDescription, settings: Mapping[str, Any]) -> RunDescription:
    assert now.environment is not None
    environment = attrs.evolve(now.environment, settings=settings, defaults={})
    data = attrs.evolve(now.data, fingerprint="of other settings")
    nodes = {name: earlier(node, "twin", "tau") for name, node in now.nodes.items()}
    return attrs.evolve(now, environment=environment, data=data, nodes=nodes)


def test_an_earlier_run_of_agents_goes_on() -> None:
    now = described(context(SPEC))
    earlier_world(now, {"agents": 2}).require_same(now, "run")
    with pytest.raises(CheckpointError, match="environment: setting agents was 3, is 2"):
        earlier_world(now, {"agents": 3}).require_same(now, "run")
