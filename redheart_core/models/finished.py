"""Which groups of a run are finished, so that a model may hold them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.groups.group import Group
from redheart_core.models.engine import needs_weights
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext


def unfinished_groups(run: RunFolder, context: TrainingContext) -> dict[str, str]:
    """Groups that no model may hold yet, with the reason: those without finished weights, and those that read them."""
    missing: dict[str, str] = {}
    for group in context.groups:
        reason = _why_unfinished(run, context, group)
        below = [name for name in group.reads if name in missing]
        if reason:
            missing[group.name] = reason
        elif below:
            missing[group.name] = f"it reads {', '.join(below)}"
    return missing


def require_finished(run: RunFolder, context: TrainingContext) -> None:
    """Refuse a run with groups that are not finished.

    Raises:
        CheckpointError: Names them, with the command that goes on.
    """
    missing = unfinished_groups(run, context)
    if missing:
        title = (
            f"some groups of {run.path} are not finished; go on with redheart train --resume -o {run.path}, or leave "
            "them and all that read them out of the model with --partial:"
        )
        raise CheckpointError(join_complaints(title, [f"{name}: {reason}" for name, reason in missing.items()]))


def finished_part(context: TrainingContext, missing: Mapping[str, str]) -> TrainingContext:
    """The same data with the other groups alone."""
    groups = tuple(group for group in context.groups if group.name not in missing)
    if not groups:
        raise CheckpointError("no group is finished; go on with redheart train --resume -o RUN")
    names = {node.name for group in groups for node in group.nodes}
    return attrs.evolve(context, groups=groups, nodes=tuple(node for node in context.nodes if node.name in names))


def _why_unfinished(run: RunFolder, context: TrainingContext, group: Group) -> str:
    folder = run.group(group.name)
    if not folder.manifest_file.exists():
        return f"no manifest ({folder.manifest_file})" if needs_weights(context.module(group)) else ""
    manifest = folder.read()
    done = max((entry.epoch for entry in manifest.epochs), default=0)
    if manifest.status == "stopped":
        return f"stopped after {done} epochs: {manifest.reason}"
    if manifest.status == "running":
        return f"{done} of {context.own_settings(group).epochs} epochs are done"
    return "" if manifest.epochs else f"no epoch on disk ({folder.path})"
