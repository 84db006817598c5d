"""Reads a run, its store and its model as JSON into what a report shows."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core._data import SPLITS
from redheart_core._errors import CheckpointError, DataError, StoreError
from redheart_core.jsonlines import read_objects
from redheart_core.report.contents import (
    Account,
    Choice,
    Choices,
    Contents,
    DataState,
    Epoch,
    Evaluation,
    FieldState,
    Figure,
    GroupState,
    MetricTable,
    ModelGroup,
    NodeState,
    StoreState,
)
from redheart_core.report.json_parts import Part

FORMAT = 1


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
    if description["format"].value != FORMAT:
        raise CheckpointError(f"{run / 'run.json'} is not a run of format {FORMAT}; train again with this version")
    events = read_events(run / "events.jsonl")
    groups = tuple(read_group(run, name, table, events) for name, table in description["groups"].entries().items())
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
        accounts=read_accounts(run / "audit.json"),
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
    return Epoch(
        epoch=part["epoch"].integer(),
        train_loss=part["train_loss"].number(),
        validation_loss=part["validation_loss"].number(),
        metrics=part["metrics"].numbers(),
        sha256=sha256,
        seconds=seconds,
    )


def read_group(run: Path, name: str, table: Part, events: Events) -> GroupState:
    """A group's manifest; epochs that retention removed are filled in from the events."""
    file = run / "groups" / name / "manifest.json"
    status, reason, epochs = "no checkpoints", "", {}
    told = events.epochs.get(name, {})
    if file.exists():
        manifest = Part.read(file)
        if manifest["format"].value != FORMAT:
            raise CheckpointError(f"{file} is not of format {FORMAT}; train the group again with this version")
        status, reason = manifest["status"].text(), manifest["reason"].text()
        for part in manifest["epochs"].items():
            number = part["epoch"].integer()
            seconds = told[number].seconds if number in told else None
            epochs[number] = read_epoch(part, part["sha256"].text(), seconds)
        newest = max(epochs, default=0)
        epochs |= {number: epoch for number, epoch in told.items() if number < newest and number not in epochs}
    if len({frozenset(epoch.metrics) for epoch in epochs.values()}) > 1:
        raise CheckpointError(f"{file} is damaged: its epochs have different metrics; restore it, or train the group again")
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


def read_node(name: str, part: Part) -> NodeState:
    return NodeState(
        name=name,
        kind=part["kind"].text(),
        plugin=part["plugin"].text(),
        distribution=part["distribution"].text(),
        version=part["version"].text(),
        group=part["group"].text(),
        learning_rate_scale=part["learning_rate_scale"].number(),
        loss_weight=part["loss_weight"].number(),
        settings={key: setting.value for key, setting in part["settings"].entries().items()},
    )


def read_data(part: Part, run: Path) -> DataState:
    encoder = part["encoder"]
    splits = part["splits"].integers()
    fingerprint, path = part["fingerprint"].text(), run / part["store"].text()
    return DataState(
        dataset=part["dataset"].text(),
        fingerprint=fingerprint,
        chunk_chars=encoder["chunk_chars"].integer(),
        encoder_name=encoder["name"].text(),
        encoder_revision=encoder["revision"].text(),
        encoder_hash=encoder["content_hash"].text(),
        encoder_width=encoder["width"].integer(),
        fields=tuple(read_field(name, field) for name, field in part["fields"].entries().items()),
        splits={name: splits[name] for name in sorted(splits, key=lambda name: (*SPLITS, name).index(name))},
        store_path=path,
        store=read_store(path / "index.json", fingerprint) if (path / "index.json").exists() else None,
    )


def read_field(name: str, part: Part) -> FieldState:
    low, high = part["low"], part["high"]
    return FieldState(
        name=name,
        meaning=part["meaning"].text(),
        unit=part["unit"].text(),
        low=None if low.value is None else low.number(),
        high=None if high.value is None else high.number(),
        labels=part["labels"].texts(),
    )


def read_store(file: Path, fingerprint: str) -> StoreState:
    index = Part.read(file, StoreError)
    found = index["fingerprint"].text()
    if found != fingerprint:
        raise StoreError(
            f"{file} holds other data than the run was trained on: fingerprint {found}, the run has {fingerprint}; "
            "put the run's store back, or remove the folder to make a report without it"
        )
    report, shards = index["split_report"], index["shards"].items()
    return StoreState(
        seed=index["seed"].integer(),
        coverage=index["coverage"].integers(),
        published=report["published"].flag(),
        duplicate_clusters=report["duplicate_clusters"].integer(),
        clustered_records=report["clustered_records"].integer(),
        largest_cluster=report["largest_cluster"].integer(),
        examples=tuple(pair.texts() for pair in report["examples"].items()),
        chunks=sum(shard["chunks"].integer() for shard in shards),
        unknown_records=sum(shard["unknown_records"].integer() for shard in shards),
        bytes=sum(entry["bytes"].integer() for entry in index["files"].entries().values()),
    )


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
                beats_constant=part["beats_constant"].flag(),
            )
        )
    return Evaluation(
        variants=variants,
        tables=tuple(tables),
        losses={name: losses.numbers() for name, losses in table["losses"].entries().items()},
        skill={name: table["skill"][name].number() for name in variants},
        test_records=table["test_records"].integer(),
        test_reads=table["test_reads"].integer(),
    )


def read_figure(part: Part) -> Figure:
    return Figure(part["value"].number(), part["low"].number(), part["high"].number())


def read_accounts(file: Path) -> tuple[Account, ...] | None:
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


def count_lines(file: Path) -> int:
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def _outdated(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{file} does not fit the checkpoints: {reason}; run redheart sweetspot again")
