"""Every number of every plugin's settings has the range that works: what is not refused by its setting builds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import attrs
import pytest
import torch

from redheart_core import CATALOGUE, ActiveNode, DatasetSpec, EncoderSpec, Field, NodeSpec, SettingsError
from redheart_core.contract.data import EXAMPLE_TOKENIZERS
from redheart_core.discovery.entries import installed_entries
from redheart_core.discovery.offers import Plugin, load_entry
from redheart_core.groups.graph import bind_nodes, output_shapes, plan_groups
from redheart_core.groups.group_module import Surroundings, build_node
from redheart_core.storage.settings import read_table
from redheart_core.testing import activate

EVIL_INTEGERS = (-(10**30), -1, 0, 1, 2, 5, 7, 13, 17, 10**9, 2**63, 10**30)
EVIL_FLOATS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e-320, 0.5, 1.0, 7.3, 1e300)
OURS = {
    plugin.name: plugin
    for entry in installed_entries()
    if entry.distribution == "redheart"
    for plugin in load_entry(entry)
}


def of_a_window(name: str, labels: tuple[str, ...], *axes: int) -> Field:
    """A field as the data set of time series declares it."""
    size = len(labels)
    scale: dict[str, Any] = {"mean": (0.0,) * size, "std": (1.0,) * size, "step": (1.0,) * size}
    return Field(name, "made up", -1e9, 1e9, labels=labels, axes=axes, **scale)


FIELDS = {
    **CATALOGUE,
    "past": of_a_window("past", ("sales", "rain"), 8),
    "past_times": of_a_window("past_times", (), 8),
    "next": of_a_window("next", ("sales",), 3),
    "outcome": Field("outcome", "made up", 0.0, 1.0, labels=("up", "down"), simplex=True),
    "quantity": of_a_window("quantity", ("size",)),
}
ACTIVE = [activate(plugin) for plugin in OURS.values() if isinstance(plugin.spec, NodeSpec)]


def numbers(plugin: Plugin) -> Iterator[tuple[str, type]]:
    """The settings of a plugin that hold a number, with its type."""
    settings: Any = plugin.spec.settings if isinstance(plugin.spec, NodeSpec | DatasetSpec | EncoderSpec) else None
    for one in attrs.fields(settings) if settings else ():
        hint = get_type_hints(settings)[one.name]
        for kind in (int, float):
            if hint in (kind, kind | None):
                yield one.name, kind


CASES = [(name, key, kind) for name, plugin in sorted(OURS.items()) for key, kind in numbers(plugin)]


@pytest.mark.parametrize(("name", "key", "kind"), CASES)
def test_a_number_is_refused_by_its_setting_or_builds(name: str, key: str, kind: type) -> None:
    spec: Any = OURS[name].spec
    refusals: list[str] = []
    for value in EVIL_INTEGERS if kind is int else EVIL_FLOATS:
        table = {**(spec.scales["tiny"] if isinstance(spec, NodeSpec) else {}), key: value}
        try:
            settings = read_table(spec.settings, table, f"[plugins.{name}]")
            if isinstance(spec, NodeSpec):
                build(name, settings)
        except SettingsError as refused:
            refusals.append(str(refused))
    assert all(name in refusal for refusal in refusals)
    assert any(key in refusal for refusal in refusals) or key == "seed"


def build(name: str, settings: Any) -> None:
    """The node among those that it reads, on the meta device."""
    nodes = [attrs.evolve(node, settings=settings) if node.name == name else node for node in ACTIVE]
    chosen, waiting = {}, [name]
    while waiting:
        wanted = waiting.pop()
        node = next(node for node in nodes if node.name == wanted)
        chosen[node.name] = node
        reads = {read.partition(".")[0] for read in node.spec.reads if "." in read}
        waiting += sorted((reads | set(node.spec.gathers_from)) - chosen.keys())
    bound: list[ActiveNode] = list(bind_nodes(list(chosen.values()), FIELDS))
    shapes = output_shapes(bound, FIELDS, 24, 30, EXAMPLE_TOKENIZERS)
    group = next(group for group in plan_groups(bound) if name in {node.name for node in group.nodes})
    node = next(node for node in group.nodes if node.name == name)
    with torch.device("meta"):
        build_node(
            node, Surroundings(FIELDS, shapes, "tiny", seed=0, tokenizers=EXAMPLE_TOKENIZERS), group.wanted(node)
        )
