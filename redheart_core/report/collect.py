"""Reads a run, its store and its model as JSON into what a report shows."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core._errors import CheckpointError, DataError
from redheart_core._training import RUN_FORMAT
from redheart_core.jsonlines import read_objects
from redheart_core.report.collect_data import read_data, read_node
from redheart_core.report.collect_results import read_accounts, read_choices, read_evaluation, read_model
from redheart_core.report.contents import Account, Contents, Epoch, GroupState
from redheart_core.report.json_parts import Part


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
    groups = tuple(
        read_group(run, name, table, events, accounts) for name, table in description["groups"].entries().items()
    )
    evaluation = read_evaluation(run / "evaluation.json", groups)
    return Contents(
        path=run,
        redheart=description["redheart"].text(),
        torch=description["torch"].text(),
        training={key: part.value for key, part in description["training"].entries().items()},
        nodes=tuple(read_node(name, table) for name, table in description["nodes"].entries().items()),
        groups=tuple(sorted(groups, key=lambda group: group.tier)),
        data=read_data(description["data"], run),
        choices=read_choices(run / "sweetspot.json", groups),
        evaluation=evaluation,
        accounts=accounts,
        model=None if model is None else read_model(model, groups),
        model_path=model,
        test_reads=max(count_lines(run / "test_reads.jsonl"), evaluation.test_reads if evaluation else 0),
    )


def read_events(file: Path) -> Events:
    """The events of all processes that worked on the run; none if there is no file.

    Raises:
        CheckpointError: A line is damaged.
    """
    events = Events({}, {})
    if not file.exists():
        return events
    try:
        lines = list(read_objects(file))
    except DataError as error:
        raise CheckpointError(f"{file} is damaged: {error}; remove that line") from error
    for where, value in lines:
        line = Part(value, f"{file.parent / where}", CheckpointError)
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
        metrics=part["metrics"].numbers(),
        sha256=sha256,
        seconds=seconds,
    )


def read_group(run: Path, name: str, table: Part, events: Events, accounts: tuple[Account, ...] | None) -> GroupState:
    """A group's manifest; epochs that retention removed are filled in from the events."""
    file = run / "groups" / name / "manifest.json"
    has_parameters = accounts is None or any(account.group == name for account in accounts)
    status, reason, epochs = "no checkpoints" if has_parameters else "nothing to train", "", {}
    told = events.epochs.get(name, {})
    if file.exists():
        manifest = Part.read(file)
        if manifest["format"].value != RUN_FORMAT:
            raise CheckpointError(f"{file} is not of format {RUN_FORMAT}; train the group again with this version")
        status, reason = manifest["status"].text(), manifest["reason"].text()
        for part in manifest["epochs"].items():
            number = part["epoch"].integer()
            seconds = told[number].seconds if number in told else None
            epochs[number] = read_epoch(part, part["sha256"].text(), seconds)
        newest = max(epochs, default=0)
        epochs |= {number: epoch for number, epoch in told.items() if number < newest and number not in epochs}
    if len({frozenset(epoch.metrics) for epoch in epochs.values()}) > 1:
        raise CheckpointError(
            f"{file} is damaged: its epochs have different metrics; restore it, or train the group again"
        )
    if status != "finished" and name in events.stopped:
        status, reason = "stopped", events.stopped[name]
    return GroupState(
        name=name,
        tier=table["tier"].integer(),
        nodes=table["nodes"].texts(),
        status=status,
        reason=reason,
        epochs=tuple(epochs[number] for number in sorted(epochs)),
    )


def count_lines(file: Path) -> int:
    """How many lines a file has, 0 if it is not there."""
    return len(file.read_bytes().splitlines()) if file.exists() else 0
