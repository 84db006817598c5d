"""A model for other runtimes: its groups as ONNX graphs, compared with PyTorch on texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.analyzing import read_record
from redheart.models import Model, load
from redheart.options import PluginChoice
from redheart.sessions import open_session, run_of_model
from redheart.text_files import read_text_file
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, DataError
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_core.training.context import TrainingContext
    from redheart_export.inputs import ModelInputs
    from redheart_export.manifest import ExportManifest


@attrs.frozen
class Exported:
    """A model that was exported."""

    folder: Path
    manifest: ExportManifest

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of the graphs, of what several of them share, of each other folder, of the single files, and of all."""
        found = Counter[str]()
        for file in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            folder = file.relative_to(self.folder).parts[:-1]
            part = (folder or ("manifests",))[0]
            found["shared by graphs" if file.suffix == ".bin" and part == "groups" else part] += file.stat().st_size
        return {**found, "all": found.total()}


def export(
    model: str | Path | None,
    output: str | Path,
    *,
    texts: str | Path | None = None,
    run: str | Path | None = None,
    allow_partial: bool = False,
    int8: bool = False,
) -> Exported:
    """Export a model into a folder that load opens as any other; ONNX Runtime answers there.

    Args:
        model: As load.
        output: Folder, made here.
        texts: A file with texts, as Model.analyze_file takes it, on which the answers are compared with PyTorch's; the
            validation records of the model's run if left out.
        run: Folder of the run, if it has moved.
        allow_partial: Keep groups that cannot be exported on PyTorch.
        int8: Compute linear layers with int8 weights in every graph that gets smaller by that. Measured on the run,
            unless texts are given, is what each group loses.

    Raises:
        DataError: A text cannot be analyzed.
        CheckpointError: The output exists, there is nothing to compare the answers on, or some groups cannot be
            exported and allow_partial is false; the message names them with the reasons.
    """
    loaded, folder = load(model), find_path(output)
    if texts is not None and run is not None:
        raise CheckpointError("texts and a run are both given to compare the answers on; give one of them")
    from redheart_export.inputs import inputs_of_validation
    from redheart_export.writing import export_model

    assembled, context = loaded.assembled, None
    if texts is None:
        context, source = _run_of(loaded, run)
        inputs = inputs_of_validation(assembled, context)
    else:
        inputs, source = _of_file(loaded, find_path(texts)), str(texts)
    with keeping_threads(assembled.manifest.training.threads):
        return Exported(folder, export_model(assembled, folder, inputs, source, allow_partial, int8, context))


def _of_file(model: Model, path: Path) -> Iterator[ModelInputs]:
    from redheart_export.inputs import inputs_of_texts

    texts = []
    for where, one in read_text_file(path):
        if isinstance(one, DataError):
            raise one
        texts.append(read_record(model, one, where, None))
    yield from inputs_of_texts(model.assembled, model.encoder, texts)


def _run_of(model: Model, run: str | Path | None) -> tuple[TrainingContext, str]:
    """What the model was assembled from, and its name for people."""
    if run is None and not model.assembled.manifest.run:
        raise CheckpointError(
            f"{model.title} knows no run, so that there is nothing to compare its exported answers on; name a file "
            "with texts by --texts, or the folder of the run by --run"
        )
    folder = run_of_model(model.folder) if run is None else find_path(run)
    session = open_session(folder, PluginChoice())
    different = model.assembled.manifest.data.differences(session.run.read().data)
    if different:
        raise CheckpointError(
            f"{model.title} was not assembled from {folder}: {', '.join(different)} of the data differs"
        )
    return session.context, f"the validation records of {folder.resolve().name}"
