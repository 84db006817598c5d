"""Readers of a fitted node get its honest answers on training records, its own ones everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
import torch
from front_door import flip_byte
from torch import Tensor, nn
from toy import StopAfter, Toy, group_files

from redheart_core import CATALOGUE, ActiveNode, FitData, Metric, PluginError
from redheart_core.data.store import Store
from redheart_core.groups.validation import evaluate
from redheart_core.nn import label_metrics
from redheart_core.nn.thresholds import best_thresholds
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed

MADE_UP = 0.25
"""The honest answer that the toy gives where it gives one."""


def half(module: nn.Module) -> None:
    """Weights that take no time."""
    for parameter in module.parameters():
        parameter.data = torch.full_like(parameter, 0.5)


def every_other(module: nn.Module, data: FitData) -> Mapping[str, Tensor]:
    """A made-up honest answer for every other training record; from the others it has not learnt."""
    half(module)
    answers = torch.full((len(data.train),), MADE_UP)
    answers[1::2] = torch.nan
    return {"value": answers}


def fitted(toy: Toy, fit: Callable[[nn.Module, FitData], Any] = every_other, **changes: Any) -> ActiveNode:
    node = toy.node(changes.pop("name", "fitted"), target=changes.pop("target", "regret"))
    inner = node.spec.build
    spec = attrs.evolve(node.spec, fit=fit, build=lambda context: inner(context).requires_grad_(False), **changes)
    return attrs.evolve(node, spec=spec)


def read_by(context: TrainingContext, run: RunFolder, rows: Tensor) -> Tensor:
    """What a higher group reads of the fitted one for some rows, from the files of a run."""
    group = context.groups[0]
    module = context.module(group)
    load_fixed(run, group, module)
    context.add_outputs(group, module)
    return context.source.batch(rows, ("fitted.value",)).inputs["fitted.value"]


def test_readers_get_honest_answers_for_training_rows_and_the_modules_own_for_all_others(toy: Toy) -> None:
    nodes = [fitted(toy), toy.node("high", reads=("fitted.value", "embedding"))]
    run, stopped = toy.run("run", nodes)
    assert stopped == {}
    context = toy.context(nodes, Store.open(toy.folder / "store"))
    train, validation = context.store.rows("train"), context.store.rows("validation")
    module = context.module(context.groups[0])
    load_fixed(run, context.groups[0], module)
    with torch.no_grad():
        own = {name: module.eval()(context.source.batch(rows))["fitted.value"] for name, rows in
               (("train", train), ("validation", validation))}  # fmt: skip
    read = read_by(context, run, train)
    assert torch.equal(read[::2], torch.full_like(read[::2], MADE_UP))
    torch.testing.assert_close(read[1::2], own["train"][1::2])
    torch.testing.assert_close(read_by(context, run, validation), own["validation"])


def test_a_fit_above_reads_honest_answers_of_its_training_records(toy: Toy) -> None:
    seen: dict[str, Tensor] = {}

    def look(module: nn.Module, data: FitData) -> None:
        half(module)
        seen.update(train=data.train.output("fitted.value"), validation=data.validation.output("fitted.value"))

    _, stopped = toy.run("run", [fitted(toy), fitted(toy, look, name="high", reads=("fitted.value", "embedding"))])
    assert stopped == {}
    assert bool((seen["train"][::2] == MADE_UP).all())
    assert not bool((seen["validation"] == MADE_UP).any())


def test_thresholds_are_chosen_on_honest_answers_and_validation_together(toy: Toy) -> None:
    field = CATALOGUE["ekman"]
    marked = [
        attrs.evolve(
            record, values={**record.values, "ekman": {label: float((row + k) % 3 == 0) for k, label in labels}}
        )
        for labels in [list(enumerate(field.labels))]
        for row, record in enumerate(toy.records())
    ]
    store = toy.store(marked, more_fields=(field,))

    def good(module: nn.Module, data: FitData) -> Mapping[str, Tensor]:
        answers = 0.2 + 0.6 * data.train.field("ekman")
        answers[1::2] = torch.nan
        half(module)
        return {"value": answers}

    node = fitted(toy, good, target="ekman")
    metric = Metric("macro_f1", "value", "ekman", label_metrics.macro_f1, "max", thresholded=True)
    inner = node.spec.objective
    assert inner is not None
    spec = attrs.evolve(node.spec, objective=lambda context: attrs.evolve(inner(context), metrics=(metric,)))
    run, stopped = toy.run("run", [attrs.evolve(node, spec=spec)], store)
    assert stopped == {}
    context = toy.context([attrs.evolve(node, spec=spec)], store)
    module = context.module(context.groups[0])
    load_fixed(run, context.groups[0], module)
    rows, train = store.rows("validation"), store.rows("train")[::2]
    own = evaluate(module, context.source, rows).predictions["fitted.value"]
    truth = store.target("ekman")[store.all_rows]
    together = best_thresholds(
        torch.cat([own, 0.2 + 0.6 * truth[train]]), torch.cat([truth[rows], truth[train]]), field.labels
    )
    assert tuple(run.group("fitted").read().best.thresholds["fitted.value"]) == together.values
    assert together.values != best_thresholds(own, truth[rows], field.labels).values


def test_a_resumed_run_reads_the_same_honest_answers_bit_for_bit_and_fits_nothing_again(toy: Toy) -> None:
    calls: list[int] = []

    def counted(module: nn.Module, data: FitData) -> Mapping[str, Tensor]:
        half(module)
        calls.append(1)
        draw = torch.rand(len(data.train), generator=torch.Generator().manual_seed(len(calls)))
        return {"value": draw}

    nodes = [fitted(toy, counted), toy.node("high", reads=("fitted.value", "embedding"))]
    whole, _ = toy.run("whole", nodes)
    calls.clear()
    store = Store.open(toy.folder / "store")
    with pytest.raises(KeyboardInterrupt):
        toy.run("cut", nodes, store, [StopAfter(3)])
    cut, stopped = toy.run("cut", nodes, store)
    assert (stopped, len(calls)) == ({}, 1)
    assert "honest-0001.safetensors" in group_files(cut, "fitted")
    assert group_files(cut, "high") == group_files(whole, "high")


def test_damaged_honest_answers_stop_the_group_and_its_readers_by_name(toy: Toy) -> None:
    nodes = [fitted(toy), toy.node("high", reads=("fitted.value", "embedding")), toy.node("other")]
    run, _ = toy.run("run", nodes)
    flip_byte(run.group("fitted").path / "honest-0001.safetensors")
    _, stopped = toy.run("run", nodes, Store.open(toy.folder / "store"))
    assert list(stopped) == ["fitted", "high"]
    assert "honest-0001.safetensors is damaged" in stopped["fitted"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"other": torch.zeros(1)}, "gives no output 'other'"),
        ({"value": torch.zeros(3, 2)}, "the honest answer 'value' of plugin 'fitted' has to be"),
        ({"value": torch.full((1000,), torch.inf)}, "numbers that are infinite"),
        ({}, "is a baseline, on whose answers others are trained, and its fit gives no honest answers for value"),
        (None, "is a baseline, on whose answers others are trained, and its fit gives no honest answers for value"),
    ],
)
def test_wrong_honest_answers_stop_the_group_by_name(toy: Toy, answers: dict[str, Tensor] | None, message: str) -> None:
    def fit(module: nn.Module, data: FitData) -> Mapping[str, Tensor] | None:
        half(module)
        return answers and {name: tensor[: len(data.train)] for name, tensor in answers.items()}

    _, stopped = toy.run("run", [fitted(toy, fit, baseline=True)])
    assert message in stopped["fitted"]


def test_two_baselines_are_refused_and_named(toy: Toy) -> None:
    nodes = [fitted(toy, baseline=True), fitted(toy, name="second", baseline=True)]
    with pytest.raises(PluginError, match="fitted, second are all baselines"):
        toy.context(nodes)


def test_a_baseline_has_a_fit(toy: Toy) -> None:
    with pytest.raises(PluginError, match="'low' is a baseline and has no fit"):
        attrs.evolve(toy.node("low").spec, baseline=True)


def test_a_fit_reads_the_mean_over_the_chunks_of_each_text(toy: Toy) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def look(module: nn.Module, data: FitData) -> None:
        half(module)
        seen.append((data.train.embedding(), data.train.field("regret")))

    toy.run("run", [fitted(toy, look)])
    store = Store.open(toy.folder / "store")
    rows = store.rows("train")
    expected = torch.stack([store.batch(row.view(1))[0][0].mean(0) for row in rows])
    assert int(store.chunk_counts.max()) > 1
    torch.testing.assert_close(seen[0][0], expected)
