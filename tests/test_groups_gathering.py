"""A fusion gathers the answers of others by field, one tier above them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from toy import Toy

from redheart_core import (
    CATALOGUE,
    ActiveNode,
    BuildContext,
    Field,
    NodeSpec,
    Objective,
    Output,
    PluginError,
)
from redheart_core.groups.graph import bind_nodes, plan_groups
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed

FIELDS = ("regret", "choice_factors")


def answering(toy: Toy, name: str, target: str = "regret", **changes: Any) -> ActiveNode:
    """A node with an output that is named like what it learns."""
    node = toy.node(name, target=target)
    (output,) = node.spec.gives
    gives = (attrs.evolve(output, name=target),)
    spec = attrs.evolve(attrs.evolve(node.spec, gives=gives), **changes)
    return attrs.evolve(node, spec=spec)


def gathering(name: str = "fusion", *fields: str, group: str = "") -> ActiveNode:
    """A node that gathers."""
    fields = fields or FIELDS
    outputs = tuple(Output(field, "it", "values", labels=None if field == "regret" else field) for field in fields)
    spec: NodeSpec = attrs.evolve(
        activate(load_installed("mean_fusion")).spec,
        name=name,
        gives=outputs,
        optional_targets=fields,
        gathers=fields,
        learns_any=None,
        gathers_any=False,
    )
    return attrs.evolve(activate(load_installed("mean_fusion")), spec=spec, group=group or name)


def bound(*nodes: ActiveNode, fields: tuple[str, ...] = FIELDS) -> dict[str, ActiveNode]:
    return {node.name: node for node in bind_nodes(nodes, {name: CATALOGUE[name] for name in fields})}


def test_it_reads_every_answer_by_name_whatever_the_order_of_the_nodes(toy: Toy) -> None:
    nodes = [answering(toy, "b"), gathering(), answering(toy, "c", "choice_factors"), answering(toy, "a")]
    for order in (nodes, nodes[::-1]):
        fusion = bound(*order)["fusion"].spec
        assert fusion.reads == ("a.regret", "b.regret", "c.choice_factors")
        assert fusion.targets == FIELDS
        groups = plan_groups(list(bound(*order).values()))
        assert [(group.name, group.tier) for group in groups if group.tier] == [("fusion", 1)]


def test_a_field_that_nobody_answers_is_neither_given_nor_learnt(toy: Toy) -> None:
    fusion = bound(answering(toy, "a"), gathering())["fusion"].spec
    assert fusion.targets == fusion.optional_targets == ("regret",)
    assert [output.name for output in fusion.gives] == ["regret"]
    with pytest.raises(PluginError, match="'fusion' gathers the answers on choice_factors, and no other active plugin"):
        bound(answering(toy, "a"), gathering("fusion", "choice_factors"))


def test_what_is_no_answer_is_not_read(toy: Toy) -> None:
    value = toy.node("value")
    untrained = answering(toy, "untrained", targets=(), objective=None)
    logits = answering(toy, "logits", gives=(Output("regret", "it", "logits"),))
    by_chunk = answering(toy, "by_chunk", gives=(Output("regret", "it", "values", ("T",)),))
    nodes = (value, untrained, logits, by_chunk, answering(toy, "a"), gathering())
    assert bound(*nodes)["fusion"].spec.reads == ("a.regret",)


def test_other_fusions_are_read_unless_they_gather_lie_above_or_share_its_group(toy: Toy) -> None:
    plain = answering(toy, "plain", reads=("a.regret",))
    above = answering(toy, "above", reads=("fusion.regret",))
    beside_above = attrs.evolve(answering(toy, "beside"), group="above")
    further = answering(toy, "further", reads=("beside.regret",))
    own = attrs.evolve(answering(toy, "own"), group="fusion")
    nodes = (answering(toy, "a"), plain, above, beside_above, further, own, gathering(), gathering("second"))
    found = bound(*nodes)
    assert found["fusion"].spec.reads == found["second"].spec.reads == ("a.regret", "plain.regret")
    assert {group.name: group.tier for group in plan_groups(list(bound(*nodes[:5], *nodes[6:]).values()))} == {
        "a": 0,
        "plain": 1,
        "fusion": 2,
        "second": 2,
        "above": 3,
        "further": 4,
    }


def test_an_answer_that_needs_more_of_a_record_than_text_is_not_read(toy: Toy) -> None:
    """The fusion could judge no text alone otherwise."""
    needy = answering(toy, "needy", reads=("embedding", "history"))
    reader = answering(toy, "reader", reads=("needy.regret",))
    content = answering(toy, "content", optional_reads=("history",))
    nodes = (needy, reader, content, gathering())
    assert bound(*nodes, fields=(*FIELDS, "history"))["fusion"].spec.reads == ("content.regret",)


def test_binding_twice_changes_nothing(toy: Toy) -> None:
    nodes = (answering(toy, "a"), answering(toy, "b"), gathering(), gathering("second"))
    once = bind_nodes(nodes, CATALOGUE)
    assert bind_nodes(once, CATALOGUE) == once


def test_the_module_is_shown_what_was_gathered_and_a_wrong_shape_is_refused() -> None:
    fields = {"regret": Field("regret", "it", 0.0, 1.0), "mood": Field("mood", "it", 0.0, 1.0, labels=("up", "down"))}
    inputs = {"a.regret": (), "b.regret": (), "a.mood": (2,), "b.mood": (3,), "embedding": ("T", 4)}
    context = BuildContext(None, "tiny", inputs, fields, frozenset())
    assert context.gathered("regret") == ("a.regret", "b.regret")
    with pytest.raises(PluginError, match=r"'b\.mood' has the shape \(3,\) per record, the field 'mood' \(2,\)"):
        context.gathered("mood")


def test_fusions_of_trained_and_fitted_answers_reproduce_and_analyze(toy: Toy, tmp_path: Path) -> None:
    store = toy.store(toy.records(400))
    names = ("linear", "mean_fusion", "stacking_fusion")
    nodes = [answering(toy, "first"), answering(toy, "second", "choice_factors")]
    nodes += [activate(load_installed(name)) for name in names]
    nodes = [named_output(node) if node.name in ("first", "second") else node for node in nodes]
    run, stopped = toy.run("run", nodes, store, epochs=3, learning_rate=3e-2)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=3, learning_rate=3e-2)
    assert {group.name: group.tier for group in context.groups} == {
        "linear": 0,
        "first": 1,
        "second": 1,
        "mean_fusion": 2,
        "stacking_fusion": 2,
    }
    sweetspot = find_sweetspot(run, trained_groups(run))
    assemble(tmp_path / "model", run, context, sweetspot.chosen("best"))
    model = load_model(tmp_path / "model", nodes, torch.device("cpu"))
    assert all(check.equal for check in check_exactness(model, context))
    findings = {
        (finding.plugin, finding.field): [value.value for value in finding.values]
        for finding in analyze(model, toy.encoder(), "cruel debt. lost gift broken.").findings
    }
    assert findings.keys() >= {(name, field) for name in names for field in FIELDS}
    low, high = sorted((findings["first", "regret"], findings["linear", "regret"]))
    assert low <= findings["mean_fusion", "regret"] <= high
    for name in names[1:]:
        manifest = run.group(name).read()
        assert manifest.fitted
        assert manifest.inputs.keys() == {"first", "linear", "second"}


def test_a_fusion_of_other_answers_than_before_stops_alone_when_a_run_goes_on(toy: Toy) -> None:
    store = toy.store(toy.records(200))
    first, second = named_output(answering(toy, "first")), named_output(answering(toy, "second"))
    fusion = activate(load_installed("mean_fusion"))
    toy.run("run", [first, fusion], store, epochs=1)
    run, stopped = toy.run("run", [first, second, fusion], store, epochs=1)
    assert list(stopped) == ["mean_fusion"]
    assert "group 'mean_fusion' was trained on other epochs of second, or without" in stopped["mean_fusion"]
    assert run.group("second").read().status == "finished"


def named_output(node: ActiveNode) -> ActiveNode:
    """The toy module with its output and losses renamed to what it learns."""
    (target,) = node.spec.targets
    build, objective = node.spec.build, node.spec.objective
    assert objective is not None

    class Renamed(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {target: self.inner(inputs)["value"]}

    def renamed_objective(context: BuildContext) -> Objective:
        assert objective is not None
        found = objective(context)
        return attrs.evolve(
            found,
            losses=tuple(attrs.evolve(term, output=target) for term in found.losses),
            metrics=tuple(attrs.evolve(metric, output=target) for metric in found.metrics),
        )

    spec = attrs.evolve(node.spec, build=lambda context: Renamed(build(context)), objective=renamed_objective)
    return attrs.evolve(node, spec=spec)


def committee(toy: Toy, name: str, *members: str, kind: Any = "fusion") -> ActiveNode:
    """A node that gathers from some nodes alone."""
    node = gathering(name)
    return attrs.evolve(node, spec=attrs.evolve(node.spec, gathers_from=members), kind=kind)


def test_a_node_that_names_members_reads_these_alone_and_stands_for_them(toy: Toy) -> None:
    nodes = [answering(toy, name) for name in ("a", "b", "c")]
    nodes += [committee(toy, "pair", "b", "a"), gathering()]
    for order in (nodes, nodes[::-1]):
        found = bound(*order)
        assert found["pair"].spec.reads == ("b.regret", "a.regret")
        assert found["fusion"].spec.reads == ("c.regret", "pair.regret")
        tiers = {group.name: group.tier for group in plan_groups(list(found.values()))}
        assert tiers == {"a": 0, "b": 0, "c": 0, "pair": 1, "fusion": 2}


def test_members_may_gather_from_each_other_in_a_row(toy: Toy) -> None:
    """An analyzer that names a node starts from it, so that others still gather both."""
    first, second = (committee(toy, n, below, kind="analyzer") for n, below in (("one", "a"), ("two", "one")))
    found = bound(second, first, answering(toy, "a"), gathering())
    assert found["two"].spec.reads == ("one.regret",)
    assert found["fusion"].spec.reads == ("a.regret", "one.regret", "two.regret")
    assert {group.name: group.tier for group in plan_groups(list(found.values()))}["two"] == 2
    once = bind_nodes(tuple(found.values()), CATALOGUE)
    assert bind_nodes(once, CATALOGUE) == once


def test_members_that_are_not_active_or_name_each_other_in_a_circle_are_refused(toy: Toy) -> None:
    with pytest.raises(PluginError, match="'pair' gathers the answers of b, c, not active; --enable b --enable c"):
        bound(answering(toy, "a"), committee(toy, "pair", "a", "b", "c"))
    with pytest.raises(PluginError, match="nodes that gather read each other in a circle"):
        bound(committee(toy, "one", "two"), committee(toy, "two", "one"))
