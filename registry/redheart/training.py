"""Training, in one process."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from redheart import agents
from redheart.mirroring import Uploads, fetching, sending
from redheart.options import WHOLE, PluginChoice, RunOptions, Settings, Share
from redheart.progress import Display, make_display
from redheart.runs import Run
from redheart.sessions import Session, begin, open_session
from redheart.starting import begin_at
from redheart.threads import keeping_threads
from redheart_core.contract.errors import RedheartError
from redheart_core.storage.paths import find_optional
from redheart_core.training.budget import Budget

if TYPE_CHECKING:
    from redheart_core.runs.mirror import RunMirror


def train(
    data: str | None = None,
    *,
    output: str | Path | None = None,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    groups: str | Path | None = None,
    encoder: str | Sequence[str] | None = None,
    scale: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    store: str | Path | None = None,
    plugins: str | Path | None = None,
    memory: int | None = None,
    start_from: str | Path | None = None,
    resume: bool = False,
    only: str | Iterable[str] = (),
    wait_s: float = 0.0,
    mirror: str | None = None,
    progress: bool = True,
) -> Run:
    """Train every checkpoint group, or some; prepares the data if need be.

    A training may be stopped at any moment and resumed; the result is the same to the last bit. A group that meets a
    fault stops alone: see Run.stopped.

    Args:
        data: Name of the data set plugin, or of an environment, in which agents learn; several data sets are joined as
            "one+other". That of plugins.toml if left out.
        output: Folder of the run; runs/DATA if left out.
        enable: Plugins to add to the active ones, with what they read.
        disable: Active plugins to leave out.
        settings: By "plugin.key", such as {"csv.path": "posts.csv", "training.batch_size": 32}.
        groups: A file of tables [groups.NAME], such as the groups.toml of a sweep.
        encoder: Name of the encoder plugin, or names of several whose vectors stand side by side.
        scale: Size of all modules: tiny, small, base or full.
        epochs: Of every group.
        seed: Of weights, batches and dropout.
        device: cpu, cuda, cuda:1, ...
        store: Folder of the embedding store; RUN/store if left out.
        plugins: A plugins.toml.
        memory: Bytes that the device may hold, on the CPU this process: the groups take turns, with the same result to
            the last bit.
        start_from: Folder of a model, or the name of an installed one: groups that it has too begin at its weights, as
            their epoch 0, instead of at random ones. A line says which groups begin anew, and why.
        resume: Go on with the run in the folder, under the settings it was begun with.
        only: Names of the groups to train, all if there are none. Others may be trained at the same time by processes
            of this machine or of others that share the folder; such a call joins a run that was begun alike.
        wait_s: How long to wait for a group that another process holds, and for groups below that others train.
        mirror: URL of a folder in an object store, such as s3://bucket/village, which gets the run as it grows. What is
            there already is fetched first, so that the same call goes on on another machine.
        progress: Whether progress is shown on stderr.

    Raises:
        RedheartError: A setting, plugin, record or file is wrong, or another process holds a group or has not finished
            one below; what was finished before counts.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    options = RunOptions(find_optional(output), find_optional(store), data, encoder, scale, epochs, seed, device)
    share = Share((only,) if isinstance(only, str) else tuple(only), wait_s, budget_of(memory), mirror)
    with keeping_threads(), make_display(progress) as display:
        return train_run(choice, options, find_optional(groups), resume, display, share, start_from)


def train_run(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    share: Share = WHOLE,
    start_from: str | Path | None = None,
) -> Run:
    """What train does, for a caller with a display of its own."""
    if _is_for_agents(choice, options, resume):
        if share != WHOLE or start_from is not None:
            raise RedheartError(
                "agents learn among each other, so that none can be trained alone or at another time; "
                "leave --only, --wait, --memory, --start-from and --mirror out"
            )
        players = agents.training_session(choice, options, groups_file, resume, display)
        with resumable(players.run.path):
            agents.train_session(players)
        return Run(players.run.path)
    if share.mirror is not None:
        return _train_mirrored(choice, options, groups_file, resume, display, share, share.mirror, start_from)
    joins = bool(share.only)
    session = training_session(choice, options, groups_file, resume, display, joins=joins, start_from=start_from)
    with resumable(session.run.path):
        train_session(session, share, display)
    return Run(session.run.path, session)


