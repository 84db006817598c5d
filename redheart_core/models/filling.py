"""The files of a run and its store in a model folder: linked where the file system can, and named by a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from torch import Tensor

from redheart_core.data.store import Store
from redheart_core.groups.group import Group
from redheart_core.models.manifest import PARTS, LabelStatistics, ModelGroup, ModelManifest, WeightsFile
from redheart_core.models.provenance import learnt_from
from redheart_core.nn.answers import as_shares
from redheart_core.runs.accounts import AUDIT, Audit
from redheart_core.runs.describe import describe_data, describe_nodes, relative_path
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.run import RunFolder
from redheart_core.selection.picks import Pick
from redheart_core.storage.files import make_folder, require_file, save_tensors
from redheart_core.storage.placing import can_link, place
from redheart_core.training.context import TrainingContext
from redheart_core.training.trainable import usable_fields


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


def fill_folder(
    building: Path,
    folder: Path,
    run: RunFolder,
    context: TrainingContext,
    chosen: Mapping[str, EpochEntry],
    blends: Mapping[str, Blend],
    missing: Mapping[str, str],
) -> ModelManifest:
    """Put the files into place; the manifest lacks what validation says of the model."""
    link, audit, description = can_link(run.file, building), AUDIT.read(run.path / "audit.json"), run.read()
    groups = {}
    for group in context.groups:
        stored = ModelGroup(
            group.tier,
            tuple(node.name for node in group.nodes),
            group.reads,
            group.languages,
            untrained=_untrained(context, group, audit),
            learnt_from=learnt_from(context, group, description.learnt),
            started=group.name in description.starts,
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
        files=_place_parts(building, context.store),
        run=relative_path(run.path, folder),
        origin=description.origin,
        answers={},
        checks=(),
    )


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
    require_file(source)
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


def _place_parts(building: Path, store: Store) -> dict[str, str]:
    """Encoder, terms and tokenizers of the store, with their SHA-256."""
    link = can_link(store.folder / "index.json", building)
    files = {name: one.sha256 for name, one in store.index.files.items() if name.partition("/")[0] in PARTS}
    for name in sorted(files):
        require_file(store.folder / name)
        make_folder((building / name).parent)
        place(store.folder / name, building / name, link=link)
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
