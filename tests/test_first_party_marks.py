"""A first-party module that adds nothing to the fusion says so in its README, and is not in the default set."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from redheart_core import NodeSpec
from redheart_core.testing.discovery import load_all

ROOT = Path(__file__).parents[1]
SENTENCE = "Adds nothing to the fusion on {}."
NODES = {
    plugin.name: plugin
    for plugin in load_all()
    if isinstance(plugin.spec, NodeSpec) and plugin.entry.distribution == "redheart"
}


def readme(name: str) -> str:
    package = NODES[name].entry.module.removeprefix("redheart_")
    return " ".join((ROOT / "plugins" / package / "README.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", sorted(NODES))
def test_readme_and_spec_agree_on_whether_a_module_adds_something(name: str) -> None:
    where = NODES[name].node.adds_nothing
    alone = [other for other in NODES if NODES[other].entry.module == NODES[name].entry.module] == [name]
    assert (SENTENCE.format(where) in readme(name)) == bool(where) or not alone
    assert not where or SENTENCE.format(where) in readme(name)


def test_no_module_of_the_default_set_adds_nothing() -> None:
    active = tomllib.loads((ROOT / "plugins.toml").read_text(encoding="utf-8"))["active"]
    assert [name for name in active if name in NODES and NODES[name].node.adds_nothing] == []
    assert "stacking_fusion" in active
