"""A training whose groups are tasks on a cluster, each of them a process that trains one group of a shared folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart.options import PluginChoice, RunOptions
from redheart.progress import Display, make_display
from redheart.runs import Run
from redheart.sessions import Session, open_session
from redheart.training import Share, resumable, train_session, training_session
from redheart_core.contract.errors import SettingsError
from redheart_core.groups.group import Group
from redheart_core.runs.event_log import Epoch, EventReader, Stopped
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import begin
from redheart_scaling.cluster import LOCK_WAIT_S, Planned, Resources, connected, require_room, run_planned

Asked = Mapping[str, Mapping[str, float]]
"""Group to what its task asks of a node beyond the defaults, as Resources names it."""


def train_on_ray(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    address: str,
    asked: Asked | None = None,
) -> Run:
    """Train every group as a task of its own; a group that reads others begins when these have finished.

    The folder of the run, and that of its store, are on a file system that all nodes see at the same path. A node that
    is lost costs its groups the epoch that they were in; they go on elsewhere.

    Args:
        choice: As for train_run, like all that is not named here.
        address: Of the cluster; see connected.
        asked: What tasks ask of a node beyond the defaults.

    Raises:
        RedheartError: As train, or the cluster cannot be used.
    """
    with connected(address) as ray:
        session = training_session(choice, options, groups_file, resume, display, joins=False)
        wanted = resources_of(session, asked or {})
        require_room(ray, wanted)
        with resumable(session.run.path):
            begin(session.run, session.context)
            folder, listening = str(session.run.path.resolve()), listeners_of(choice)
            planned = {
                group.name: Planned(train_one_group, wanted[group.name], (folder, group.name, listening), group.reads)
                for group in largest_first(session.context)
            }
            follower = Follower.behind(session.run.path, display)
            run_planned(ray, planned, lambda _: follower.look())
            follower.look()
    return Run(session.run.path)


def train_one_group(folder: str, group: str, listening: PluginChoice) -> dict[str, str]:
    """The task: train a group of a run that was begun; the groups that stopped, with the reason."""
    with make_display(progress=False) as display:
        session = open_session(Path(folder), listening, display)
        return train_session(session, Share((group,), LOCK_WAIT_S), display)


def largest_first(context: TrainingContext) -> list[Group]:
    """The groups by what their updates compute, about: the longest tasks begin first (Graham 1969)."""

    def size(group: Group) -> int:
        parameters = sum(parameter.numel() for parameter in context.module(group).parameters())
        return parameters * context.updates_per_epoch(group) * context.own_settings(group).epochs

    return sorted(context.groups, key=size, reverse=True)


def listeners_of(choice: PluginChoice) -> PluginChoice:
    """What a node needs to know of a choice of plugins: those of event hooks; the run describes all others."""
    listening = choice.with_listeners().enable[len(choice.enable) :]
    overrides = tuple(one for one in choice.overrides if one.partition(".")[0] in listening)
    return PluginChoice(enable=listening, overrides=overrides)


def resources_of(session: Session, asked: Asked) -> dict[str, Resources]:
    """What each group's task asks of a node: its threads, a GPU for training on one, and what the caller says.

    Raises:
        SettingsError: There is no such group.
    """
    groups = session.context.groups
    unknown = sorted(set(asked) - {group.name for group in groups})
    if unknown:
        raise SettingsError(f"there is no group '{unknown[0]}' (groups: {', '.join(group.name for group in groups)})")
    return {group.name: _resources(session, group, asked.get(group.name, {})) for group in groups}


def _resources(session: Session, group: Group, asked: Mapping[str, float]) -> Resources:
    own = session.context.own_settings(group)
    default = Resources(cpus=own.threads, gpus=1.0 if session.context.device.type == "cuda" else 0.0)
    return attrs.evolve(default, **asked)


@attrs.define
class Follower:
    """Shows what the processes on all nodes report in the log of the run."""

    reader: EventReader
    display: Display

    @classmethod
    def behind(cls, run: Path, display: Display) -> Follower:
        """From the end of the log on."""
        reader = EventReader(run / "events.jsonl")
        reader.read()
        return cls(reader, display)

    def look(self) -> None:
        """Show what is new."""
        for line in self.reader.read():
            if isinstance(line, Epoch):
                note = f"train {line.train_loss:.4f}  validation {line.validation_loss:.4f}"
                self.display.progress(line.group, line.epoch, line.epochs, note)
            elif isinstance(line, Stopped):
                self.display.say(f"{line.group}: STOPPED in epoch {line.epoch}: {line.reason}")
