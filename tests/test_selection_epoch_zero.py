"""Epoch 0 among the epochs to choose from: rules, methods, retention, sweeps, searches and the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from residual_toy import ResidualToy
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.groups.group import Group
from redheart_core.models.assembly import assemble
from redheart_core.models.blending import blend_groups
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.report.collect import collect
from redheart_core.report.plots import heat_map, learning_curves
from redheart_core.runs.event_log import EventLog
from redheart_core.runs.read_status import read_status
from redheart_core.runs.run import RunFolder
from redheart_core.selection.methods import METHODS
from redheart_core.selection.picks import Pool
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.short_runs import run_rates, short_context
from redheart_core.tuning.sweep import sweep
from redheart_core.tuning.sweep_steps import SweepSettings
from redheart_core.tuning.trial import Trained, train_group

AWAY = {"a": GroupSettings(learning_rate=0.3)}
"""Leads away from a baseline that says the truth."""


@pytest.fixture
def residual(toy: Toy) -> ResidualToy:
    return ResidualToy(toy)


def nodes_of(residual: ResidualToy, scale: float) -> list[ActiveNode]:
    return [
        residual.line("regret", scale=scale),
        residual.deep("a", "regret"),
        residual.toy.node("high", reads=("a.regret", "embedding")),
    ]


def trained(
    residual: ResidualToy, scale: float = 0.5, groups: dict[str, GroupSettings] | None = None, **changes: Any
) -> tuple[RunFolder, TrainingContext]:
    nodes, store = nodes_of(residual, scale), residual.toy.store()
    run, stopped = residual.toy.run("run", nodes, store, groups=groups, **changes)
    assert not stopped
    return run, residual.toy.context(nodes, store, groups=groups, **changes)


def group_of(context: TrainingContext, name: str) -> Group:
    return next(group for group in context.groups if group.name == name)


def test_rules_choose_among_all_epochs_and_a_common_one_is_one_that_all_groups_have(residual: ResidualToy) -> None:
    run, _ = trained(residual, 1.0, AWAY, epochs=6)
    sweetspot = find_sweetspot(run, ["line", "a", "high"])
    a, high = sweetspot.groups[1:]
    assert (a.epochs, high.epochs) == (7, 6)
    assert (a.best.epoch, a.chosen("one_se")) == (0, run.group("a").read().entry(0))
    assert sweetspot.common_epoch >= 1
    alone = find_sweetspot(run, ["a"])
    assert alone.common_epoch == 0


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_takes_epoch_0(residual: ResidualToy, method: str) -> None:
    run, context = trained(residual, 1.0, AWAY | {"high": GroupSettings(ema=0.5)})
    for group in context.groups[:2]:
        pool = Pool(run, context, group)
        if group.name == "line":
            context.add_outputs(group, context.fit(group))
    pick = METHODS[method](pool, generator(0, "method"))
    if method == "ema":
        assert pick is None
        return
    assert pick is not None
    assert torch.isfinite(pool.losses(pick)).all()
    if method in ("selection", "greedy soup"):
        assert pick.epochs(pool.manifest) == (0,)
    elif method in ("uniform soup", "top ensemble", "neighbour average", "interpolation"):
        assert 0 in pick.epochs(pool.manifest)


@pytest.mark.parametrize("method", ["uniform soup", "top ensemble"])
def test_a_model_blended_with_epoch_0_is_exact(residual: ResidualToy, tmp_path: Path, method: str) -> None:
    store, nodes = residual.toy.store(), nodes_of(residual, 1.0)[:2]
    run, _ = residual.toy.run("run", nodes, store, groups=AWAY)
    context = residual.toy.context(nodes, store, AWAY)
    chosen, blends = blend_groups(run, context, method)
    assert any(file == "epoch-0000.safetensors" for member in blends["a"].pick.members for file, _ in member)
    assemble(tmp_path / "model", run, context, chosen, blends)
    model = load_model(tmp_path / "model", nodes, torch.device("cpu"))
    assert all(check.equal for check in check_exactness(model, context))


def test_retention_keeps_epoch_0_as_long_as_it_is_the_best(residual: ResidualToy) -> None:
    run, _ = trained(residual, 1.0, AWAY, keep_epochs=1)
    assert [entry.epoch for entry in run.group("a").read().epochs] == [0, 4]
    other = ResidualToy(Toy(residual.toy.folder / "other"))
    run, _ = trained(other, 0.2, {"a": GroupSettings(learning_rate=3e-2)}, keep_epochs=1)
    assert 0 not in [entry.epoch for entry in run.group("a").read().epochs]


def test_a_sweep_reads_epoch_0_where_it_is_best_and_goes_on_from_its_journal(residual: ResidualToy) -> None:
    context = residual.toy.context(nodes_of(residual, 1.0), residual.toy.store(), epochs=3)
    short = short_context(context, 2, 0)
    line, a = short.groups[:2]
    short.add_outputs(line, short.fit(line))
    (one,) = run_rates(short, a, (2.0,), True, lambda epoch, losses: {})
    assert one.start is not None
    assert (one.best_epoch, one.epochs, len(one.losses)) == (0, 2, 2)
    assert not one.best_weights["a.gate/regret"].any()
    settings = SweepSettings(rates=(1.0, 2.0), epochs=2, seeds=1)
    whole = sweep(RunFolder(residual.toy.folder / "sweep"), context, settings)
    again = sweep(RunFolder(residual.toy.folder / "sweep"), context, settings)
    assert whole.to_json() == again.to_json()
    assert whole.groups[1].epoch == 0


def test_a_search_counts_epoch_0(residual: ResidualToy) -> None:
    context = residual.toy.context(nodes_of(residual, 1.0), residual.toy.store(), AWAY)
    line, a = context.groups[:2]
    context.add_outputs(line, context.fit(line))
    reported: list[int] = []

    def report(epoch: int, loss: float) -> bool:
        reported.append(epoch)
        return False

    trained = train_group(context, a, context.module(a), report)
    run, _ = residual.toy.run("run", nodes_of(residual, 1.0), Store.open(residual.toy.folder / "store"), groups=AWAY)
    assert isinstance(trained, Trained)
    assert trained.losses.mean() == pytest.approx(run.group("a").read().epochs[0].validation_loss)
    assert reported == [1, 2, 3, 4]


def test_status_and_report_begin_at_0(residual: ResidualToy) -> None:
    store, nodes = residual.toy.store(), nodes_of(residual, 0.5)
    run, _ = residual.toy.run("run", nodes, store, [EventLog()])
    status = {group.name: group for group in read_status(run.path, datetime.now(UTC)).groups}
    assert [epoch.epoch for epoch in status["a"].epochs] == [0, 1, 2, 3, 4]
    assert (status["a"].done, status["high"].done) == (4, 4)
    known = [epoch.seconds for epoch in status["a"].epochs[1:] if epoch.seconds is not None]
    assert status["a"].seconds_per_epoch == pytest.approx(sum(known) / 4)
    groups = {group.name: group for group in collect(run.path, None).groups}
    assert groups["a"].done == 4
    for plot in (learning_curves(groups["a"], None), heat_map([groups["a"], groups["high"]], None)):
        assert ">0</text>" in plot
        assert ">4</text>" in plot
    assert ">0</text>" not in heat_map([groups["high"]], None)
