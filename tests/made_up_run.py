"""A run folder with made-up figures: not measured, only plausible, the same every time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import attrs
import pytest
import torch
from made_up_results import COUNTS, make_evaluation, make_inspection, make_rivals, make_sweep

from redheart_core import CATALOGUE, ActiveNode, EpochFinished, Field, GroupStopped, NodeSpec, RunFinished, RunStarted
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.data.division import SplitReport
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.index import STORE_INDEX, FileEntry, Shard, StoreIndex
from redheart_core.data.store import Store
from redheart_core.evaluation.results import EVALUATION, Evaluation
from redheart_core.exact.interval import Interval
from redheart_core.groups.group import Group
from redheart_core.inspection.findings import INSPECTION, Inspection
from redheart_core.models.manifest import MODEL_MANIFEST, ExactnessCheck, ModelGroup, ModelManifest, WeightsFile
from redheart_core.runs.describe import describe, describe_data, describe_node
from redheart_core.runs.description import RUN_DESCRIPTION
from redheart_core.runs.event_log import EventLog
from redheart_core.runs.manifest import GROUP_MANIFEST, EpochEntry, GroupManifest
from redheart_core.selection.common_epoch import Cost, EpochInterval
from redheart_core.selection.detectors import Detection
from redheart_core.selection.rivals import RIVALS, Rivals
from redheart_core.selection.sweetspot import SWEETSPOT, GroupChoice, Sweetspot, common_epoch
from redheart_core.storage.sealed import sealed_line
from redheart_core.training.audit import AUDIT, Audit, ParameterAccount
from redheart_core.training.schedule import schedule_factor
from redheart_core.tuning.sweep_result import SWEEP, Sweep

UPDATES = 44
"""Per epoch."""
AVERAGED = "backbone"
"""The group that keeps moving averages, if there is one of that name."""
OPENINGS = ("2026-01-01T08:30:00+00:00", "2026-01-02T09:00:00.25+00:00")


@attrs.frozen
class NoSettings:
    """A module's settings."""

    width: int = 96
    note: str = "plain"


@attrs.frozen
class MadeUpRun:
    """What the fixture wrote, for comparison with what the page shows."""

    path: Path
    model: Path
    settings: TrainSettings
    manifests: dict[str, GroupManifest]
    sweetspot: Sweetspot
    rivals: Rivals
    sweep: Sweep
    inspection: Inspection
    evaluation: Evaluation
    accounts: tuple[ParameterAccount, ...]
    index: StoreIndex


MakeRun = Callable[..., MadeUpRun]


@pytest.fixture(scope="session")
def write_run() -> MakeRun:
    """Writes a run into a folder; see the function of the same name below."""
    return write_made_up_run


@pytest.fixture(scope="session")
def groups() -> dict[str, tuple[str, ...]]:
    """A group of two nodes, a group of one, and a Korean name."""
    return {
        "backbone": ("backbone", "emotion_head"),
        "neural_regret": ("neural_regret",),
        "후회_분석": ("후회_분석",),
    }


@pytest.fixture
def made(make_run: MakeRun, groups: dict[str, tuple[str, ...]]) -> MadeUpRun:
    """A run that a test may change."""
    return make_run(groups, epochs=8, calculators=("calculus",))


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """The same for a test of its own: make_run(groups={name: nodes}, epochs=8)."""
    return partial(write_made_up_run, tmp_path / "made_up")


def write_made_up_run(
    run: Path,
    groups: dict[str, tuple[str, ...]],
    epochs: int,
    stopped: dict[str, int] | None = None,
    calculators: tuple[str, ...] = (),
    reason: str = "the loss is not finite at epoch 4, update 7",
    weak: tuple[str, ...] = (),
) -> MadeUpRun:
    """Write a run with store, model and all results.

    Args:
        run: A new folder.
        groups: Name to nodes.
        epochs: Of every group that does not stop.
        stopped: Groups that stop, with their last epoch.
        calculators: Groups without parameters, on tier 1.
        reason: Why groups stop.
        weak: Groups that do not beat the constant predictor.
    """
    (run / "groups").mkdir(parents=True)
    settings = TrainSettings(scale="tiny", epochs=epochs, seed=7)
    halted = stopped or {}
    manifests = {
        name: make_manifest(name, nodes, number, settings, halted.get(name, epochs), reason if name in halted else "")
        for number, (name, nodes) in enumerate(groups.items())
    }
    index = make_index()
    (run / "store").mkdir()
    STORE_INDEX.write(run / "store" / "index.json", index)
    all_groups = [make_group(name, nodes, 0) for name, nodes in groups.items()]
    all_groups += [make_group(name, (name,), 1) for name in calculators]
    alone = torch.arange(10)  # no two records are near-duplicates
    made_up = SimpleNamespace(
        folder=run / "store", index=index, encoder_identity=index.encoder, clusters=alone, rows=lambda split: alone
    )
    store = cast(Store, made_up)
    nodes = [node for group in all_groups for node in group.nodes]
    RUN_DESCRIPTION.write(run / "run.json", describe(run, nodes, all_groups, settings, store))
    for name, manifest in manifests.items():
        (run / "groups" / name).mkdir()
        GROUP_MANIFEST.write(run / "groups" / name / "manifest.json", manifest)
    write_events(run, manifests, settings)
    whole = {name: manifest for name, manifest in manifests.items() if name not in halted}
    sweetspot = make_sweetspot(whole)
    SWEETSPOT.write(run / "sweetspot.json", sweetspot)
    rivals, sweep, inspection = make_rivals(whole), make_sweep(tuple(groups), settings), make_inspection(index)
    RIVALS.write(run / "rivals.json", rivals)
    SWEEP.write(run / "sweep.json", sweep)
    INSPECTION.write(run / "inspection.json", inspection)
    evaluation = make_evaluation(whole, weak)
    EVALUATION.write(run / "evaluation.json", evaluation)
    (run / "test_reads.jsonl").write_bytes(b"".join(sealed_line({"time": time}) for time in OPENINGS))
    accounts = tuple(make_accounts(all_groups, calculators))
    AUDIT.write(run / "audit.json", Audit(accounts))
    model = run / "model"
    model.mkdir()
    MODEL_MANIFEST.write(model / "manifest.json", make_model(model, all_groups, sweetspot, settings, store))
    return MadeUpRun(run, model, settings, manifests, sweetspot, rivals, sweep, inspection, evaluation, accounts, index)


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


