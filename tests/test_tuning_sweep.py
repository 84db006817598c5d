"""The learning-rate sweep: against plain trainings with equality, against torch on a quadratic, through a kill."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy import Toy, hooks

from redheart_core import (
    ActiveNode,
    BuildContext,
    CheckpointError,
    LossTerm,
    Metric,
    Objective,
    SettingsError,
)
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.fitting import FitData
from redheart_core.nn import losses, metrics
from redheart_core.runs.run import RunFolder
from redheart_core.storage.structuring import unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import train
from redheart_core.training.schedule import schedule_factor
from redheart_core.tuning.known import Known
from redheart_core.tuning.short_runs import ShortRun, at_rate, run_rates, short_context, short_settings
from redheart_core.tuning.sweep import sweep
from redheart_core.tuning.sweep_journal import TIMING
from redheart_core.tuning.sweep_result import SWEEP, GroupSweep, Sweep
from redheart_core.tuning.sweep_steps import SweepSettings, halving

GOAL = 0.9
QUADRATIC = (0.003, 0.03, 0.09, 0.4, 3.0)


class Point(nn.Module):
    """One number, the same for every record; not finite once it has gone too far."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        place = self.place * (float("nan") if self.place.item() > 100 else 1.0)
        return {"value": place.expand(len(inputs["mask"]))}


def quadratic(toy: Toy, name: str = "point") -> ActiveNode:
    def objective(_: BuildContext) -> Objective:
        return Objective(
            losses=(LossTerm("value", "regret", "values", losses.squared_error),),
            metrics=(Metric("mean_absolute_error", "value", "regret", metrics.mean_absolute_error, "min"),),
        )

    node = toy.node(name)
    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda _: Point(), objective=objective))


def goal_store(toy: Toy) -> Any:
    records = [attrs.evolve(record, values={**record.values, "regret": GOAL}) for record in toy.records()]
    return toy.store(records, "goal")


def by_torch(settings: TrainSettings, updates_per_epoch: int, rate: float) -> list[float]:
    """Losses after each epoch of AdamW on (w - GOAL)^2."""
    place = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.AdamW([place], lr=rate, weight_decay=0.0)
    found = []
    total = settings.epochs * updates_per_epoch
    for update in range(total):
        optimizer.param_groups[0]["lr"] = rate * schedule_factor(update, total, settings)
        optimizer.zero_grad()
        (place - GOAL).square().sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([place], settings.clip_norm)
        optimizer.step()
        if (update + 1) % updates_per_epoch == 0:
            found.append((place.item() - GOAL) ** 2)
    return found


def swept(toy: Toy, name: str, context: TrainingContext, **options: Any) -> Sweep:
    settings = SweepSettings(**{"epochs": 2, "seeds": 2, "rates": (1e-3, 1e-2, 1e-1), **options})
    return sweep(RunFolder(toy.folder / name), context, settings)


def group_of(found: Sweep, name: str) -> GroupSweep:
    return next(group for group in found.groups if group.group == name)


def losses_of(found: Sweep, name: str) -> dict[float, tuple[tuple[float, ...], ...]]:
    return {runs.rate: runs.losses for runs in group_of(found, name).rates}


def test_the_best_rate_of_a_quadratic_is_the_one_that_torch_finds(toy: Toy) -> None:
    context = toy.context([quadratic(toy)], goal_store(toy), epochs=6)
    found = swept(toy, "run", context, rates=QUADRATIC, epochs=3, halving=False)
    updates = group_of(found, "point").updates_per_epoch
    expected = {rate: by_torch(found.short[0], updates, rate) for rate in QUADRATIC}
    for rate, runs in losses_of(found, "point").items():
        for one in runs:
            np.testing.assert_allclose(one, expected[rate], rtol=2e-3, atol=1e-6)
    assert found.chosen == {"point": min(expected, key=lambda rate: expected[rate][-1])}
    assert 0.01 < found.chosen["point"] < 1.0


