"""A training whose groups are tasks on a cluster, each of them a process that trains one group of a shared folder, or
of a folder of its own whose run goes to an object store.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from redheart.mirroring import fetching
from redheart.options import PluginChoice, RunOptions, Share
from redheart.progress import Display, make_display
from redheart.runs import Run
from redheart.sessions import Session, open_session
from redheart.training import resumable, train_mirrored, train_session, training_session
from redheart_core.groups.group import Group
from redheart_core.runs.event_log import Epoch, EventReader, Line, Stopped, parse_line
from redheart_core.runs.mirror import LOGS, RunMirror, pull_run, push_run
from redheart_core.runs.run import RunFolder
from redheart_core.storage.remote import Remote
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import begin
from redheart_scaling.cluster import (
    LOCK_WAIT_S,
    Asked,
    Planned,
    Resources,
    connected,
    require_room,
    resources_for,
    run_planned,
)

FAR_LOOK_S = 5.0
"""From look to look at the logs in an object store."""


def train_on_ray(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    address: str,
    asked: Asked | None = None,
    url: str | None = None,
    start_from: str | Path | None = None,
) -> Run:
    """Train every group as a task of its own; a group that reads others begins when these have finished.

    The folder of the run, and that of its store, are on a file system that all nodes see at the same path, or all of it
    goes through an object store. A node that is lost costs its groups the epoch they were in; they go on elsewhere.

    Args:
        choice: As for train_run, like all that is not named here.
        address: Of the cluster; see connected.
        asked: What tasks ask of a node beyond the defaults.
        url: Of the object store; the run is in the folder of this process alone, and complete there in the end.
        start_from: Folder of a model at whose weights groups begin; this process alone reads it.

    Raises:
        RedheartError: As train, or the cluster cannot be used.
    """
    with connected(address) as ray:
        remote = None if url is None else Remote.open(url)
        fetch = fetching(remote, display)
        joins = remote is not None
        session = training_session(
            choice, options, groups_file, resume, display, joins=joins, fetch=fetch, start_from=start_from
        )
        wanted = resources_of(session, asked or {})
        require_room(ray, wanted)
        with resumable(session.run.path):
            begin(session.run, session.context)
            mirror = None if remote is None else RunMirror(remote, session.run)
            if mirror is not None:
                push_run(mirror)
            where, listening = url or str(session.run.path.resolve()), listeners_of(choice)
            task = train_one_group if mirror is None else train_one_group_apart
            planned = {
                group.name: Planned(task, wanted[group.name], (where, group.name, listening), group.reads)
                for group in largest_first(session.context)
            }
            follower = Follower.behind(session.run.path, display) if mirror is None else FarFollower(mirror, display)
            run_planned(ray, planned, lambda _: follower.look())
            if mirror is not None:
                pull_run(mirror)
            follower.look()
    return Run(session.run.path)


def train_one_group(folder: str, group: str, listening: PluginChoice) -> dict[str, str]:
    """The task: train a group of a run that was begun; the groups that stopped, with the reason."""
    with make_display(progress=False) as display:
        session = open_session(Path(folder), listening, display)
        return train_session(session, Share((group,), LOCK_WAIT_S), display)


def train_one_group_apart(url: str, group: str, listening: PluginChoice) -> dict[str, str]:
    """The task where nodes share no folder: what it needs comes from the object store, where every epoch goes."""
    with TemporaryDirectory(prefix="redheart-") as folder, make_display(progress=False) as display:
        mirror = RunMirror(Remote.open(url), RunFolder(Path(folder) / "run"))
        mirror.fetch()
        session = open_session(mirror.run.path, listening, display)
        return train_mirrored(session, Share((group,), LOCK_WAIT_S), display, mirror)


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
    context = session.context
    gpus = 1.0 if context.device.type == "cuda" else 0.0
    return resources_for(
        {group.name: Resources(context.own_settings(group).threads, gpus) for group in context.groups}, asked
    )


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
            show(line, self.display)


@attrs.define
class FarFollower:
    """The same where the log is in an object store, which is looked at now and then."""

    mirror: RunMirror
    display: Display
    _shown: set[bytes] = attrs.field(init=False)
    _looked: float = attrs.field(factory=time.monotonic, init=False)

    def __attrs_post_init__(self) -> None:
        self._shown = set(self.mirror.lines(LOGS[0]))

    def look(self) -> None:
        """Show what is new."""
        if time.monotonic() - self._looked < FAR_LOOK_S:
            return
        for line in self.mirror.lines(LOGS[0]):
            if line not in self._shown:
                self._shown.add(line)
                show(parse_line(line.rstrip(b"\n"), f"{self.mirror.remote.url}/logs/{LOGS[0]}"), self.display)
        self._looked = time.monotonic()


def show(line: Line, display: Display) -> None:
    """Show an event of the log."""
    if isinstance(line, Epoch):
        note = f"train {line.train_loss:.4f}  validation {line.validation_loss:.4f}"
        display.progress(line.group, line.epoch, line.epochs, note)
    elif isinstance(line, Stopped):
        display.say(f"{line.group}: STOPPED in epoch {line.epoch}: {line.reason}")
