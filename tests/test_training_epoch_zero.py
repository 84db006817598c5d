"""Groups that begin at the baseline: their epoch 0 in training, resume, selection, models and answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from residual_toy import ResidualToy
from toy import StopAfter, Toy

from redheart_core import ActiveNode, EpochFinished, hookimpl
from redheart_core.config.tables import GroupSettings
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed

FilesOf = Callable[[RunFolder, str], dict[str, str]]


@pytest.fixture
def residual(toy: Toy) -> ResidualToy:
    return ResidualToy(toy)


def nodes_of(residual: ResidualToy, scale: float = 0.5) -> list[ActiveNode]:
    """A baseline, two groups that begin there, one that learns something else too, and one above them."""
    return [
        residual.line("regret", scale=scale),
        residual.deep("a", "regret"),
        residual.deep("b", "regret", more=("choice_factors",)),
        residual.deep("other", "choice_factors"),
        residual.toy.node("high", reads=("a.regret", "embedding")),
    ]


def entries(run: RunFolder, group: str) -> list[int]:
    return [entry.epoch for entry in run.group(group).read().epochs]


def test_epoch_0_is_the_baseline_to_the_last_bit(residual: ResidualToy) -> None:
    run, stopped = residual.toy.run("run", nodes_of(residual))
    assert not stopped
    assert entries(run, "a") == entries(run, "b") == [0, 1, 2, 3, 4]
    assert entries(run, "other") == entries(run, "high") == [1, 2, 3, 4]
    line, first = run.group("line").read().best, run.group("a").read().epochs[0]
    for name in ("root_mean_squared_error", "mean_absolute_error", "explained_variance"):
        assert first.metrics[f"a.{name}"] == line.metrics[f"line.{name}"]
    assert (first.learning_rate, first.updates, first.gradient) == (0.0, 0, {})
    weights = run.group("a").weights(first)
    assert not weights["a.gate/regret"].any()
    assert run.group("a").weights(run.group("a").read().epochs[1])["a.gate/regret"].any()


def test_it_is_reported_first_and_counts_as_no_epoch_done(residual: ResidualToy) -> None:
    told: list[tuple[str, int, float]] = []

    class Listener:
        @hookimpl
        def redheart_after_epoch(self, event: EpochFinished) -> None:
            told.append((event.group, event.epoch, event.learning_rate))

    residual.toy.run("run", [residual.line("regret"), residual.deep("a", "regret")], listeners=[Listener()], epochs=2)
    assert [(group, epoch) for group, epoch, _ in told] == [("line", 1), ("a", 0), ("a", 1), ("a", 2)]
    assert told[1][2] == 0.0


@pytest.mark.parametrize("after", [2, *(pytest.param(n, marks=pytest.mark.thorough) for n in (3, 4, 5)), 9])
@pytest.mark.parametrize("groups", [{}, {"a": GroupSettings(ema=0.8)}], ids=["plain", "average"])
def test_interrupted_and_resumed_is_uninterrupted(
    residual: ResidualToy, files_of: FilesOf, after: int, groups: dict[str, GroupSettings]
) -> None:
    toy, store = residual.toy, residual.toy.store()
    whole, _ = toy.run("whole", nodes_of(residual), store, groups=groups)
    with pytest.raises(KeyboardInterrupt):
        toy.run("broken", nodes_of(residual), store, [StopAfter(after)], groups=groups)
    broken, stopped = toy.run("broken", nodes_of(residual), store, groups=groups)
    assert not stopped
    for name in ("line", "a", "b", "other", "high"):
        assert files_of(broken, name) == files_of(whole, name)


def test_neither_company_nor_order_nor_interleaving_changes_a_bit(residual: ResidualToy, files_of: FilesOf) -> None:
    toy, store, nodes = residual.toy, residual.toy.store(), nodes_of(residual)
    whole, _ = toy.run("whole", nodes, store)
    alone, _ = toy.run("alone", nodes[:2], store)
    reverse, _ = toy.run("reverse", nodes[::-1], store)
    batches, _ = toy.run("batches", nodes, store, interleave="batch")
    assert files_of(alone, "a") == files_of(whole, "a")
    for name in ("line", "a", "b", "other", "high"):
        assert files_of(whole, name) == files_of(reverse, name) == files_of(batches, name)


def test_no_gradient_reaches_the_baseline(residual: ResidualToy) -> None:
    context = residual.toy.context([residual.line("regret"), residual.deep("a", "regret")])
    line, group = context.groups
    context.add_outputs(line, context.fit(line))
    module = context.module(group)
    with torch.no_grad():
        module.residuals["a"].get_parameter("gate/regret").fill_(1.0)
    batch = context.source.batch(context.seen_rows()[:20], group.inputs)
    batch.inputs["line.regret"].requires_grad_()
    module(batch)["a.regret"].sum().backward()
    assert batch.inputs["line.regret"].grad is None
    assert all(parameter.grad is not None for parameter in module.parameters())


def never_better(residual: ResidualToy) -> tuple[RunFolder, TrainingContext]:
    """A run above a baseline that says the truth, at a rate that leads away from it."""
    groups = {"a": GroupSettings(learning_rate=0.3), "b": GroupSettings(learning_rate=0.3)}
    nodes, store = nodes_of(residual, scale=1.0), residual.toy.store()
    run, stopped = residual.toy.run("run", nodes, store, groups=groups)
    assert not stopped
    return run, residual.toy.context(nodes, store, groups=groups)


def test_where_nothing_gets_better_epoch_0_is_chosen_and_read_by_higher_tiers(residual: ResidualToy) -> None:
    run, context = never_better(residual)
    manifest = run.group("a").read()
    assert manifest.best.epoch == 0
    assert run.group("high").read().inputs["a"].epoch == 0
    sweetspot = find_sweetspot(run, trained_groups(run))
    assert {choice.group: choice.best.epoch for choice in sweetspot.groups}["a"] == 0
    assert sweetspot.chosen("best")["a"].epoch == 0
    rows = context.store.rows("validation")
    for group in (group for group in context.groups if group.name in ("line", "a")):
        module = context.module(group)
        load_fixed(run, group, module)
        context.add_outputs(group, module)
    assert torch.equal(context.source.lower("a.regret", rows), context.source.lower("line.regret", rows))


def test_a_model_of_epoch_0_is_exact_and_says_what_the_baseline_says(residual: ResidualToy, tmp_path: Path) -> None:
    run, context = never_better(residual)
    chosen = find_sweetspot(run, trained_groups(run)).chosen("best")
    first = run.group("b").read().entry(0)
    assert first is not None
    chosen["b"] = first
    assemble(tmp_path / "model", run, context, chosen)
    model = load_model(tmp_path / "model", context.nodes, torch.device("cpu"))
    checks = {check.group: check for check in check_exactness(model, context)}
    assert (checks["a"].epoch, checks["b"].epoch) == ("0", "0")
    assert all(check.equal for check in checks.values())
    found = analyze(model, residual.toy.encoder(), "calm and kind and lost").findings
    said = {(one.plugin, one.field): [value.value for value in one.values] for one in found}
    assert said["a", "regret"] == said["line", "regret"]
    assert said["b", "regret"] == said["line", "regret"]
    assert {field for plugin, field in said if plugin == "b"} == {"regret"}


def test_a_baseline_that_joins_a_finished_run_stops_what_would_start_from_it(
    residual: ResidualToy, files_of: FilesOf
) -> None:
    toy, store = residual.toy, residual.toy.store()
    nodes = [residual.deep("a", "regret"), residual.deep("b", "regret", residual=False)]
    run, _ = toy.run("run", nodes, store)
    before = files_of(run, "b")
    weights = {name: file for name, file in files_of(run, "a").items() if name != "manifest.json"}
    _, stopped = toy.run("run", [residual.line("regret"), *nodes], store)
    assert list(stopped) == ["a"]
    assert "group 'a' was trained on other epochs of line, or without them; restore" in stopped["a"]
    assert files_of(run, "b") == before
    assert {name: file for name, file in files_of(run, "a").items() if name != "manifest.json"} == weights
