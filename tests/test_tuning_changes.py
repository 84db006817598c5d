"""A group with other settings: scale, dropout, start and optional inputs, and the tables of plugins.toml."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from toy import NodeSettings, Toy

from redheart_core import CATALOGUE, SCALES, ActiveNode, Output, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.groups.binding import bind_node
from redheart_core.groups.group import Group
from redheart_core.tuning.changes import Place, Values, changed, settings_tables
from redheart_core.tuning.search_space import Range, read_spaces
from redheart_core.tuning.wide_space import wide_space

WIDTHS = dict(zip(SCALES, (4, 8, 16, 32), strict=True))
FIELDS = {name: CATALOGUE[name] for name in ("regret", "choice_factors", "history", "emotion")}


def node(toy: Toy, **settings: Any) -> ActiveNode:
    """A node that may read a history, whose scales are widths."""
    made = toy.node("a", **settings)
    spec = attrs.evolve(
        made.spec,
        scales={scale: {"width": width} for scale, width in WIDTHS.items()},
        optional_reads=("history",),
        gives=(*made.spec.gives, Output("past", "Of the history.", "features", (4,), needs=("history",))),
    )
    return attrs.evolve(made, spec=spec)


def group(*nodes: ActiveNode) -> Group:
    return Group("a", tuple(attrs.evolve(one, spec=bind_node(one.spec, FIELDS)) for one in nodes), 0, ())


def test_a_scale_changes_what_the_old_one_says_and_nothing_that_was_set_by_hand(toy: Toy) -> None:
    own, by_hand = group(node(toy, width=8)), group(node(toy, width=6))
    tiny = changed(own, {("groups", "a", "scale"): "tiny"}, "small")
    assert tiny.nodes[0].settings == NodeSettings(width=4)
    assert changed(by_hand, {("groups", "a", "scale"): "tiny"}, "small") == by_hand
    assert changed(own, {("groups", "a", "scale"): "small"}, "small") == own
    both: Values = {("groups", "a", "scale"): "tiny", ("plugins", "a", "width"): 5}
    assert changed(own, both, "small").nodes[0].settings.width == 5
    assert settings_tables(tiny, own, {("groups", "a", "scale"): "tiny"}) == {"plugins": {"a": {"width": 4}}}


def test_a_dropout_of_the_group_is_that_of_all_its_plugins(toy: Toy) -> None:
    own = group(node(toy), attrs.evolve(toy.node("b"), group="a"))
    found = changed(own, {("groups", "a", "dropout"): 0.3}, "small")
    assert [one.settings.dropout for one in found.nodes] == [0.3, 0.3]
    assert settings_tables(found, own, {("groups", "a", "dropout"): 0.3}) == {
        "plugins": {"a": {"dropout": 0.3}, "b": {"dropout": 0.3}}
    }
    assert found.settings == GroupSettings()


def test_a_field_that_is_not_read_is_ignored_as_plugins_toml_has_it(toy: Toy) -> None:
    made = node(toy)
    own, unbound = group(made), attrs.evolve(made, ignores=("history",))
    without = changed(own, {("plugins", "a", "reads.history"): False}, "small")
    bound = attrs.evolve(unbound, spec=bind_node(unbound.spec, unbound.learnable(FIELDS)))
    assert without.nodes == (bound,)
    assert "history" not in without.fields
    assert [output.name for output in without.nodes[0].spec.gives] == ["value"]
    assert changed(own, {("plugins", "a", "reads.history"): True}, "small") == own
    values: Values = {("plugins", "a", "reads.history"): False}
    assert settings_tables(without, own, values) == {"plugins": {"a": {"ignores": ["history"]}}}


def test_a_start_from_nothing_takes_the_baseline_away(toy: Toy) -> None:
    begun = attrs.evolve(node(toy), baseline="line", residual_fields=("regret",))
    own = group(begun)
    found = changed(own, {("groups", "a", "residual"): False}, "small")
    assert (found.nodes[0].residual, found.nodes[0].residual_fields, found.external) == (False, (), ())
    assert settings_tables(found, own, {("groups", "a", "residual"): False}) == {"plugins": {"a": {"residual": False}}}
    assert changed(own, {("groups", "a", "residual"): True}, "small") == own


def test_values_that_are_none_are_refused(toy: Toy) -> None:
    own = group(node(toy))
    cases: tuple[tuple[Place, Any, str], ...] = (
        (("groups", "a", "scale"), "huge", "'scale' expects one of tiny, small, base, full, got 'huge'"),
        (("plugins", "a", "reads.history"), 3, "'reads.history' expects true or false, got 3"),
        (("plugins", "a", "residual"), "no", "'residual' expects true or false, got 'no'"),
        (("groups", "a", "dropout"), "much", "'dropout' expects a finite number"),
    )
    for place, value, says in cases:
        with pytest.raises(SettingsError, match=says):
            changed(own, {place: value}, "small")
    document: dict[str, Any] = {
        "groups": {"a": {"scale": {"choices": ["huge"]}}},
        "plugins": {"a": {"reads.eeg": {"choices": [True]}}},
    }
    with pytest.raises(SettingsError, match=r"\[plugins.a.reads.eeg\]: no such setting .*reads.history"):
        read_spaces(document, "space.toml", (own,), "small")
    with pytest.raises(SettingsError, match="'scale' expects one of"):
        read_spaces({"groups": document["groups"]}, "space.toml", (own,), "small")


def test_spaces_of_several_groups_stand_in_one_file(toy: Toy) -> None:
    other = attrs.evolve(group(toy.node("b")), name="b")
    document: dict[str, Any] = {
        "groups": {"b": {"ema": {"choices": [0.0, 0.9]}}},
        "plugins": {"a": {"width": {"low": 2, "high": 8}}},
    }
    assert read_spaces(document, "space.toml", (group(node(toy)), other), "small") == {
        "b": {("groups", "b", "ema"): Range(choices=(0.0, 0.9))},
        "a": {("plugins", "a", "width"): Range(2, 8)},
    }


def test_the_usual_space_has_what_applies_to_a_group(toy: Toy) -> None:
    usual = {("groups", "a", key) for key in ("learning_rate", "weight_decay", "dropout_factor", "mixup")}
    plain = group(toy.node("a"))
    assert wide_space(plain, FIELDS, "small").keys() == usual
    without = wide_space(group(toy.node("a", dropout=0.0)), FIELDS, "small")
    assert without["groups", "a", "dropout"] == Range(0.0, 0.5), "a factor on nothing would change nothing"
    wide = attrs.evolve(
        node(toy, width=8), baseline="line", residual_fields=("regret",), spec=attrs.evolve(node(toy).spec, gives=())
    )
    layered = attrs.evolve(wide, spec=attrs.evolve(wide.spec, layers=("hidden", "last"), targets=("emotion",)))
    assert wide_space(group(layered), FIELDS, "small").keys() == usual | {
        ("groups", "a", "scale"),
        ("groups", "a", "label_smoothing"),
        ("groups", "a", "layer_decay"),
        ("groups", "a", "residual"),
        ("plugins", "a", "reads.history"),
    }
    assert wide_space(group(layered), FIELDS, "small", same_weights=True).keys() == usual | {
        ("groups", "a", "label_smoothing"),
        ("groups", "a", "layer_decay"),
    }
    assert wide_space(group(layered), FIELDS, "small")["groups", "a", "scale"] == Range(choices=("tiny", "small"))
    # an output needs the field, so that something above could be left without its input
    assert ("plugins", "a", "reads.history") not in wide_space(group(node(toy)), FIELDS, "small")
