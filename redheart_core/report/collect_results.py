"""Reads what later commands made of a run: test figures, account, model."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from redheart_core.contract.errors import CheckpointError
from redheart_core.evaluation.results import Bin, Confusion, Diagnosis, Disagreement, Evaluation, MetricTable
from redheart_core.report.collect_choices import read_figure
from redheart_core.report.contents import Account, GroupState, ModelGroup
from redheart_core.storage.json_parts import Part


def read_evaluation(file: Path, groups: Collection[str]) -> Evaluation | None:
    """The figures of the test split, None if it has not been evaluated.

    Args:
        file: evaluation.json of a run.
        groups: The run's.

    Raises:
        CheckpointError: Damaged, or of a group that the run does not have.
    """
    if not file.exists():
        return None
    table = Part.read(file)
    variants = table["variants"].texts()
    tables = tuple(_read_table(part, variants, groups) for part in table["tables"].items())
    return Evaluation(
        variants=variants,
        tables=tables,
        losses={name: losses.numbers() for name, losses in table["losses"].entries().items()},
        skill={name: read_figure(table["skill"][name]) for name in variants},
        skill_gains={name: read_figure(table["skill_gains"][name]) for name in variants},
        points={name: read_figure(table["points"][name]) for name in variants if table["points"].entries()},
        point_gains={
            name: read_figure(table["point_gains"][name]) for name in variants if table["point_gains"].entries()
        },
        best_method=table["best_method"].text(),
        refits={
            name: {group: _pair(losses) for group, losses in refits.entries().items()}
            for name, refits in table["refits"].entries().items()
        },
        test_records=table["test_records"].integer(),
        test_reads=table["test_reads"].integer(),
        diagnostics=tuple(_read_diagnosis(part, tables) for part in table["diagnostics"].items()),
        left_out={name: part.text() for name, part in table["left_out"].entries().items()},
    )


def _read_table(part: Part, variants: tuple[str, ...], known: Collection[str]) -> MetricTable:
    if part["group"].text() not in known:
        raise CheckpointError(f"{part.where} is of a group that the run does not have: {part['group'].text()}")
    main = part["main"].flag()
    return MetricTable(
        metric=part["metric"].text(),
        group=part["group"].text(),
        direction=part["direction"].text(),
        main=main,
        records=part["records"].integer(),
        figures={name: read_figure(part["figures"][name]) for name in variants},
        gains={name: read_figure(part["gains"][name]) for name in variants if main or part["gains"].entries()},
        beats_constant=part["beats_constant"].flag(),
        ceiling=part["ceiling"].number_or_none(),
        ceiling_reason=part["ceiling_reason"].text(),
    )


def _pair(part: Part) -> tuple[float, float]:
    numbers = [one.number() for one in part.items()]
    if len(numbers) != 2:
        raise CheckpointError(f"{part.where} is damaged: expects two losses, got {len(numbers)}; evaluate again")
    return numbers[0], numbers[1]


def _read_diagnosis(part: Part, tables: tuple[MetricTable, ...]) -> Diagnosis:
    metric = part["metric"].text()
    if not any(table.main and table.metric == metric for table in tables):
        raise CheckpointError(f"{part.where} is of '{metric}', which is no main metric of this file; evaluate again")
    confusion = part["confusion"]
    return Diagnosis(
        metric=metric,
        reliability=tuple(
            Bin(one["count"].integer(), one["confidence"].number(), one["correct"].number())
            for one in part["reliability"].items()
        ),
        confusion=None if confusion.value is None else _read_confusion(confusion),
        disagreement={
            name: Disagreement(one["mean"].number(), one["rank_correlation"].number_or_none(), one["records"].integer())
            for name, one in part["disagreement"].entries().items()
        },
    )


def _read_confusion(part: Part) -> Confusion:
    labels = part["labels"].texts()
    counts = tuple(tuple(one.integer() for one in row.items()) for row in part["counts"].items())
    if {len(labels)} != {len(counts), *map(len, counts)}:
        raise CheckpointError(
            f"{part.where} is damaged: {len(labels)} labels need as many rows and columns; evaluate again"
        )
    return Confusion(labels, counts, part["left_out"].integer())


def read_accounts(file: Path) -> tuple[Account, ...] | None:
    """The account of every parameter, None if there was no audit."""
    if not file.exists():
        return None
    return tuple(
        Account(
            group=part["group"].text(),
            plugin=part["plugin"].text(),
            name=part["name"].text(),
            elements=part["elements"].integer(),
            in_optimizer=part["in_optimizer"].flag(),
            live=part["live"].integer(),
            state=part["state"].text(),
        )
        for part in Part.read(file).items()
    )


def read_model(model: Path, groups: tuple[GroupState, ...]) -> tuple[ModelGroup, ...]:
    """The groups of an assembled model.

    Raises:
        CheckpointError: No model, a damaged one, or one of another run.
    """
    file = model / "manifest.json"
    if not file.exists():
        raise CheckpointError(f"{model} holds no model (no manifest.json); make one with redheart crossover")
    known = {group.name: group for group in groups}
    found = [_read_model_group(file, name, part, known) for name, part in Part.read(file)["groups"].entries().items()]
    return tuple(sorted(found, key=lambda group: group.tier))


def _read_model_group(file: Path, name: str, part: Part, known: dict[str, GroupState]) -> ModelGroup:
    tier, keys = part["tier"].integer(), part.entries().keys()
    if "members" in keys:
        hashes = tuple(member["sha256"].text() for member in part["members"].items())
        loss = part["validation_loss"].number()
        return ModelGroup(name, tier, part["epochs"].text(), part["method"].text(), hashes, loss)
    if "epoch" not in keys:
        return ModelGroup(name, tier, "", "", (), None)
    number, sha256 = part["epoch"].integer(), part["sha256"].text()
    group = known.get(name)
    for epoch in (*group.epochs, *group.averages) if group else ():
        if (epoch.epoch, epoch.sha256) == (number, sha256):
            return ModelGroup(name, tier, epoch.name, "", (sha256,), part["validation_loss"].number())
    raise CheckpointError(
        f"{file} is not a model of this run: it holds epoch {number} of '{name}' with the SHA-256 {sha256}; "
        "name the run's own model"
    )
