"""Groups, tiers, and what they refuse."""

from __future__ import annotations

import attrs
import pytest
from toy import Toy

from redheart_core import PluginError
from redheart_core.groups.graph import plan_groups


def test_depth_gives_tiers(toy: Toy) -> None:
    nodes = [
        toy.node("top", reads=("middle.value", "a.value")),
        toy.node("middle", reads=("a.value",)),
        toy.node("a"),
        toy.node("b", group="a", reads=("a.value",)),
    ]
    groups = plan_groups(nodes)
    assert [(group.name, group.tier, group.reads) for group in groups] == [
        ("a", 0, ()),
        ("middle", 1, ("a",)),
        ("top", 2, ("a", "middle")),
    ]
    assert [node.name for node in groups[0].nodes] == ["a", "b"]
    assert groups[2].external == ("a.value", "middle.value")


def test_nodes_that_read_each_other_are_refused(toy: Toy) -> None:
    with pytest.raises(PluginError, match="read each other in a circle"):
        plan_groups([toy.node("a", reads=("b.value",)), toy.node("b", reads=("a.value",))])


def test_groups_that_read_each_other_are_refused(toy: Toy) -> None:
    nodes = [
        toy.node("a", group="g"),
        toy.node("b", group="h", reads=("a.value",)),
        toy.node("c", group="g", reads=("b.value",)),
    ]
    with pytest.raises(PluginError, match="checkpoint groups read each other in a circle"):
        plan_groups(nodes)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ("absent.value", "'absent' is not active; --enable absent"),
        ("b.wrong", r"reads 'b.wrong', which 'b' does not give \(gives: value\)"),
    ],
)
def test_reading_what_is_not_there_is_refused_by_name(toy: Toy, read: str, message: str) -> None:
    with pytest.raises(PluginError, match=f"plugin 'a'.*{message}"):
        plan_groups([toy.node("a", reads=(read,)), toy.node("b")])


def test_what_nothing_in_its_own_group_trains_cannot_be_read_from_another_group(toy: Toy) -> None:
    features = toy.node("features", group="g")
    features = attrs.evolve(features, spec=attrs.evolve(features.spec, objective=None, targets=()))
    head, outside = toy.node("head", group="g", reads=("features.value",)), toy.node("x", reads=("features.value",))
    assert plan_groups([features, head, outside])[1].external == ("features.value",)
    other_head = toy.node("head", group="g")
    with pytest.raises(PluginError, match=r"group 'x' reads 'features\.value', which nothing in group 'g' trains"):
        plan_groups([features, other_head, outside])