def test_warm_up_and_restarts_keep_their_share() -> None:
    settings = TrainSettings(epochs=12, warmup_updates=100, restart_updates=1000, batch_size=32, seed=4)
    short = short_settings(settings, 3, 5)
    assert (short.warmup_updates, short.restart_updates, short.epochs, short.seed) == (25, 250, 3, 5)
    assert attrs.evolve(short, warmup_updates=100, restart_updates=1000, epochs=12, seed=4) == settings
    assert short_settings(settings, 12, 4) == settings
    with pytest.raises(SettingsError, match=r"1 to 12 epochs.*--sweep-epochs"):
        short_settings(settings, 13, 4)


def test_all_rates_of_a_seed_begin_with_the_same_weights_and_seeds_with_others(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    (group,) = context.groups
    for rates in ((1e-4,), (1e-2, 1.0)):
        first, second = (
            [short_context(context, 2, seed).trainer(at_rate(group, rate)) for rate in rates] for seed in (0, 1)
        )
        plain = context.trainer(group).module.parameter_dict()
        for trainer, other in zip(first, second, strict=True):
            own = trainer.module.parameter_dict()
            assert all(torch.equal(own[name], tensor) for name, tensor in plain.items())
            assert not torch.equal(own["a.hidden.weight"], other.module.parameter_dict()["a.hidden.weight"])


def test_a_short_run_is_a_plain_training_to_the_last_bit_whatever_runs_beside_it(toy: Toy) -> None:
    nodes = [toy.node("a"), toy.node("b", reads=("a.value",)), toy.calculator("k", ("a.value",))]
    nodes.append(toy.node("d", reads=("k.value", "embedding")))
    store = toy.store()
    found = swept(toy, "one", toy.context(nodes, store), rates=(1e-2,))
    groups = dict.fromkeys("abd", GroupSettings(learning_rate=1e-2))
    run = RunFolder(toy.folder / "plain")
    settings = found.short[0]
    train(run, TrainingContext.prepare(store, nodes, settings, groups), hooks())
    for name in "abd":
        entries = run.group(name).read().epochs
        assert losses_of(found, name)[1e-2][0] == tuple(entry.validation_loss for entry in entries)
    assert group_of(found, "k").status == "skipped"
    several = swept(toy, "several", toy.context(nodes, store), halving=False)
    assert losses_of(several, "a")[1e-2] == losses_of(found, "a")[1e-2]


def test_a_higher_tier_reads_the_chosen_rate(toy: Toy) -> None:
    nodes, store = [toy.node("a"), toy.node("b", reads=("a.value",))], toy.store()
    found = swept(toy, "many", toy.context(nodes, store), halving=False)
    chosen = found.chosen["a"]
    alone = swept(toy, "alone", toy.context(nodes, store), rates=(chosen,))
    assert losses_of(found, "b")[chosen] == losses_of(alone, "b")[chosen]
    other = next(rate for rate in (1e-3, 1e-2, 1e-1) if rate != chosen)
    apart = swept(toy, "other", toy.context(nodes, store), rates=(other,))
    assert losses_of(found, "b")[other] != losses_of(apart, "b")[other]


def test_a_group_does_not_depend_on_the_others(toy: Toy) -> None:
    store = toy.store()
    alone = swept(toy, "alone", toy.context([toy.node("a")], store))
    both = swept(toy, "both", toy.context([toy.node("c", target="choice_factors"), toy.node("a")], store))
    assert unstructure(group_of(alone, "a")) == unstructure(group_of(both, "a"))


class Killed(Exception):  # noqa: N818 - stands for a signal
    """Raised where a kill may strike."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_sweep_goes_on_and_ends_in_the_same_bytes(toy: Toy, after: int) -> None:
    context = toy.context([toy.node("a"), toy.node("b", reads=("a.value",))])
    settings = SweepSettings(rates=(1e-3, 1e-2), epochs=2, seeds=2)
    sweep(RunFolder(toy.folder / "whole"), context, settings)
    done: list[str] = []

    def kill(what: str, number: int, total: int) -> None:
        done.append(what)
        if len(done) == after:
            raise Killed

    broken = RunFolder(toy.folder / "broken")
    fresh = toy.context([toy.node("a"), toy.node("b", reads=("a.value",))], context.store)
    with pytest.raises(Killed):
        sweep(broken, fresh, settings, kill)
    kept = {path: path.stat().st_mtime_ns for path in (broken.path / "sweep").rglob("stage*.json")}
    assert len({(path.parent, path.name.partition("-rate-")[0]) for path in kept}) == after
    again = toy.context([toy.node("a"), toy.node("b", reads=("a.value",))], context.store)
    sweep(broken, again, settings)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for name in ("sweep.json", "groups.toml"):
        assert (broken.path / name).read_bytes() == (toy.folder / "whole" / name).read_bytes()


def test_a_sweep_that_was_begun_otherwise_is_refused(toy: Toy) -> None:
    store = toy.store()
    swept(toy, "run", toy.context([toy.node("a")], store), rates=(1e-2,), seeds=1)
    with pytest.raises(CheckpointError, match="was begun with"):
        swept(toy, "run", toy.context([toy.node("a")], store), rates=(1e-3,), seeds=1)
    with pytest.raises(CheckpointError, match="seed was 0, is 1"):
        swept(toy, "run", toy.context([toy.node("a")], store, seed=1), rates=(1e-2,), seeds=1)


def test_a_rate_that_is_not_finite_is_out_and_the_others_go_on(toy: Toy) -> None:
    context = toy.context([quadratic(toy), toy.node("a")], goal_store(toy))
    found = swept(toy, "run", context, rates=(1e-2, 0.1, 1000.0), halving=False)
    runs = {one.rate: one for one in group_of(found, "point").rates}
    assert (runs[1000.0].status, runs[1000.0].mean) == ("not_finite", None)
    assert "became nan" in runs[1000.0].reason or "not finite" in runs[1000.0].reason
    assert found.chosen["point"] == 0.1
    assert losses_of(found, "a").keys() == {1e-2, 0.1, 1000.0}
    assert 1000.0 not in found.common.candidates


def test_a_group_without_any_finite_rate_fails_alone_with_its_readers(toy: Toy) -> None:
    nodes = [toy.node("bad", fault_after=1), toy.node("reader", reads=("bad.value",)), toy.node("good")]
    found = swept(toy, "run", toy.context(nodes))
    assert {group.group: group.status for group in found.groups} == {
        "bad": "failed",
        "reader": "failed",
        "good": "chosen",
    }
    assert "it reads bad" in group_of(found, "reader").reason
    assert found.tables().keys() == {"good"}


def test_a_group_that_is_fitted_is_skipped_by_name_and_read_all_the_same(toy: Toy) -> None:
    def fit(module: nn.Module, data: FitData) -> None:
        assert isinstance(module, Point)
        module.place.fill_(float(data.train.field("regret").mean()))

    def build(_: BuildContext) -> nn.Module:
        return Point().requires_grad_(False)

    node = quadratic(toy, "mean")
    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=build, fit=fit))
    found = swept(toy, "run", toy.context([node, toy.node("reader", reads=("mean.value", "embedding"))]))
    assert (group_of(found, "mean").status, group_of(found, "mean").reason) == (
        "skipped",
        "it is fitted in closed form and has no rate",
    )
    assert found.chosen.keys() == found.common.gains.keys() == {"reader"}


def test_halving_drops_what_is_hopeless_and_nothing_else(toy: Toy) -> None:
    store = toy.store()
    apart = swept(toy, "apart", toy.context([toy.node("a")], store), rates=(1e-6, 1e-5, 1e-2, 2e-2), seeds=2)
    full = swept(toy, "full", toy.context([toy.node("a")], store), rates=(1e-6, 1e-5, 1e-2, 2e-2), halving=False)
    assert apart.cost()["updates_saved"] > 0
    dropped = [one for one in group_of(apart, "a").rates if one.status == "dropped"]
    assert {1e-6, 1e-5} <= {one.rate for one in dropped} <= {1e-6, 1e-5, 1e-2}
    for one in dropped:
        behind, error = (float(part.split()[-1]) for part in (one.reason.split(" behind")[0], one.reason))
        assert behind > 1.99 * error
    assert apart.chosen == full.chosen == {"a": 2e-2}
    before, after = losses_of(apart, "a"), losses_of(full, "a")
    for rate, runs in before.items():
        assert runs == tuple(whole[: len(part)] for part, whole in zip(runs, after[rate], strict=False))


def test_later_seeds_are_evaluated_at_their_ends_alone() -> None:
    """On village a rate that had won with the first seed was once dropped at the beginning of the second."""
    base = np.random.default_rng(0).normal(1.0, 0.01, 40)
    first = {
        rate: ShortRun(rate, "finished", "", np.stack([base + early, base + late]), None, {}, 0.0)
        for rate, early, late in ((1e-3, 0.5, 0.1), (1e-2, 0.0, 0.2))
    }
    ahead = {1e-3: base + 0.5, 1e-2: base}
    settings = SweepSettings(rates=(1e-3, 1e-2), epochs=2, seeds=3)
    beginning = halving(settings, Known({}, []), 0)(1, ahead)
    assert beginning.keys() == {1e-3}
    later = halving(settings, Known({rate: [run] for rate, run in first.items()}, []), 1)
    assert later(1, ahead) == {}
    assert later(2, {1e-3: base + 0.1, 1e-2: base + 0.2}).keys() == {1e-2}
    last = halving(settings, Known({rate: [run, run] for rate, run in first.items()}, []), 2)
    assert last(2, {1e-3: base + 0.1, 1e-2: base + 0.2}) == {}


def test_a_hierarchical_sweep_keeps_the_best_of_all_points(toy: Toy) -> None:
    context = toy.context([quadratic(toy)], goal_store(toy), epochs=6)
    found = swept(toy, "run", context, rates=(1e-3, 1e-2, 1e-1), hierarchical=True, halving=False, seeds=1, epochs=3)
    group = group_of(found, "point")
    assert 2 <= len(group.stages) <= 3
    means = {one.rate: one.mean for one in group.rates if one.mean is not None}
    assert len(means) == sum(map(len, group.stages))
    assert found.chosen["point"] == min(means, key=lambda rate: (means[rate], rate))
    assert means[found.chosen["point"]] <= min(means[rate] for rate in group.stages[0])


def test_what_is_written_is_what_was_found_and_a_training_takes_it_up(toy: Toy) -> None:
    context = toy.context([toy.node("a"), toy.node("c", target="choice_factors")])
    found = swept(toy, "run", context, halving=False)
    folder = toy.folder / "run"
    assert unstructure(SWEEP.read(folder / "sweep.json")) == unstructure(found)
    assert tomllib.loads((folder / "groups.toml").read_text()) == {"groups": found.tables()}
    assert found.common.rate in (1e-3, 1e-2, 1e-1)
    assert found.common.gains.keys() == {"a", "c"}
    for name, cost in found.common.gains.items():
        group = group_of(found, name)
        means = {one.rate: one.mean for one in group.rates}
        best, common = means[found.chosen[name]], means[found.common.rate]
        assert best is not None
        assert common is not None
        assert cost.apparent.value == pytest.approx(common - best, abs=1e-12)
    assert found.cost()["short_runs"] == 6.0
    timing = TIMING.read(folder / "sweep" / "timing.json")
    assert timing.candidates.keys() == {"a", "c"}
    assert timing.candidates["a"].keys() == {1e-3, 1e-2, 1e-1}
    spent = sum(seconds for group in timing.candidates.values() for seconds in group.values())
    assert 0 < timing.overhead == pytest.approx(timing.seconds - spent)


def test_drop_is_asked_after_every_epoch_with_those_still_running(toy: Toy) -> None:
    context = short_context(toy.context([toy.node("a")]), 3, 0)
    asked: list[tuple[int, list[float]]] = []

    def drop(epoch: int, losses: Any) -> dict[float, str]:
        asked.append((epoch, list(losses)))
        return {1e-3: "enough"} if epoch == 2 else {}

    runs = run_rates(context, context.groups[0], (1e-3, 1e-2), True, drop)
    assert asked == [(1, [1e-3, 1e-2]), (2, [1e-3, 1e-2]), (3, [1e-2])]
    assert [(run.status, run.epochs) for run in runs] == [("dropped", 2), ("finished", 3)]


def test_the_same_rate_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each rate once"):
        SweepSettings(rates=(1e-3, 1e-3))


def test_no_two_sweeps_share_a_folder_at_once(toy: Toy) -> None:
    from redheart_core.storage.files import FileError
    from redheart_core.storage.locks import locked

    context = toy.context([toy.node("a")])
    folder = Path(toy.folder / "run")
    folder.mkdir()
    with locked(folder), pytest.raises(FileError, match="another process"):
        swept(toy, "run", context)
