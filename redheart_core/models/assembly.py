"""From the epochs of a run to a model folder that has proved to give what the run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.layers import LayerTexts
from redheart_core.groups.group import Group
from redheart_core.models.answering import rank_answers
from redheart_core.models.calibrating import calibrate
from redheart_core.models.calibration import ANSWERS_FILE, CALIBRATION
from redheart_core.models.exactness import require_exact, validate_groups
from redheart_core.models.finished import finished_part, require_finished, unfinished_groups
from redheart_core.models.layer_answers import add_answers
from redheart_core.models.limits import ActiveLayer
from redheart_core.models.limits_fitting import fit_limits
from redheart_core.models.manifest import (
    CALIBRATION_FOLDER,
    MODEL_MANIFEST,
    PARTS,
    AnswerSource,
    LabelStatistics,
    ModelGroup,
    ModelManifest,
    WeightsFile,
)
from redheart_core.models.model import Model, build_model
from redheart_core.models.provenance import learnt_from
from redheart_core.models.similar import add_training_cases
from redheart_core.nn.answers import as_shares
from redheart_core.runs.accounts import AUDIT, Audit
from redheart_core.runs.describe import describe_data, describe_nodes, relative_path
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.retention import add_references
from redheart_core.runs.run import RunFolder
from redheart_core.selection.picks import Pick
from redheart_core.storage.files import check_sha256, make_folder, save_tensors, sha256
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.placing import can_link, place
from redheart_core.training.context import TrainingContext, usable_fields


@attrs.frozen(eq=False)
class Blend:
    """What a group was made into out of several epochs."""

    pick: Pick
    epochs: str
    """For people."""
    states: tuple[Mapping[str, Tensor], ...]
    """The weights of each member."""
    validation_loss: float
    metrics: Mapping[str, float | None]
    thresholds: Mapping[str, Sequence[float | None]]


def assemble(
    folder: Path,
    run: RunFolder,
    context: TrainingContext,
    chosen: Mapping[str, EpochEntry],
    blends: Mapping[str, Blend] | None = None,
    *,
    partial: bool = False,
    layers: Sequence[ActiveLayer] = (),
) -> ModelManifest:
    """Put every group into a model folder: the chosen epoch, linked and not rewritten, or what it was blended to.

    The model becomes visible when it is whole: its files are in place, the exactness check has passed and is part of
    its manifest, its answers are calibrated, and the run keeps the epochs that it is made of.

    Args:
        folder: Made here.
        run: The run.
        context: Of the run.
        chosen: Group to epoch.
        blends: Group to mixed or several weights instead of one epoch.
        partial: Leave out the groups that are not finished, and those that read them.
        layers: Layers of verification, of all installed packages.

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
    with new_folder(folder) as building:
        make_folder(building / "groups")
        manifest = _fill(building, folder, run, context, chosen, blends, missing)
        model = build_model(building, manifest, context.nodes, context.device)
        results = validate_groups(model, context)
        checks = require_exact(model, context, results)
        answers = rank_answers(context, model.modules, results)
        files = {**manifest.files, **_calibrate(building, context, model, answers, layers)}
        manifest = attrs.evolve(manifest, checks=checks, answers=answers, files=files)
        MODEL_MANIFEST.write(building / "manifest.json", manifest)
    return manifest


def _fill(
    building: Path,
    folder: Path,
    run: RunFolder,
    context: TrainingContext,
    chosen: Mapping[str, EpochEntry],
    blends: Mapping[str, Blend],
    missing: Mapping[str, str],
) -> ModelManifest:
    """Put the files into place; the manifest lacks what validation says of the model."""
    link, audit = can_link(run.file, building), AUDIT.read(run.path / "audit.json")
    groups = {}
    for group in context.groups:
        stored = ModelGroup(
            group.tier,
            tuple(node.name for node in group.nodes),
            group.reads,
            group.languages,
            untrained=_untrained(context, group, audit),
            learnt_from=learnt_from(context, group),
        )
        if group.name in blends:
            stored = _place_blend(building, group.name, stored, blends[group.name])
        elif group.name in chosen:
            source = run.group(group.name).path / chosen[group.name].file
            stored = _place_epoch(building, group.name, stored, chosen[group.name], source, link)
        groups[group.name] = stored
    return ModelManifest(
        groups=groups,
        missing=dict(missing),
        nodes=describe_nodes(context.nodes),
        training=context.settings,
        data=describe_data(context.store, folder),
        usable=tuple(sorted(usable_fields(context.store))),
        statistics=target_statistics(context),
        files=_place_parts(building, context.store.folder),
        run=relative_path(run.path, folder),
        origin=run.read().origin,
        answers={},
        checks=(),
    )


