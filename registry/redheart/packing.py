"""An assembled model measured on its test split and copied into a folder that can be given away."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from redheart.finding import find_model
from redheart.loading import load
from redheart.models import Model
from redheart.progress import make_display
from redheart.sessions import session_of_model
from redheart.threads import keeping_threads
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_model_folder


def pack(model: str | Path, output: str | Path, *, without: Collection[str] = (), progress: bool = True) -> Model:
    """Copy a model into a folder of its own, with its figures on the test split of each data set.

    A model that was packed before, or whose run is gone, keeps the figures that it has.

    Args:
        model: A folder or the name of an installed model.
        output: Made here.
        without: Groups that are left out; the files of all others stay as they are.
        progress: Whether progress is shown on stderr.

    Raises:
        CheckpointError: The output exists, the model was exported, a file is damaged, there is no such group, or
            another one reads it.
    """
    from redheart_core.evaluation.measuring import measure
    from redheart_core.models.manifest import read_manifest
    from redheart_core.models.packing import pack_model
    from redheart_export.opening import require_weights

    folder, _ = find_model(model)
    require_model_folder(folder)
    target = find_path(output)
    manifest, found = read_manifest(folder), None
    require_weights(folder, "pack the model that it was made from, and export the packed one")
    if manifest.run:
        with make_display(progress) as display:
            session = session_of_model(folder, display=display)
            with keeping_threads(session.context.settings.threads):
                found = measure(load(folder).assembled, session.context)
    pack_model(folder, target, without, found)
    return load(target)
