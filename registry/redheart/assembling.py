"""From the epochs of a run to a model folder that is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from redheart.sessions import Session, open_model
from redheart_core.contract.errors import RedheartError

if TYPE_CHECKING:
    from redheart_core.models.assembly import ExactnessCheck
    from redheart_core.runs.manifest import EpochEntry


def assemble_epochs(
    session: Session, folder: Path, chosen: Mapping[str, EpochEntry], epochs: Mapping[str, int]
) -> list[ExactnessCheck]:
    """Assemble one epoch of each group, and check the model.

    Args:
        session: Of the run.
        folder: Made here.
        chosen: Group to epoch.
        epochs: Groups that are taken at another one.

    Raises:
        RedheartError: There is no such group or epoch.
        CheckpointError: As assemble and check_exactness.
    """
    from redheart_core.models.assembly import assemble, check_exactness
    from redheart_core.runs.retention import add_references
    from redheart_core.storage.files import writing

    taken = dict(chosen)
    for group, number in epochs.items():
        if group not in taken:
            raise RedheartError(f"there is no group '{group}' in the run (groups: {', '.join(taken)})")
        entry = session.run.group(group).read().entry(number)
        if entry is None:
            raise RedheartError(f"epoch {number} of group '{group}' is not on disk")
        taken[group] = entry
    add_references(session.run.path, {group: (entry.epoch,) for group, entry in taken.items()})
    with writing(folder):
        assemble(folder, session.run, session.context, taken)
    _, model = open_model(folder, session.context.settings.device)
    return check_exactness(model, session.context)


def assemble_method(session: Session, folder: Path, method: str) -> list[ExactnessCheck]:
    """Assemble what a method of the comparison makes of each group, and check the model.

    Raises:
        CheckpointError: As blend_groups, assemble and check_exactness.
    """
    from redheart_core.models.assembly import assemble, check_exactness
    from redheart_core.models.blending import blend_groups
    from redheart_core.runs.retention import add_references
    from redheart_core.storage.files import writing

    chosen, blends = blend_groups(session.run, session.context, method)
    used: dict[str, tuple[int, ...]] = {group: (entry.epoch,) for group, entry in chosen.items()}
    for group, blend in blends.items():
        used[group] = blend.pick.epochs(session.run.group(group).read())
    add_references(session.run.path, used)
    with writing(folder):
        assemble(folder, session.run, session.context, chosen, blends)
    _, model = open_model(folder, session.context.settings.device)
    return check_exactness(model, session.context)
