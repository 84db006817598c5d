"""The test split, once: the assembled model beside what a user would do instead, and beside no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from redheart_core._errors import DataError
from redheart_core._evaluation import Evaluation, Figure, MetricTable
from redheart_core._nodes import Metric
from redheart_core._training import EpochEntry, Group
from redheart_core.baselines import constant_baseline, linear_baseline
from redheart_core.checkpoint import average
from redheart_core.files import read_json, writing
from redheart_core.group_module import GroupModule
from redheart_core.judging import judged_rows
from redheart_core.run import RunFolder
from redheart_core.runtime import generator
from redheart_core.sweetspot import Sweetspot
from redheart_core.trainer import Trainer
from redheart_core.validation import evaluate, has_objective

RESAMPLES = 500
BASELINES = ("constant", "linear")

Weights = Mapping[str, Mapping[str, Tensor]]
Progress = Callable[[str, int, int], None]


def evaluate_test(
    run: RunFolder,
    trainer: Trainer,
    sweetspot: Sweetspot,
    crossover: Mapping[str, EpochEntry],
    progress: Progress | None = None,
) -> Evaluation:
    """Judge crossover, last epoch, best common epoch and SWA on the test split, with intervals.

    Raises:
        DataError: There is no test split.
        CheckpointError: An epoch that a variant needs was removed by retention or is damaged.
    """
    rows = trainer.store.rows("test")
    if not len(rows):
        raise DataError("the data set has no test records; nothing to evaluate on")
    reads = count_test_read(run)
    predictions: dict[str, dict[str, Tensor]] = {}
    losses: dict[str, dict[str, float]] = {}
    modules: dict[str, GroupModule] = {}
    variants = list(variant_weights(run, trainer, sweetspot, crossover))
    for number, (variant, load) in enumerate(variants):
        if progress:
            progress("evaluate", number, len(variants))
        predictions[variant], losses[variant] = {}, {}
        for group in trainer.groups:
            module = modules.setdefault(group.name, trainer.module(group))
            weights = load(group)
            if weights:
                module.load(weights)
            if has_objective(module):
                result = evaluate(module, trainer.source, rows)
                predictions[variant] |= result.predictions
                losses[variant][group.name] = result.loss
            trainer.add_outputs(group, module, rows)
    for name in {metric.target for _, _, metric in _metrics(modules)}:
        field = trainer.store.fields[name]
        for baseline, tensor in (
            ("constant", constant_baseline(trainer.store, field, len(rows))),
            ("linear", linear_baseline(trainer.store, field, rows)),
        ):
            predictions.setdefault(baseline, {})[f"target.{name}"] = tensor
    tables = tuple(_tables(trainer, modules, predictions, rows))
    names = (*(variant for variant, _ in variants), *BASELINES)
    skill = {name: _mean_skill(tables, name) for name in names}
    return Evaluation(names, tables, losses, skill, len(rows), reads)


def variant_weights(
    run: RunFolder, trainer: Trainer, sweetspot: Sweetspot, crossover: Mapping[str, EpochEntry]
) -> Iterator[tuple[str, Callable[[Group], Mapping[str, Tensor]]]]:
    """Name and loader of each way to choose weights."""

    def picked(entries: Mapping[str, EpochEntry]) -> Callable[[Group], Mapping[str, Tensor]]:
        return lambda group: run.group(group.name).weights(entries[group.name]) if group.name in entries else {}

    def last_epochs() -> dict[str, EpochEntry]:
        return {choice.group: run.group(choice.group).read().epochs[-1] for choice in sweetspot.groups}

    def averaged(group: Group) -> Mapping[str, Tensor]:
        epochs = run.group(group.name).read().epochs
        if not epochs:
            return {}
        half = [entry for entry in epochs if entry.epoch > epochs[-1].epoch // 2]
        return average([run.group(group.name).weights(entry) for entry in half])

    yield "crossover", picked(crossover)
    yield "common epoch", picked(sweetspot.chosen("common"))
    yield "last epoch", picked(last_epochs())
    yield "swa", averaged


def count_test_read(run: RunFolder) -> int:
    """Write down that the test split is read, and say how often it has been."""
    file = run.path / "test_reads.jsonl"
    with writing(file), file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"time": datetime.now(UTC).isoformat()}) + "\n")
    return len(file.read_text(encoding="utf-8").splitlines())


def _tables(
    trainer: Trainer,
    modules: Mapping[str, GroupModule],
    predictions: Mapping[str, Mapping[str, Tensor]],
    rows: Tensor,
) -> Iterator[MetricTable]:
    for group, node, metric in _metrics(modules):
        target = trainer.store.target(metric.target)[rows]
        present = ~target.isnan()
        found = judged_rows(modules[group], node, target, trainer.source.fields(rows, modules[group].group.inputs))
        samples = _resamples(int(found.sum()), trainer.settings.seed)
        judged = {
            variant: tensors.get(f"{node}.{metric.output}", tensors.get(f"target.{metric.target}"))
            for variant, tensors in predictions.items()
        }
        draws, figures = {}, {}
        for variant, prediction in judged.items():
            assert prediction is not None
            p, y, there = prediction[found], target[found], present[found]
            draws[variant] = torch.tensor([metric.function(p[s], y[s], there[s]) for s in samples], dtype=torch.float64)
            low, high = draws[variant].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
            figures[variant] = Figure(metric.function(p, y, there), low, high)
        gain = draws["crossover"] - draws["constant"]
        gain = gain if metric.direction == "max" else -gain
        yield MetricTable(
            metric=f"{node}.{metric.name}",
            group=group,
            direction=metric.direction,
            main=metric is modules[group].objectives[node].metrics[0],
            records=int(found.sum()),
            figures=figures,
            beats_constant=bool(gain.quantile(0.025) > 0),
        )


def _metrics(modules: Mapping[str, GroupModule]) -> Iterator[tuple[str, str, Metric]]:
    for group, module in modules.items():
        for node, objective in module.objectives.items():
            for metric in objective.metrics:
                yield group, node, metric


def _resamples(count: int, seed: int) -> list[Tensor]:
    stream = generator(seed, "bootstrap", count)
    return [torch.randint(count, (count,), generator=stream) for _ in range(RESAMPLES)]


def _mean_skill(tables: tuple[MetricTable, ...], variant: str) -> float:
    """(value - constant) / (perfect - constant), perfect = 0 for "min" and 1 for "max", mean over main metrics."""
    skills = []
    for table in tables:
        if table.main:
            perfect = 0.0 if table.direction == "min" else 1.0
            constant = table.figures["constant"].value
            skills.append((table.figures[variant].value - constant) / (perfect - constant))
    return sum(skills) / len(skills)


def read_evaluation(run: Path) -> Evaluation | None:
    """The evaluation that is in a run folder, if there is one."""
    if not (run / "evaluation.json").exists():
        return None
    table = read_json(run / "evaluation.json")
    tables = tuple(
        MetricTable(**{**row, "figures": {name: Figure(**figure) for name, figure in row["figures"].items()}})
        for row in table["tables"]
    )
    return Evaluation(**{**table, "variants": tuple(table["variants"]), "tables": tables})