def _train_mirrored(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    share: Share,
    url: str,
    start_from: str | Path | None,
) -> Run:
    """The same with what is in an object store fetched first."""
    from redheart_core.runs.mirror import RunMirror
    from redheart_core.storage.remote import Remote

    remote = Remote.open(url)
    fetch = fetching(remote, display)
    session = training_session(
        choice, options, groups_file, resume, display, joins=True, fetch=fetch, start_from=start_from
    )
    with resumable(session.run.path):
        train_mirrored(session, share, display, RunMirror(remote, session.run))
    return Run(session.run.path, session)


def train_mirrored(session: Session, share: Share, display: Display, mirror: RunMirror) -> dict[str, str]:
    """Train as train_session does, from where the object store has the groups, which gets them as they grow."""
    from redheart_core.training.share import chosen_groups

    with sending(mirror, display.say) as uploads:
        for group in chosen_groups(session.context.groups, share.only or None):
            moved = mirror.join(group.name)
            if moved.files:
                display.say(f"{mirror.remote.url}: fetched {moved} of '{group.name}'")
        return train_session(session, share, display, uploads)


def training_session(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    *,
    joins: bool,
    fetch: Callable[[Path], object] = lambda folder: None,
    start_from: str | Path | None = None,
) -> Session:
    """The run that train is about.

    Args:
        choice: As for train_run, like all that is not named here.
        joins: Whether it may have been begun already, under the same settings.
        fetch: Called with its folder before anything is read there.
    """
    if _is_for_agents(choice, options, resume):
        raise RedheartError(
            "agents learn among each other, in one environment and one process; leave --ray and torchrun out"
        )
    if resume:
        if not options.changes_nothing or groups_file is not None or start_from is not None:
            raise RedheartError("a run is resumed with its own data and settings; leave the other options out")
        folder = _resumed(options)
        fetch(folder)
        return open_session(folder, choice.for_resumed(), display)
    session = begin(choice, options, display, groups_file, fetch)
    if session.run.exists and not joins:
        raise RedheartError(f"{session.run.path} holds a run already; --resume it or choose another folder with -o")
    if start_from is not None:
        begin_at(session, start_from, display.say)
    return session


def _is_for_agents(choice: PluginChoice, options: RunOptions, resume: bool) -> bool:
    return agents.is_agents_run(_resumed(options)) if resume else agents.names_environment(choice, options)


def _resumed(options: RunOptions) -> Path:
    """The folder of a run that goes on."""
    return options.output or Path("runs") / "village"


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Inside, an interruption gets a note that says how the run goes on, once it has begun."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        if (folder / "run.json").exists():
            interruption.add_note(f"redheart train --resume -o {shlex.quote(str(folder))} goes on where it was")
        raise


def budget_of(memory: int | None) -> Budget | None:
    """So many bytes, or no budget."""
    return None if memory is None else Budget(memory)


def train_session(session: Session, share: Share, display: Display, uploads: Uploads | None = None) -> dict[str, str]:
    """Train; returns the groups that stopped, with the reason."""
    from redheart_core.training.loop import train as train_groups
    from redheart_core.training.memory_plan import plan_memory
    from redheart_core.training.turns import plan_turns

    plan = None
    if share.budget is not None:
        share.budget.require_meaning(session.context.device.type)  # before anything is measured
        plan = plan_turns(plan_memory(session.context, display.progress), share.budget)
    hooks, only = session.registry.hooks, share.only or None
    if uploads is None:
        return train_groups(session.run, session.context, hooks, only, share.wait_s, plan)
    return train_groups(session.run, session.context, uploads.over(hooks), only, share.wait_s, plan, look=uploads.look)
