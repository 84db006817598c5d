"""Nodes that learn every field of a kind: named by the data set when they are bound."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import pytest

from redheart_core import CATALOGUE, ActiveNode, Field, NodeSpec, PluginError
from redheart_core.groups.graph import bind_nodes, check_targets
from redheart_core.nn.answers import FROM_TEXT, declared_answers, text_answers
from redheart_core.testing import activate, load_installed

TOPIC = Field("topic", "it", 0.0, 1.0, labels=("a", "b"), binary=True)
DELAY = Field("delay", "it", -3.0, 40.0, unit="days")
OWN = {"topic": TOPIC, "delay": DELAY}
WITHOUT_ANSWER = (
    Field("heat", "it", 0.0, math.inf),
    Field("course", "it", 0.0, 1.0, axes=(3,)),
    Field("flag", "it", 0.0, 1.0, binary=True),
)


def nodes(*names: str) -> list[ActiveNode]:
    return [activate(load_installed(name)) for name in names]


def bound(fields: Mapping[str, Field], *names: str) -> dict[str, NodeSpec]:
    return {node.name: node.spec for node in bind_nodes(nodes(*names), fields)}


def test_own_fields_come_by_name_after_those_of_the_catalogue() -> None:
    assert list(text_answers({**OWN, **CATALOGUE})) == [*FROM_TEXT, "delay", "topic"]
    assert list(text_answers(CATALOGUE)) == list(FROM_TEXT)


def test_the_order_of_the_fields_changes_nothing() -> None:
    fields = {**OWN, **CATALOGUE}
    names = ("linear", "pooled", "mean_fusion", "stacking_fusion")
    assert bound(fields, *names) == bound(dict(reversed(fields.items())), *names)


@pytest.mark.parametrize("field", WITHOUT_ANSWER, ids=lambda field: str(field.name))
def test_what_has_axes_no_range_or_no_labels_is_not_learnt(field: Field) -> None:
    assert declared_answers({field.name: field}) == {}


def test_outputs_follow_from_the_kind_of_the_field() -> None:
    spec = bound(OWN, "linear")["linear"]
    assert spec.targets == spec.optional_targets == ("delay", "topic")
    assert [(one.name, one.form, one.labels, one.low, one.high) for one in spec.gives] == [
        ("delay", "values", None, -3.0, 40.0),
        ("topic", "probabilities", "topic", 0.0, 1.0),
        ("topic_logits", "logits", "topic", -math.inf, math.inf),
    ]


def test_a_node_of_own_fields_leaves_the_catalogue_alone() -> None:
    assert bound({**CATALOGUE, **OWN}, "pooled")["pooled"].targets == ("delay", "topic")


def test_fusions_gather_every_field_that_is_answered() -> None:
    spec = bound({**OWN, "regret": CATALOGUE["regret"]}, "linear", "pooled", "mean_fusion")["mean_fusion"]
    assert spec.reads == ("linear.regret", "linear.delay", "pooled.delay", "linear.topic", "pooled.topic")
    only = bound({**OWN, "regret": CATALOGUE["regret"]}, "pooled", "mean_fusion")["mean_fusion"]
    assert (only.targets, only.reads) == (("delay", "topic"), ("pooled.delay", "pooled.topic"))


def test_binding_twice_changes_nothing() -> None:
    once = bind_nodes(nodes("linear", "pooled", "mean_fusion"), OWN)
    assert bind_nodes(once, OWN) == once


def test_a_node_that_finds_no_field_is_named() -> None:
    fields = {"utility": CATALOGUE["utility"]}
    for name in ("linear", "pooled"):
        with pytest.raises(PluginError, match=rf"'{name}' can learn none of the data set's fields \(fields: utility\)"):
            check_targets(bind_nodes(nodes(name), fields), fields, {"utility": 1}, "train")
    with pytest.raises(PluginError, match=r"'mean_fusion' gathers the answers on fields that the data set lacks"):
        bind_nodes(nodes("linear", "mean_fusion"), fields)


def test_a_plugin_that_fails_to_choose_its_fields_is_named() -> None:
    (node,) = nodes("pooled")
    broken = attrs.evolve(node, spec=attrs.evolve(node.spec, learns_any=lambda fields: {fields["nowhere"].name: ()}))
    with pytest.raises(PluginError, match="plugin 'pooled' failed in learns_any: KeyError: 'nowhere'"):
        bind_nodes([broken], OWN)


def test_a_node_learns_only_the_fields_that_its_table_names() -> None:
    (linear,) = nodes("linear")
    (chosen,) = bind_nodes([attrs.evolve(linear, learns=("topic", "vad"))], {**OWN, **CATALOGUE})
    assert chosen.spec.targets == ("vad", "topic")
    assert {output.name for output in chosen.spec.gives} == {"vad", "topic", "topic_logits"}


@pytest.mark.parametrize(
    ("name", "learns", "learnt"),
    [("linear", ("topic", "tropic"), "topic"), ("neural_regret", ("emotion",), "regret")],
)
def test_a_table_cannot_name_what_the_node_does_not_learn(name: str, learns: tuple[str, ...], learnt: str) -> None:
    (node,) = nodes(name)
    fields = {**OWN, **CATALOGUE}
    taken = bind_nodes([attrs.evolve(node, learns=learns)], fields)
    with pytest.raises(PluginError, match=rf"has learns = \['{learns[0]}.* would learn .*{learnt}"):
        check_targets(taken, fields, dict.fromkeys(fields, 10), "train")
