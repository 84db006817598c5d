"""A run whose groups begin at the weights of a model, such as one that is trained on with further data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.finding import find_model
from redheart.sessions import Session
from redheart_core.contract.errors import CheckpointError, SettingsError

if TYPE_CHECKING:
    from torch import Tensor

    from redheart_core.models.manifest import ModelManifest
    from redheart_core.models.starting import Start


def trained_from(session: Session, model: str | Path | None, say: Callable[[str], None]) -> Session:
    """A session whose short or tried trainings begin as a run does that begin_at begins; nothing is written.

    Args:
        session: Of a sweep or a search.
        model: As for begin_at; None begins without one.
        say: As for begin_at.

    Raises:
        SettingsError: As begin_at.
        CheckpointError: As begin_at; or the folder holds a run that begins at a model, and none is given.
    """
    run, context = session.run, session.context
    if model is None:
        if run.starts:
            raise CheckpointError(f"{run.path} begins at a model; give it with --start-from, or choose another folder")
        return session
    from redheart_core.storage.files import hash_tensors
    from redheart_core.training.epoch_zero import require_beginnings

    found, reasons = dict[str, Mapping[str, "Tensor"]](), dict[str, str]()
    title, _, starts = _read_starts(session, model)
    for start in starts:
        if start.why:
            reasons[start.group] = start.why
        else:
            found[start.group] = start.weights
    _require_some(title, found, reasons)
    if run.exists:
        _require_begun_at(session, title, {name: hash_tensors(weights) for name, weights in found.items()})
    require_beginnings(context, found)
    _say_starts(title, found, reasons, say)
    return attrs.evolve(session, context=attrs.evolve(context, starts=found))


def begin_at(session: Session, model: str | Path, say: Callable[[str], None]) -> None:
    """Begin a run at a model, or check that a run which others began is at it.

    Args:
        session: Of the run.
        model: Folder of an assembled model, or the name of an installed one.
        say: Gets a line for every group that begins anew, and why.

    Raises:
        SettingsError: No group can begin at the model, or one without epochs would begin at random weights.
        CheckpointError: The folder is no model or an export, a file is damaged, or the run was begun otherwise.
    """
    from redheart_core.runs.describe import describe
    from redheart_core.storage.files import hash_tensors
    from redheart_core.training.epoch_zero import require_beginnings

    run, context = session.run, session.context
    found, reasons = dict[str, str](), dict[str, str]()
    title, manifest, starts = _read_starts(session, model)
    for start in starts:
        if start.why:
            reasons[start.group] = start.why
        elif run.exists:
            found[start.group] = hash_tensors(start.weights)
        else:
            found[start.group] = run.add_start(start.group, start.weights)
    _require_some(title, found, reasons)
    if run.exists:
        _require_begun_at(session, title, found)
        return
    require_beginnings(context, found)
    description = describe(run.path, context.nodes, context.groups, context.settings, context.store)
    learnt = {name: manifest.groups[name].learnt_from for name in found}
    run.begin(attrs.evolve(description, starts=found, learnt=learnt))
    _say_starts(title, found, reasons, say)


def _read_starts(session: Session, model: str | Path) -> tuple[str, ModelManifest, Iterator[Start]]:
    """What a model is called, its manifest, and each group as it begins, whose weights are read one after another."""
    from redheart_core.models.manifest import read_manifest
    from redheart_core.models.starting import starts
    from redheart_export.opening import require_weights

    folder, title = find_model(model)
    manifest = read_manifest(folder)
    require_weights(folder, "begin at the model that it was made from, which has the weights")
    return title, manifest, starts(session.context, folder, manifest)


def _require_some(title: str, found: Collection[str], reasons: Mapping[str, str]) -> None:
    if not found:
        why = "; ".join(f"{group}: {reason}" for group, reason in reasons.items())
        raise SettingsError(
            f"no group can begin at {title}: {why or 'all are fitted in closed form'}; leave --start-from out, or name "
            "a model of the same plugins"
        )


def _require_begun_at(session: Session, title: str, found: Mapping[str, str]) -> None:
    if session.run.starts != found:
        raise CheckpointError(
            f"{session.run.path} was begun without {title}, or at another model; choose another folder"
        )


def _say_starts(title: str, found: Collection[str], reasons: Mapping[str, str], say: Callable[[str], None]) -> None:
    say(f"begin at {title}: {', '.join(found)}")
    for group, reason in reasons.items():
        say(f"{group} begins anew: {reason}")
