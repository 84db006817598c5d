"""The groups of a run that one process trains, and those below that other processes train."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from redheart_core.contract.errors import CheckpointError, SettingsError, join_complaints
from redheart_core.groups.group import Group
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.ranks import Ranks

LOOK_S = 0.5
"""From look to look at the groups of other processes."""


def chosen_groups(groups: Sequence[Group], only: Collection[str] | None) -> tuple[Group, ...]:
    """The groups of these names, lower tiers first; all for None.

    Raises:
        SettingsError: No group has one of the names, or none is named.
    """
    if only is None:
        return tuple(groups)
    unknown = sorted(set(only) - {group.name for group in groups})
    if unknown or not only:
        raise SettingsError(
            f"there is no group {', '.join(map(repr, unknown)) or 'named'} "
            f"(groups: {', '.join(group.name for group in groups)})"
        )
    return tuple(group for group in groups if group.name in only)


def require_started(groups: Sequence[Group], ranks: Ranks | None) -> None:
    """Refuse to train groups together that say nothing of it, and groups alone that several processes should train.

    Raises:
        SettingsError: Names them and how they are trained.
    """
    sharded = [group.name for group in groups if group.settings.shard is not None]
    plain = [group.name for group in groups if group.settings.shard is None]
    if ranks is None and sharded:
        raise SettingsError(
            f"[groups.{sharded[0]}] shard is for several processes: torchrun --nproc-per-node N -m redheart_cli train "
            f"with --only {sharded[0]}, and the other groups without torchrun"
        )
    if ranks is not None and plain:
        raise SettingsError(
            f"group '{plain[0]}' has no [groups.{plain[0]}] shard, so that one process trains it; "
            "name those that have one with --only, and train the others without torchrun"
        )
    fitted = [group.name for group in groups if group.fitted and group.settings.shard is not None]
    if fitted:
        raise SettingsError(f"[groups.{fitted[0]}] shard: the group is fitted in closed form; leave shard out")


def groups_below(groups: Sequence[Group], chosen: Sequence[Group]) -> tuple[Group, ...]:
    """The groups that some read, directly or through others, without themselves; lower tiers first."""
    read = {name for group in chosen for name in group.reads}
    for group in sorted(groups, key=lambda group: -group.tier):
        if group.name in read:
            read |= set(group.reads)
    own = {group.name for group in chosen}
    return tuple(group for group in groups if group.name in read and group.name not in own)


def await_below(
    run: RunFolder, context: TrainingContext, below: Sequence[Group], wait_s: float, look: Callable[[str], object]
) -> dict[str, str]:
    """Wait until other processes have finished the groups below.

    Args:
        run: Its folder.
        context: Of all groups.
        below: What is read.
        wait_s: How long to wait.
        look: Called with each group that has not finished, before it is looked at again.

    Returns:
        Those that stopped, with the reason.

    Raises:
        CheckpointError: Some have not finished after the wait; says how far each is and how it is trained.
    """
    deadline = time.monotonic() + wait_s
    learning = {group.name: group for group in below if _learns(context, group)}
    while missing := _unfinished(run, context, learning, look):
        if time.monotonic() >= deadline:
            only = " ".join(f"--only {name}" for name in missing)
            raise CheckpointError(
                join_complaints("groups that are read have not finished:", list(missing.values()))
                + f"\ntrain them first: redheart train --resume -o {shlex.quote(str(run.path))} {only}"
                "\nor wait for the processes that train them with --wait SECONDS"
            )
        time.sleep(LOOK_S)
    manifests = [run.group(name).read() for name in learning]
    return {manifest.group: manifest.reason for manifest in manifests if manifest.status == "stopped"}


def _learns(context: TrainingContext, group: Group) -> bool:
    """Whether a group leaves an epoch on disk; a calculator has nothing to train. One that cannot be built would."""
    if group.fitted:
        return True
    try:
        with stopping_alone():
            return any(parameter.requires_grad for parameter in context.module(group).parameters())
    except GroupFault:
        return True


def _unfinished(
    run: RunFolder, context: TrainingContext, groups: Mapping[str, Group], look: Callable[[str], object]
) -> dict[str, str]:
    """The groups that neither finished nor stopped, and how far they are."""
    found = {}
    for name, group in groups.items():
        if run.group(name).read().status == "running":
            look(name)
        manifest = run.group(name).read()
        if manifest.status == "running":
            done = manifest.epochs[-1].epoch if manifest.epochs else 0
            found[name] = f"'{name}' is after epoch {done} of {context.own_settings(group).epochs}"
    return found
