"""Groups of a made-up run: nodes, epochs, events and the account of parameters."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import attrs

from redheart_core import ActiveNode, EpochFinished, GroupStopped, NodeSpec, RunFinished, RunStarted
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.groups.group import Group
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.runs.event_log import EventLog
from redheart_core.runs.manifest import EpochEntry, GroupManifest
from redheart_core.training.schedule import schedule_factor

UPDATES = 44
"""Per epoch."""
AVERAGED = "backbone"
"""The group that keeps moving averages, if there is one of that name."""


@attrs.frozen
class NoSettings:
    """A module's settings."""

    width: int = 96
    note: str = "plain"


def make_group(name: str, nodes: tuple[str, ...], tier: int) -> Group:
    settings = GroupSettings(ema=0.99, r_drop=0.5) if name == AVERAGED else GroupSettings()
    return Group(name, tuple(make_node(node, name) for node in nodes), tier, (), settings=settings)


def make_node(name: str, group: str) -> ActiveNode:
    def build(context: object) -> None:
        raise AssertionError("a report builds nothing")

    spec = NodeSpec(
        name=name,
        meaning="made up",
        settings=NoSettings,
        scales={},
        reads=("embedding",),
        gives=(),
        build=build,
    )
    return ActiveNode(spec, "analyzer", name, "redheart", "0.1.0", group, NoSettings())


def make_manifest(
    name: str, nodes: tuple[str, ...], number: int, settings: TrainSettings, epochs: int, reason: str
) -> GroupManifest:
    """Losses fall to a best epoch that differs between groups, and rise after it."""
    best = max(2, round(epochs * (0.45 + 0.12 * (number % 5))))
    entries = []
    for epoch in range(1, epochs + 1):
        fall = math.exp(-epoch / (1.5 + 0.1 * epochs))
        rise = 0.03 * max(0, epoch - best) / epochs
        distance = (epoch - best) / epochs
        validation = 0.21 + 0.05 * number + distance**2 * (1.2 if epoch < best else 0.4)
        metrics = {}
        for place, node in enumerate(nodes):
            metrics[f"{node}.mean_absolute_error"] = 0.11 + 0.013 * place + 0.2 * fall + rise
            metrics[f"{node}.explained_variance"] = 0.52 - 0.03 * place - 0.4 * fall - rise
        factor = schedule_factor(epoch * UPDATES - 1, settings.epochs * UPDATES, settings)
        entries.append(
            EpochEntry(
                epoch=epoch,
                file=f"epoch-{epoch:04d}.safetensors",
                sha256=hashlib.sha256(f"{name} {epoch}".encode()).hexdigest(),
                bytes=4096 + epoch,
                train_loss=0.17 + 0.05 * number + 0.45 * fall - 0.002 * epoch,
                validation_loss=validation,
                metrics=metrics,
                learning_rate=settings.learning_rate * factor,
                losses_file=f"losses-{epoch:04d}.safetensors",
                losses_sha256="0" * 64,
                updates=UPDATES,
                gradient={"mean": 0.4 + fall, "max": 0.9 + 2 * fall, "clipped": fall},
            )
        )
    averages = tuple(map(average, entries)) if name == AVERAGED else ()
    return GroupManifest(name, "stopped" if reason else "finished", reason, tuple(entries), averages)


def average(entry: EpochEntry) -> EpochEntry:
    """The moving average at the end of an epoch, a little worse."""
    return attrs.evolve(
        entry,
        file=f"average-{entry.file}",
        sha256=hashlib.sha256(f"average {entry.sha256}".encode()).hexdigest(),
        validation_loss=entry.validation_loss + 0.004,
        averaged=True,
    )


def write_events(
    run: Path, manifests: dict[str, GroupManifest], calculators: tuple[str, ...], settings: TrainSettings
) -> None:
    log, names = EventLog(), (*manifests, *calculators)
    log.redheart_before_run(RunStarted(run, names, dict.fromkeys(names, settings.epochs), dict.fromkeys(names, 0)))
    for number, manifest in enumerate(manifests.values()):
        for entry in manifest.epochs:
            log.redheart_after_epoch(
                EpochFinished(
                    group=manifest.group,
                    epoch=entry.epoch,
                    epochs=settings.epochs,
                    train_loss=entry.train_loss,
                    validation_loss=entry.validation_loss,
                    metrics=entry.metrics,
                    learning_rate=entry.learning_rate,
                    seconds=1.25 + number,
                )
            )
        if manifest.status == "stopped":
            log.redheart_after_group_stopped(GroupStopped(manifest.group, len(manifest.epochs), manifest.reason))
    log.redheart_after_run(RunFinished(run, ()))


def make_accounts(groups: list[Group], calculators: tuple[str, ...]) -> list[ParameterAccount]:
    accounts = []
    for group in groups:
        for node in group.nodes:
            if group.name in calculators:
                continue
            accounts += [
                ParameterAccount(group.name, node.name, "layer.weight", 12288, "trained", True, 11059),
                ParameterAccount(group.name, node.name, "layer.bias", 96, "trained", True, 96),
                ParameterAccount(group.name, node.name, "table.weight", 640, "frozen", False, 0),
            ]
    return accounts