def _calibrate(
    building: Path,
    context: TrainingContext,
    model: Model,
    answers: Mapping[str, tuple[AnswerSource, ...]],
    layers: Sequence[ActiveLayer],
) -> dict[str, str]:
    """Write what the calibration split says of the model; the files with their SHA-256, none without records."""
    calibration = calibrate(context, model.modules, answers)
    if calibration is None:
        return {}
    make_folder(building / CALIBRATION_FOLDER)
    CALIBRATION.write(building / ANSWERS_FILE, calibration)

    def answered(texts: LayerTexts, rows: Tensor) -> LayerTexts:
        texts = add_answers(texts, model, answers, calibration, rows, context.store)
        return add_training_cases(texts, context.store, rows)

    limits = fit_limits(building, context.store, layers, answered) if context.store.has_texts else {}
    return {ANSWERS_FILE: sha256(building / ANSWERS_FILE), **limits}


def _untrained(context: TrainingContext, group: Group, audit: Audit) -> tuple[str, ...]:
    """Parameters of a group that training on texts of one chunk has left as they were."""
    rows = context.training_rows(group)
    if len(rows) and int(context.store.chunk_counts[rows].max()) > 1:
        return ()
    idle = (one for one in audit.accounts if one.group == group.name and one.state == "idle")
    return tuple(f"{one.plugin}.{one.name}" for one in idle)


def _place_epoch(
    building: Path, group: str, stored: ModelGroup, entry: EpochEntry, source: Path, link: bool
) -> ModelGroup:
    file = f"groups/{group}.safetensors"
    check_sha256(source, entry.sha256)
    place(source, building / file, link=link)
    return attrs.evolve(
        stored,
        files=(WeightsFile(file, entry.sha256, {entry.file: 1.0}),),
        epoch=entry.epoch,
        averaged=entry.averaged,
        epochs=entry.name,
        validation_loss=entry.validation_loss,
        metrics=entry.metrics,
        thresholds=entry.thresholds,
    )


def _place_blend(building: Path, group: str, stored: ModelGroup, blend: Blend) -> ModelGroup:
    files = []
    for number, (member, state) in enumerate(zip(blend.pick.members, blend.states, strict=True), 1):
        file = f"groups/{group}-{number}.safetensors"
        files.append(WeightsFile(file, save_tensors(building / file, dict(state)), dict(member)))
    return attrs.evolve(
        stored,
        files=tuple(files),
        method=blend.pick.method,
        epochs=blend.epochs,
        validation_loss=blend.validation_loss,
        metrics=blend.metrics,
        thresholds=blend.thresholds,
    )


def _place_parts(building: Path, store: Path) -> dict[str, str]:
    """Encoder and terms of the store, with their SHA-256."""
    link, files = can_link(store / "index.json", building), {}
    for source in sorted(path for part in PARTS for path in (store / part).rglob("*") if path.is_file()):
        name = source.relative_to(store).as_posix()
        make_folder((building / name).parent)
        place(source, building / name, link=link)
        files[name] = sha256(source)
    return files


def target_statistics(context: TrainingContext) -> dict[str, dict[str, LabelStatistics]]:
    """Mean and standard deviation of every label over the training records, by field and label; shares of counts.

    None for the mean of no number and the deviation of fewer than two; of a constant it is exactly 0.
    """
    rows, statistics = context.store.rows("train"), {}
    for name in sorted({target for group in context.groups for target in group.targets}):
        field = context.store.fields[name]
        columns = as_shares(field, context.store.target(name)[rows].double()).reshape(len(rows), -1)
        table: dict[str, LabelStatistics] = {}
        for index, label in enumerate(field.elements):
            column = columns[:, index]
            found = column[~column.isnan()]
            spread = float(found.std()) if len(found) > 1 else None
            constant = len(found) > 1 and bool((found == found[0]).all())
            mean = float(found.mean()) if len(found) else None
            table[label] = LabelStatistics(mean, 0.0 if constant else spread, len(found))
        statistics[name] = table
    return statistics


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
