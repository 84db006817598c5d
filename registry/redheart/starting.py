"""A run whose groups begin at the weights of a model, such as one that is trained on with further data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from redheart.finding import find_model
from redheart.sessions import Session
from redheart_core.contract.errors import CheckpointError, SettingsError


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
    from redheart_core.models.manifest import read_manifest
    from redheart_core.models.starting import starts
    from redheart_core.runs.describe import describe
    from redheart_core.storage.files import hash_tensors
    from redheart_core.training.epoch_zero import require_beginnings
    from redheart_export.opening import require_weights

    run, context, (folder, title) = session.run, session.context, find_model(model)
    manifest = read_manifest(folder)
    require_weights(folder, "begin at the model that it was made from, which has the weights")
    found, reasons = dict[str, str](), dict[str, str]()
    for start in starts(context, folder, manifest):
        if start.why:
            reasons[start.group] = start.why
        elif run.exists:
            found[start.group] = hash_tensors(start.weights)
        else:
            found[start.group] = run.add_start(start.group, start.weights)
    if not found:
        why = "; ".join(f"{group}: {reason}" for group, reason in reasons.items())
        raise SettingsError(
            f"no group can begin at {title}: {why or 'all are fitted in closed form'}; leave --start-from out, or name "
            "a model of the same plugins"
        )
    if run.exists:
        if run.starts != found:
            raise CheckpointError(f"{run.path} was begun without {title}, or at another model; choose another folder")
        return
    require_beginnings(context, found)
    description = describe(run.path, context.nodes, context.groups, context.settings, context.store)
    learnt = {name: manifest.groups[name].learnt_from for name in found}
    run.begin(attrs.evolve(description, starts=found, learnt=learnt))
    say(f"begin at {title}: {', '.join(found)}")
    for group, reason in reasons.items():
        say(f"{group} begins anew: {reason}")
