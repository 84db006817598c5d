"""What a whole model answers, learnt by a small one: a run whose training labels are the answers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from redheart.loading import load
from redheart.options import PluginChoice
from redheart.sessions import session_of_model
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, SettingsError
from redheart_core.contract.tensors import has_any
from redheart_core.groups.fused_for import own_fields
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_core.models.model import Model
    from redheart_core.training.context import TrainingContext


@attrs.frozen
class Taught:
    """A task that is learnt from answers."""

    field: str
    labelled: int
    """Training records that have a label of their own."""
    answered: int
    """Those that have one now."""


@attrs.frozen
class Distilled:
    """A run that learns what a model answers."""

    run: Path
    groups: tuple[str, ...]
    fields: tuple[Taught, ...]
    own: tuple[str, ...]
    """Tasks that the model does not answer and that are learnt from the labels of the data set."""


def distill(
    model: str | Path,
    output: str | Path,
    *,
    students: Sequence[str] = ("linear",),
    run: str | Path | None = None,
) -> Distilled:
    """Begin a run in which other plugins learn what a model answers (Hinton, Vinyals and Dean 2015).

    The labels of the training records are the model's answer on each task, also where a record had no label. Those of
    the other records stay as they are, so that epochs are chosen, answers are calibrated and the new model is
    evaluated on what was given.

    Args:
        model: Folder of an assembled model.
        output: Folder of the run, made here; train(output=..., resume=True) goes on there.
        students: Plugins that learn.
        run: Folder of the model's run, if it has moved.

    Raises:
        CheckpointError: The output exists, the model has no run, or the run is another one, or a group of the model
            cannot answer on this machine.
        SettingsError: A student is no plugin, or none learns a task that the model answers.
    """
    folder, place = find_path(model), find_path(output)
    if place.exists():
        raise CheckpointError(f"{place} exists already; name another folder for the run")
    session = session_of_model(folder, run)
    from redheart_core.data.store import Store
    from redheart_core.data.taught import teach
    from redheart_core.runs.describe import describe
    from redheart_core.runs.run import RunFolder
    from redheart_core.storage.new_folder import new_folder
    from redheart_core.training.context import TrainingContext
    from redheart_export.opening import answering_sha256

    teacher = load(folder).assembled
    teacher.require_whole()
    store, training = session.context.store, session.context.settings
    nodes = PluginChoice.of(None, students, "all").load().nodes(training.scale)
    context = TrainingContext.prepare(store, nodes, training, {})  # answers take no field away and give no new one
    learnt = _learnt(context)
    answered = learnt & teacher.manifest.answers.keys()
    if not answered:
        tasks = ", ".join(sorted(teacher.manifest.answers))
        raise SettingsError(
            f"{', '.join(students)} learns nothing that the model answers: {tasks}; name another student"
        )
    with keeping_threads(training.threads), new_folder(place) as building:
        teach(store, building / "store", _answers(teacher, session.context), answering_sha256(folder))
        taught = Store.open(building / "store")
        RunFolder(building).begin(describe(building, context.nodes, context.groups, training, taught))
    rows = store.rows("train")
    return Distilled(
        place,
        tuple(group.name for group in context.groups),
        tuple(
            Taught(name, *(int(has_any(one).sum()) for one in (store.target(name)[rows], taught.target(name)[rows])))
            for name in sorted(answered)
        ),
        tuple(sorted(learnt - answered)),
    )


def _learnt(context: TrainingContext) -> set[str]:
    """The fields that the groups learn."""
    return {name for group in context.groups for name in own_fields(group, context.store.fields)}


def _answers(model: Model, context: TrainingContext) -> dict[str, Tensor]:
    """Field to the model's own answer on it for the training records, (N, *shape); shares in place of counts."""
    from redheart_export.inputs import inputs_of_rows

    rows = context.store.rows("train")
    found = {field: torch.full((len(rows), *model.fields[field].shape), torch.nan) for field in model.manifest.answers}
    for part in context.source.fixed_order(rows):
        outputs = inputs_of_rows(model, context.source, part).answers(model)[0]
        places = torch.searchsorted(rows, part)
        for field, answers in found.items():
            source = model.manifest.answers[field][0]
            answers[places] = outputs[f"{source.plugin}.{source.output}"]
    return found
