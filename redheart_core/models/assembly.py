"""From the epochs of a run to a model folder that has proved to give what the run recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.layers import LayerTexts
from redheart_core.groups.group import Group
from redheart_core.models.answering import rank_answers
from redheart_core.models.calibrating import calibrate
from redheart_core.models.calibration import ANSWERS_FILE, CALIBRATION, Calibration
from redheart_core.models.engine import TorchEngine
from redheart_core.models.exactness import require_exact, validate_groups
from redheart_core.models.filling import Blend, fill_folder
from redheart_core.models.finished import finished_part, require_finished, unfinished_groups
from redheart_core.models.kinds import Kinds
from redheart_core.models.kinds_fitting import fit_kinds, write_kinds
from redheart_core.models.layer_answers import add_answers
from redheart_core.models.limits import ActiveLayer, contexts_of, read_limits
from redheart_core.models.limits_fitting import fit_limits
from redheart_core.models.manifest import (
    CALIBRATION_FOLDER,
    MODEL_MANIFEST,
    AnswerSource,
    ModelManifest,
    check_files,
)
from redheart_core.models.model import Model, build_model
from redheart_core.models.similar import add_training_cases
from redheart_core.models.steps import Progress, silent, timed
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.retention import add_references
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import check_sha256, make_folder, sha256
from redheart_core.storage.new_folder import new_folder
from redheart_core.training.context import TrainingContext


@attrs.frozen(eq=False)
class Assembled:
    """A model that was made, as load_model would read it."""

    model: Model
    seconds: Mapping[str, float]
    """What each step has taken, in their order: link, open (files are read, with their SHA-256), validate, compare (how
    groups answer alone and among the others), rank (whose answer is the model's), calibrate, limits."""


def assemble(
    folder: Path,
    run: RunFolder,
    context: TrainingContext,
    chosen: Mapping[str, EpochEntry],
    blends: Mapping[str, Blend] | None = None,
    *,
    partial: bool = False,
    layers: Sequence[ActiveLayer] = (),
    progress: Progress = silent,
) -> Assembled:
    """Put every group into a model folder: the chosen epoch, linked and not rewritten, or what it was blended to.

    The model becomes visible when it is whole: its files are in place, each was verified as it was read, the exactness
    check has passed and is part of its manifest, its answers are calibrated, and the run keeps the epochs that it is
    made of.

    Args:
        folder: Made here.
        run: The run.
        context: Of the run.
        chosen: Group to epoch.
        blends: Group to mixed or several weights instead of one epoch.
        partial: Leave out the groups that are not finished, and those that read them.
        layers: Layers of verification, of all installed packages.
        progress: Is told how far each step is.

    Raises:
        PluginError: A layer fails.
        CheckpointError: The folder exists, a group is not finished or was trained on another epoch of a group that it
            reads, a checkpoint is damaged, or the model does not give what the run recorded.
    """
    blends = blends or {}
    if folder.exists():
        raise CheckpointError(f"{folder} exists; choose another folder or remove it")
    missing = unfinished_groups(run, context) if partial else {}
    if not partial:
        require_finished(run, context)
    context = finished_part(context, missing)
    for group in context.groups:
        _check_inputs(run, group, chosen, blends)
    add_references(run.path, _epochs_in_use(run, context, chosen, blends))
    seconds = dict[str, float]()
    with new_folder(folder) as building:
        make_folder(building / "groups")
        with timed(seconds, "link"):
            manifest = fill_folder(building, folder, run, context, chosen, blends, missing)
        with timed(seconds, "open"), _naming_sources(run, context, chosen, manifest):
            model = build_model(building, manifest, context.nodes, context.device, progress=progress)
        with timed(seconds, "validate"):
            results = validate_groups(model, context, progress)
        with timed(seconds, "compare"):
            checks = require_exact(model, context, results, progress)
        with timed(seconds, "rank"):
            answers = rank_answers(context, model.modules, results)
        with timed(seconds, "calibrate"):
            kinds = fit_kinds(context.store)
            calibration = calibrate(context, model.modules, answers, kinds, progress)
            files = dict(manifest.files) | _write_calibration(building, calibration, kinds)
            model = attrs.evolve(model, kinds=kinds)
        with timed(seconds, "limits"):
            if calibration is not None and context.store.has_texts:
                files |= _fit_limits(building, context, model, answers, calibration, layers, progress)
        manifest = attrs.evolve(manifest, checks=checks, answers=answers, files=files)
        MODEL_MANIFEST.write(building / "manifest.json", manifest)
        limits = read_limits(building, files, layers, {})
    model = attrs.evolve(
        model,
        folder=folder,
        manifest=manifest,
        engine=TorchEngine(folder, manifest),
        calibration=calibration,
        limits=limits,
        contexts=contexts_of(layers),
    )
    return Assembled(model, seconds)


@contextmanager
def _naming_sources(
    run: RunFolder, context: TrainingContext, chosen: Mapping[str, EpochEntry], manifest: ModelManifest
) -> Iterator[None]:
    """A damaged file has a name in the model that is removed, and one in the run or store, which a message says."""
    try:
        yield
    except CheckpointError:
        for name, entry in chosen.items():
            if name in manifest.groups:
                check_sha256(run.group(name).path / entry.file, entry.sha256)
        check_files(context.store.folder, manifest.files)
        raise


def _write_calibration(building: Path, calibration: Calibration | None, kinds: Kinds) -> dict[str, str]:
    """Write what the calibration split says of the answers; the files with their SHA-256, none without records."""
    if calibration is None:
        return {}
    make_folder(building / CALIBRATION_FOLDER)
    CALIBRATION.write(building / ANSWERS_FILE, calibration)
    return {ANSWERS_FILE: sha256(building / ANSWERS_FILE), **write_kinds(building, kinds)}


def _fit_limits(
    building: Path,
    context: TrainingContext,
    model: Model,
    answers: Mapping[str, tuple[AnswerSource, ...]],
    calibration: Calibration,
    layers: Sequence[ActiveLayer],
    progress: Progress,
) -> dict[str, str]:
    """Write what layers say of texts that the model answers; the files with their SHA-256."""

    def answered(texts: LayerTexts, rows: Tensor) -> LayerTexts:
        texts = add_answers(texts, model, answers, calibration, rows, context, progress)
        return add_training_cases(texts, context.store, rows)

    return fit_limits(building, context.store, layers, answered)


def _check_inputs(run: RunFolder, group: Group, chosen: Mapping[str, EpochEntry], blends: Mapping[str, Blend]) -> None:
    """A group goes with the epochs that it was trained on; one that is fitted on blends is blended itself."""
    if group.name in blends:
        return
    for name, fixed in run.group(group.name).read().inputs.items():
        if name in blends or name not in chosen or chosen[name].sha256 != fixed.sha256:
            found = "a blend" if name in blends else chosen[name].epoch if name in chosen else "nothing"
            raise CheckpointError(
                f"group '{group.name}' was trained on epoch {fixed.epoch} of '{name}', not on {found}; "
                f"take '{name}' at epoch {fixed.epoch}"
            )


def _epochs_in_use(
    run: RunFolder, context: TrainingContext, chosen: Mapping[str, EpochEntry], blends: Mapping[str, Blend]
) -> dict[str, set[int]]:
    """The epochs that the model is made of, for the run to keep.

    Raises:
        CheckpointError: A group that has finished weights is to be left out.
    """
    used: dict[str, set[int]] = {}
    for group in context.groups:
        candidates = run.group(group.name).read().candidates
        if group.name in blends:
            files = {file for member in blends[group.name].pick.members for file, _ in member}
            used[group.name] = {entry.epoch for entry in candidates if entry.file in files}
        elif group.name in chosen:
            used[group.name] = {chosen[group.name].epoch}
        elif candidates:
            raise CheckpointError(f"no epoch of group '{group.name}' is chosen; name one")
    return used