def write_events(run: Path, manifests: dict[str, GroupManifest], settings: TrainSettings) -> None:
    log = EventLog()
    log.redheart_before_run(RunStarted(run, tuple(manifests), settings.epochs, dict.fromkeys(manifests, 0)))
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


def make_sweetspot(manifests: dict[str, GroupManifest]) -> Sweetspot:
    common = common_epoch(manifests)
    choices = []
    for manifest in manifests.values():
        one_se, at_common = manifest.entry(max(1, manifest.best.epoch - 2)), manifest.entry(common)
        assert one_se is not None
        assert at_common is not None
        cost = at_common.validation_loss / manifest.best.validation_loss - 1
        choices.append(
            GroupChoice(
                group=manifest.group,
                epochs=len(manifest.epochs),
                best=manifest.best,
                one_se=one_se,
                one_se_difference=0.001,
                one_se_error=0.002,
                common=at_common,
                cost=cost,
                interval=EpochInterval(
                    one_se.epoch, manifest.best.epoch, {one_se.epoch: 0.25, manifest.best.epoch: 0.75}
                ),
                detections=make_detections(manifest.best.epoch, one_se.epoch),
                common_cost=make_cost(at_common.validation_loss - manifest.best.validation_loss),
                metric_differences={
                    name: (at_common.metrics[name] or 0.0) - (value or 0.0)
                    for name, value in manifest.best.metrics.items()
                },
                entries={entry.epoch: entry for entry in manifest.epochs},
            )
        )
    mean = sum(choice.cost for choice in choices) / len(choices)
    return Sweetspot(tuple(choices), common, EpochInterval(common, common, {common: 1.0}), mean, make_cost(mean))


def make_detections(best: int, one_se: int) -> dict[str, Detection]:
    return {
        "best": Detection(best, "lowest validation loss"),
        "one_se": Detection(one_se, "within the standard error"),
        "plateau": Detection(None, "no 5 epochs in a row are flat"),
        "knee": Detection(one_se, "the fall bends there"),
        "onset": Detection(None, "the loss does not rise"),
        "vote": Detection(one_se, "2 of 3 within 1 epoch"),
    }


def make_cost(value: float) -> Cost:
    return Cost(Interval(value, value - 0.004, value + 0.005), Interval(value - 0.001, value - 0.006, value + 0.004))


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


def make_model(
    model: Path, groups: list[Group], sweetspot: Sweetspot, settings: TrainSettings, store: Store
) -> ModelManifest:
    chosen = sweetspot.chosen("best")
    stored: dict[str, ModelGroup] = {}
    for group in groups:
        stored[group.name] = ModelGroup(group.tier, tuple(node.name for node in group.nodes))
        if group.name in chosen:
            entry = chosen[group.name]
            stored[group.name] = attrs.evolve(
                stored[group.name],
                files=(WeightsFile(f"groups/{group.name}.safetensors", entry.sha256, {entry.file: 1.0}),),
                epoch=entry.epoch,
                epochs=entry.name,
                validation_loss=entry.validation_loss,
                metrics=entry.metrics,
            )
    return ModelManifest(
        groups=stored,
        missing={},
        nodes={node.name: describe_node(node) for group in groups for node in group.nodes},
        training=settings,
        data=describe_data(store, model),
        usable=(),
        statistics={},
        files={},
        run="..",
        checks=tuple(
            ExactnessCheck(name, entry.name, entry.validation_loss, entry.validation_loss)
            for name, entry in chosen.items()
        ),
    )


def make_index() -> StoreIndex:
    emotion, regret = CATALOGUE["emotion"], CATALOGUE["regret"]
    fields: dict[str, Field] = {"emotion": emotion, "regret": regret, "votes": CATALOGUE["votes"]}
    return StoreIndex(
        dataset="village",
        dataset_settings={},
        content=hashlib.sha256(b"content").hexdigest(),
        fingerprint=hashlib.sha256(b"data").hexdigest(),
        encoder=EncoderIdentity(
            "lsa", "scikit-learn 1.7, 768 dimensions", hashlib.sha256(b"lsa").hexdigest(), 768, 1200
        ),
        encoder_settings={},
        chunk_chars=1200,
        terms=20_000,
        near_duplicates=0.8,
        seed=7,
        shard_records=1000,
        fields=fields,
        coverage={"emotion": 3990, "regret": 4004, "votes": 1203},
        counts=COUNTS,
        languages=("en", "ko"),
        sources=("village",),
        split_report=SplitReport(
            counts=COUNTS,
            wanted={name: float(count) for name, count in COUNTS.items() if name != "excluded"},
            duplicate_clusters=14,
            clustered_records=31,
            largest_cluster=4,
            published=False,
            examples=(("en-0017", "en-0404"), ("ko-0003", "ko-1999")),
            clusters=(),
        ),
        shards=(Shard("shard-0000.safetensors", 4004, 4100, 1),),
        files={"shard-0000.safetensors": FileEntry(12_595_200, "0" * 64)},
    )
