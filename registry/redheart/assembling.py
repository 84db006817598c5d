"""From the epochs of a run to a model folder that is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.progress import Display
from redheart.sessions import Session
from redheart_core.contract.errors import RedheartError

if TYPE_CHECKING:
    from redheart_core.models.assembly import Assembled
    from redheart_core.runs.manifest import EpochEntry


def assemble_epochs(
    session: Session,
    folder: Path,
    chosen: Mapping[str, EpochEntry],
    epochs: Mapping[str, int],
    partial: bool,
    display: Display,
) -> Assembled:
    """Assemble one epoch of each group; the exactness check is part of it.

    Args:
        session: Of the run.
        folder: Made here.
        chosen: Group to epoch.
        epochs: Groups that are taken at another one.
        partial: Leave out groups that are not finished, and those that read them.
        display: Shows how far it is.

    Raises:
        RedheartError: There is no such group or epoch.
        CheckpointError: As assemble.
    """
    from redheart_core.models.assembly import assemble
    from redheart_registry.standing import sound_layers

    taken = dict(chosen)
    for group, number in epochs.items():
        if group not in taken:
            raise RedheartError(f"there is no group '{group}' in the run (groups: {', '.join(taken)})")
        written = session.run.group(group).read()
        entry = written.entry(number)
        if entry is None:
            there = ", ".join(str(one.epoch) for one in written.epochs)
            raise RedheartError(f"epoch {number} of group '{group}' is not on disk (there are: {there}); choose one")
        taken[group] = entry
    run, layers = session.run, sound_layers()
    return assemble(folder, run, session.context, taken, partial=partial, layers=layers, progress=display.progress)


def assemble_method(session: Session, folder: Path, method: str, display: Display) -> Assembled:
    """Assemble what a method of the comparison makes of each group; the exactness check is part of it.

    Raises:
        CheckpointError: As blend_groups and assemble.
    """
    from redheart_core.models.assembly import assemble
    from redheart_core.models.blending import blend_groups
    from redheart_core.models.finished import require_finished
    from redheart_core.models.steps import timed
    from redheart_registry.standing import sound_layers

    require_finished(session.run, session.context)
    seconds = dict[str, float]()
    with timed(seconds, "choose"):
        chosen, blends = blend_groups(session.run, session.context, method)
    run, layers = session.run, sound_layers()
    made = assemble(folder, run, session.context, chosen, blends, layers=layers, progress=display.progress)
    return attrs.evolve(made, seconds={**seconds, **made.seconds})
