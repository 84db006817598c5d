"""Reads a run, its store and its model as JSON into what a report shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import attrs

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.errors import CheckpointError, DataError
from redheart_core.report.collect_choices import read_choices, read_methods, read_sweep
from redheart_core.report.collect_data import read_data, read_node
from redheart_core.report.collect_inspection import read_inspection
from redheart_core.report.collect_results import read_accounts, read_evaluation, read_model
from redheart_core.report.contents import Account, Contents, Epoch, GroupState
from redheart_core.runs.manifest import RUN_FORMAT
from redheart_core.storage.json_parts import Part
from redheart_core.storage.jsonlines import read_objects
from redheart_core.storage.settings import read_table


@attrs.frozen
class Events:
    """What events.jsonl tells: the newest word on each epoch, and why groups stopped."""

    epochs: dict[str, dict[int, Epoch]]
    stopped: dict[str, str]
    """Group to reason, in the newest process."""


def collect(run: Path, model: Path | None) -> Contents:
    """Read everything; what a later command has yet to make is None.

    Raises:
        CheckpointError: No run, a damaged one, or a model or choice that is not of this run.
        StoreError: The store's index is damaged or of other data.
    """
    if not (run / "run.json").exists():
        raise CheckpointError(f"{run} holds no run (no run.json); start one with redheart train -o {run}")
    description = Part.read(run / "run.json")
    if description["format"].value != RUN_FORMAT:
        raise CheckpointError(f"{run / 'run.json'} is not a run of format {RUN_FORMAT}; train again with this version")
    events = read_events(run / "events.jsonl")
    accounts = read_accounts(run / "audit.json")
    settings = read_table(TrainSettings, _table(description["training"]), str(run / "run.json"))
    groups = tuple(
        read_group(run, name, table, settings, events, accounts)
        for name, table in description["groups"].entries().items()
    )
    data = read_data(description["data"], run)
    return Contents(
        path=run,
        redheart=description["redheart"].text(),
        torch=description["torch"].text(),
        training=_table(description["training"]),
        settings=settings,
        nodes=tuple(read_node(name, table) for name, table in description["nodes"].entries().items()),
        groups=tuple(sorted(groups, key=lambda group: group.tier)),
        data=data,
        inspection=read_inspection(run / "inspection.json", data.fingerprint),
        sweep=read_sweep(run / "sweep.json"),
        choices=read_choices(run / "sweetspot.json", groups),
        methods=read_methods(run / "rivals.json", groups),
        evaluation=read_evaluation(run / "evaluation.json", [group.name for group in groups]),
        accounts=accounts,
        model=None if model is None else read_model(model, groups),
        model_path=model,
        openings=read_openings(run / "test_reads.jsonl"),
    )


def _table(part: Part) -> dict[str, object]:
    return {key: one.value for key, one in part.entries().items()}


def read_lines(file: Path) -> list[Part]:
    """The objects of a file of JSON lines; none if there is no file.

    Raises:
        CheckpointError: A line is damaged.
    """
    if not file.exists():
        return []
    try:
        lines = list(read_objects(file))
    except DataError as error:
        raise CheckpointError(f"{file} is damaged: {error}; remove that line") from error
    return [Part(value, f"{file.parent / where}", CheckpointError) for where, value in lines]


def read_openings(file: Path) -> tuple[str, ...]:
    """When the test split was read, to the second."""
    openings = []
    for line in read_lines(file):
        try:
            time = datetime.fromisoformat(line["time"].text())
        except ValueError as error:
            raise CheckpointError(f"{line.where} is damaged: {error}; remove that line") from error
        openings.append(time.strftime("%Y-%m-%d %H:%M:%S %Z").strip())
    return tuple(openings)


def read_events(file: Path) -> Events:
    """The events of all processes that worked on the run; none if there is no file.

    Raises:
        CheckpointError: A line is damaged.
    """
    events = Events({}, {})
    for line in read_lines(file):
        kind = line["event"].text()
        if kind == "run started":
            events.stopped.clear()
        elif kind == "group stopped":
            events.stopped[line["group"].text()] = line["reason"].text()
        elif kind == "epoch finished":
            epoch = read_epoch(line, None, line["seconds"].number())
            events.epochs.setdefault(line["group"].text(), {})[epoch.epoch] = epoch
    return events


def read_epoch(part: Part, sha256: str | None, seconds: float | None) -> Epoch:
    """Figures that a manifest and an event have in common."""
    return Epoch(
        epoch=part["epoch"].integer(),
        train_loss=part["train_loss"].number(),
        validation_loss=part["validation_loss"].number(),
        metrics=part["metrics"].numbers_or_none(),
        learning_rate=part["learning_rate"].number(),
        sha256=sha256,
        seconds=seconds,
    )


def read_checkpoint(part: Part, told: dict[int, Epoch]) -> Epoch:
    """An epoch, or the average at its end, of a manifest, with the time that the events tell."""
    seconds = told[part["epoch"].integer()].seconds if part["epoch"].integer() in told else None
    return attrs.evolve(
        read_epoch(part, part["sha256"].text(), seconds),
        updates=part["updates"].integer(),
        gradient=part["gradient"].numbers(),
        averaged=part["averaged"].flag(),
    )


def read_group(
    run: Path,
    name: str,
    table: Part,
    training: TrainSettings,
    events: Events,
    accounts: tuple[Account, ...] | None,
) -> GroupState:
    """A group's manifest; epochs that retention removed are filled in from the events."""
    file = run / "groups" / name / "manifest.json"
    has_parameters = accounts is None or any(account.group == name for account in accounts)
    status, reason = "no checkpoints" if has_parameters else "nothing to train", ""
    epochs: dict[int, Epoch] = {}
    averages: list[Epoch] = []
    told = events.epochs.get(name, {})
    if file.exists():
        manifest = Part.read(file)
        if manifest["format"].value != RUN_FORMAT:
            raise CheckpointError(f"{file} is not of format {RUN_FORMAT}; train the group again with this version")
        status, reason = manifest["status"].text(), manifest["reason"].text()
        if manifest["fitted"].flag():
            status = "fitted"
        epochs = {one.epoch: one for one in (read_checkpoint(part, told) for part in manifest["epochs"].items())}
        averages = [read_checkpoint(part, told) for part in manifest["averages"].items()]
        newest = max(epochs, default=0)
        epochs |= {number: epoch for number, epoch in told.items() if number < newest and number not in epochs}
    if len({frozenset(epoch.metrics) for epoch in (*epochs.values(), *averages)}) > 1:
        raise CheckpointError(
            f"{file} is damaged: its epochs have different metrics; restore it, or train the group again"
        )
    if status not in ("finished", "fitted") and name in events.stopped:
        status, reason = "stopped", events.stopped[name]
    own = read_table(GroupSettings, _table(table["settings"]), table.where)
    return GroupState(
        name=name,
        tier=table["tier"].integer(),
        nodes=table["nodes"].texts(),
        status=status,
        reason=reason,
        epochs=tuple(epochs[number] for number in sorted(epochs)),
        averages=tuple(averages),
        settings=own,
        peak=training.learning_rate if own.learning_rate is None else own.learning_rate,
    )
