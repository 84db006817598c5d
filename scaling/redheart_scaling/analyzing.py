"""A file of texts that the nodes of a cluster answer window by window; one process writes, each window once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import attrs

import redheart
from redheart import Model
from redheart.batch_lines import batch_form
from redheart.batches import BatchResult, Block, Window, analyze_file, answer_window
from redheart_core.contract.errors import CheckpointError, DataError
from redheart_export.opening import answering_sha256
from redheart_scaling.cluster import Asked, Resources, connected, in_order, require_room, resources_for

TASK = "analyze"
"""The name of the tasks."""


@attrs.frozen
class Answered:
    """What answers a window, and in which form."""

    model: str
    """Its folder, or the name of an installed model."""
    sha256: str
    """Of all that it answers by; see answering_sha256."""
    device: str
    country: str
    language: str | None
    output: str
    """Whose ending says the form."""
    details: bool


def analyze_on_ray(
    model: Model,
    source: Path,
    output: Path,
    address: str,
    asked: Asked | None = None,
    *,
    column: str | None = None,
    language: str | None = None,
    details: bool = False,
    progress: bool = True,
) -> BatchResult:
    """What a model says of each text of a file, as Model.analyze_file gives it.

    The nodes see the model's folder at the same path. They get the texts through the memory of the cluster, and this
    process alone writes, so that each window is in the output once whatever nodes are lost. Called again, it goes on
    behind the last whole window.

    Args:
        model: As redheart.load gives it, like all that is not named here as for Model.analyze_file.
        address: Of the cluster; see connected.
        asked: What tasks ask of a node beyond the defaults; the name of all of them is TASK.

    Raises:
        RedheartError: As Model.analyze_file, or the cluster cannot be used.
    """
    if model.cases is not None:
        raise DataError("a memory of cases is one file or database that no task opens; leave the memory or --ray out")
    folder = model.folder.resolve()
    what = Answered(
        model=str(folder),
        sha256=answering_sha256(folder),
        device=str(model.assembled.device),
        country=model.safety.country,
        language=language,
        output=output.name,
        details=details,
    )
    device, threads = model.assembled.device, model.assembled.manifest.training.threads
    wanted = resources_for({TASK: Resources(cpus=threads, gpus=1.0 if device.type == "cuda" else 0.0)}, asked or {})
    with connected(address) as ray:
        require_room(ray, wanted)
        return analyze_file(
            model,
            source,
            output,
            column=column,
            language=language,
            details=details,
            progress=progress,
            answering=lambda windows: in_order(ray, TASK, answer_one_window, wanted[TASK], what, windows),
        )


def answer_one_window(what: Answered, window: Window) -> Block:
    """The task: what the model says of a window."""
    model = _model(what)
    return answer_window(model, batch_form(model, Path(what.output), what.details), what.language, window)


@lru_cache(maxsize=1)
def _model(what: Answered) -> Model:
    """The model, which a process loads once.

    Raises:
        CheckpointError: This node has another one.
    """
    model = redheart.load(what.model, device=what.device, country=what.country)
    found = answering_sha256(model.folder)
    if found != what.sha256:
        raise CheckpointError(
            f"{what.model} is another model on a node (what it answers by has the SHA-256 {found}, expected "
            f"is {what.sha256}); put the model where all nodes see it"
        )
    return model
