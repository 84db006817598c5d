"""A run folder with made-up figures: not measured, only plausible, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import attrs
import pytest
import torch
from made_up_choices import make_index, make_model, make_sweetspot
from made_up_groups import make_accounts, make_group, make_manifest, write_events
from made_up_results import make_evaluation, make_inspection, make_rivals, make_sweep

from redheart_core.config.tables import TrainSettings
from redheart_core.data.index import STORE_INDEX, StoreIndex
from redheart_core.data.store import Store
from redheart_core.evaluation.results import EVALUATION, Evaluation
from redheart_core.inspection.findings import INSPECTION, Inspection
from redheart_core.models.manifest import MODEL_MANIFEST
from redheart_core.runs.accounts import AUDIT, Audit, ParameterAccount
from redheart_core.runs.describe import describe
from redheart_core.runs.description import RUN_DESCRIPTION
from redheart_core.runs.manifest import GROUP_MANIFEST, GroupManifest
from redheart_core.selection.rivals import RIVALS, Rivals
from redheart_core.selection.sweetspot import SWEETSPOT, Sweetspot
from redheart_core.storage.sealed import sealed_line
from redheart_core.tuning.sweep_result import SWEEP, Sweep

OPENINGS = ("2026-01-01T08:30:00+00:00", "2026-01-02T09:00:00.25+00:00")


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
    write_events(run, manifests, calculators, settings)
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
