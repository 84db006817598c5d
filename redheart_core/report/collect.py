"""Reads a run, its store and its model into what a report shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.models.manifest import manifest_sha256
from redheart_core.models.of_run import left_out
from redheart_core.report.collect_choices import read_choices, read_methods, read_sweep
from redheart_core.report.collect_data import read_data, read_inspection, read_node
from redheart_core.report.collect_results import read_evaluation, read_model
from redheart_core.report.contents import Contents, GroupState
from redheart_core.runs.accounts import AUDIT, Audit
from redheart_core.runs.description import GroupDescription
from redheart_core.runs.event_log import read_events
from redheart_core.runs.history import LoggedEvents, read_history
from redheart_core.runs.readings import read_readings
from redheart_core.runs.run import RunFolder
from redheart_core.storage.settings import as_table


def collect(run: Path, model: Path | None) -> Contents:
    """Read everything; what a later command has yet to make is None.

    Raises:
        CheckpointError: No run, a damaged one, or a model or choice that is not of this run.
        StoreError: The store's index is damaged or of other data.
    """
    description = RunFolder(run).read()
    logged = LoggedEvents.of(read_events(run / "events.jsonl"))
    audit = AUDIT.read_if_there(run / "audit.json")
    groups = tuple(
        read_group(run, name, group, description.training, logged, audit) for name, group in description.groups.items()
    )
    data = read_data(description.data, run)
    return Contents(
        path=run,
        redheart=description.redheart,
        torch=description.torch,
        training=as_table(description.training),
        settings=description.training,
        nodes=tuple(read_node(name, node) for name, node in description.nodes.items()),
        groups=tuple(sorted(groups, key=lambda group: group.tier)),
        data=data,
        inspection=read_inspection(run / "inspection.json", data.fingerprint),
        sweep=read_sweep(run / "sweep.json"),
        choices=read_choices(run / "sweetspot.json", groups),
        methods=read_methods(run / "rivals.json", groups),
        evaluation=read_evaluation(run / "evaluation.json", [group.name for group in groups]),
        accounts=audit.accounts if audit else None,
        model=None if model is None else read_model(model, groups),
        left_out={} if model is None else left_out(model, RunFolder(run)),
        model_path=model,
        model_sha256=None if model is None else manifest_sha256(model),
        openings=read_openings(run),
    )


def read_openings(run: Path) -> tuple[str, ...]:
    """When the test split was read, to the second."""
    openings = []
    for number, reading in enumerate(read_readings(run), 1):
        try:
            time = datetime.fromisoformat(reading.time)
        except ValueError as error:
            raise CheckpointError(
                f"{run / 'test_reads.jsonl'} line {number} is damaged: {error}; restore it from a copy"
            ) from error
        openings.append(time.strftime("%Y-%m-%d %H:%M:%S %Z").strip())
    return tuple(openings)


def read_group(
    run: Path, name: str, group: GroupDescription, training: TrainSettings, logged: LoggedEvents, audit: Audit | None
) -> GroupState:
    """A group with all that is known of its epochs."""
    history = read_history(run, name, logged)
    has_parameters = audit is None or any(account.group == name for account in audit.accounts)
    return GroupState(
        name=name,
        tier=group.tier,
        nodes=group.nodes,
        status=history.status or ("no checkpoints" if has_parameters else "nothing to train"),
        reason=history.reason,
        epochs=history.epochs,
        averages=history.averages,
        settings=group.settings,
        peak=group.settings.over(training).learning_rate,
    )
