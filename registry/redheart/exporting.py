"""A model for other runtimes: its groups as ONNX graphs, compared with PyTorch on texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.analyzing import read_record
from redheart.loading import load
from redheart.models import Model
from redheart.sessions import session_of_model
from redheart.text_files import read_text_file
from redheart.threads import keeping_threads
from redheart_core.contract.errors import CheckpointError, DataError
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_core.training.context import TrainingContext
    from redheart_export.inputs import ModelInputs
    from redheart_export.manifest import ExportManifest
    from redheart_export.pruning import Pruning

APART = 4
"""Of so many texts a model is compared on one, if it is pruned on the others."""


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
    prune: float | None = None,
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
        prune: Share of the hidden units of feed-forward blocks that is removed, above 0 and below 1, likewise measured.
            Units are chosen on training records of the run; of texts on three of four, and answers are compared on the
            fourth.

    Raises:
        DataError: A text cannot be analyzed, or there are too few records to prune on.
        SettingsError: No such share of units can be removed.
        CheckpointError: The output exists, there is nothing to compare the answers on, or some groups cannot be
            exported and allow_partial is false; the message names them with the reasons.
    """
    loaded, folder = load(model), find_path(output)
    if texts is not None and run is not None:
        raise CheckpointError("texts and a run are both given to compare the answers on; give one of them")
    from redheart_export.writing import export_model

    if prune is not None:
        from redheart_export.pruning import check_share

        check_share(prune)
    with keeping_threads(loaded.assembled.manifest.training.threads):
        given = _of_run(loaded, run, prune) if texts is None else _of_file(loaded, find_path(texts), prune)
        return Exported(
            folder,
            export_model(
                loaded.assembled, folder, given.inputs, given.source, allow_partial, int8, given.context, given.pruning
            ),
        )


@attrs.frozen(eq=False)
class _Given:
    """What an exported model is compared on, and what it is pruned on."""

    inputs: Iterable[ModelInputs]
    source: str
    context: TrainingContext | None
    pruning: Pruning | None


def _of_file(model: Model, path: Path, prune: float | None) -> _Given:
    from redheart_export.inputs import inputs_of_texts
    from redheart_export.pruning import Pruning

    texts = []
    for where, one in read_text_file(path):
        if isinstance(one, DataError):
            raise one
        texts.append(read_record(model, one, where, None))
    if prune is None:
        return _Given(inputs_of_texts(model.assembled, model.encoder, texts), str(path), None, None)
    used = [text for number, text in enumerate(texts) if number % APART]
    inputs, others = (inputs_of_texts(model.assembled, model.encoder, some) for some in (used, texts[::APART]))
    return _Given(
        others,
        f"every {APART}th text of {path}",
        None,
        Pruning(prune, inputs, f"the other {len(used)} texts of {path}"),
    )


def _of_run(model: Model, run: str | Path | None, prune: float | None) -> _Given:
    from redheart_export.inputs import inputs_of_training, inputs_of_validation
    from redheart_export.pruning import Pruning

    context, name = _run_of(model, run)
    pruning = None
    if prune is not None:
        pruning = Pruning(prune, inputs_of_training(model.assembled, context), f"training records of {name}")
    inputs = inputs_of_validation(model.assembled, context)
    return _Given(inputs, f"the validation records of {name}", context, pruning)


def _run_of(model: Model, run: str | Path | None) -> tuple[TrainingContext, str]:
    """What the model was assembled from, and its name for people."""
    if run is None and not model.assembled.manifest.run:
        raise CheckpointError(
            f"{model.title} knows no run, so that there is nothing to compare its exported answers on; name a file "
            "with texts by --texts, or the folder of the run by --run"
        )
    session = session_of_model(model.folder, run)
    return session.context, session.run.path.resolve().name
