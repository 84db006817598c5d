"""Reads what later commands made of a run: choices, test figures, account, model."""

from __future__ import annotations

from pathlib import Path

from redheart_core._errors import CheckpointError
from redheart_core._evaluation import Evaluation, Figure, MetricTable
from redheart_core.report.contents import Account, Choice, Choices, GroupState, ModelGroup
from redheart_core.report.json_parts import Part


def read_choices(file: Path, groups: tuple[GroupState, ...]) -> Choices | None:
    """What sweetspot chose.

    Raises:
        CheckpointError: Damaged, or older than the newest checkpoints.
    """
    if not file.exists():
        return None
    table, known, choices = Part.read(file), {group.name: group for group in groups}, {}
    for part in table["groups"].items():
        group = known.get(part["group"].text())
        for rule in ("best", "one_se", "common"):
            number, sha256 = part[rule]["epoch"].integer(), part[rule]["sha256"].text()
            if group is None or not any(e.epoch == number and e.sha256 == sha256 for e in group.epochs):
                raise _outdated(file, f"it names epoch {number} of '{part['group'].text()}'")
        assert group is not None
        if group.best.epoch != part["best"]["epoch"].integer():
            raise _outdated(file, f"by now epoch {group.best.epoch} of '{group.name}' is better")
        choices[group.name] = Choice(
            best=part["best"]["epoch"].integer(),
            one_se=part["one_se"]["epoch"].integer(),
            common=part["common"]["epoch"].integer(),
            cost=part["cost"].number(),
        )
    return Choices(choices, table["common_epoch"].integer(), table["mean_cost"].number())


def read_evaluation(file: Path, groups: tuple[GroupState, ...]) -> Evaluation | None:
    """The figures of the test split, None if it has not been evaluated."""
    if not file.exists():
        return None
    table, known = Part.read(file), {group.name for group in groups}
    variants = table["variants"].texts()
    tables = []
    for part in table["tables"].items():
        if part["group"].text() not in known:
            raise CheckpointError(f"{part.where} is of a group that the run does not have: {part['group'].text()}")
        tables.append(
            MetricTable(
                metric=part["metric"].text(),
                group=part["group"].text(),
                direction=part["direction"].text(),
                main=part["main"].flag(),
                records=part["records"].integer(),
                figures={name: read_figure(part["figures"][name]) for name in variants},
                gains={name: read_figure(figure) for name, figure in part["gains"].entries().items()},
                beats_constant=part["beats_constant"].flag(),
                ceiling=None if part["ceiling"].value is None else part["ceiling"].number(),
            )
        )
    return Evaluation(
        variants=variants,
        tables=tuple(tables),
        losses={name: losses.numbers() for name, losses in table["losses"].entries().items()},
        skill={name: read_figure(table["skill"][name]) for name in variants},
        skill_gains={name: read_figure(table["skill_gains"][name]) for name in variants},
        points={name: read_figure(figure) for name, figure in table["points"].entries().items()},
        point_gains={name: read_figure(figure) for name, figure in table["point_gains"].entries().items()},
        best_method=table["best_method"].text(),
        refits={
            name: {group: _pair(losses) for group, losses in refits.entries().items()}
            for name, refits in table["refits"].entries().items()
        },
        test_records=table["test_records"].integer(),
        test_reads=table["test_reads"].integer(),
    )


def read_figure(part: Part) -> Figure:
    """A value and its interval, if it has one."""
    low, high = (None if part[key].value is None else part[key].number() for key in ("low", "high"))
    return Figure(part["value"].number(), low, high)


def _pair(part: Part) -> tuple[float, float]:
    before, after = (one.number() for one in part.items())
    return before, after


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
    hashes = {(group.name, epoch.epoch): epoch.sha256 for group in groups for epoch in group.epochs}
    found = []
    for name, part in Part.read(file)["groups"].entries().items():
        tier, trained = part["tier"].integer(), "epoch" in part.entries()
        if not trained:
            found.append(ModelGroup(name, tier, None, "", None))
            continue
        epoch, sha256 = part["epoch"].integer(), part["sha256"].text()
        if hashes.get((name, epoch)) != sha256:
            raise CheckpointError(
                f"{file} is not a model of this run: it holds epoch {epoch} of '{name}' with the SHA-256 {sha256}; "
                "name the run's own model"
            )
        found.append(ModelGroup(name, tier, epoch, sha256, part["validation_loss"].number()))
    return tuple(sorted(found, key=lambda group: group.tier))


def _outdated(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{file} does not fit the checkpoints: {reason}; run redheart sweetspot again")
