"""A training of groups that the processes of torchrun train together."""

from __future__ import annotations

import os
from pathlib import Path

from redheart.options import PluginChoice, RunOptions, Share
from redheart.progress import Display
from redheart.runs import Run
from redheart.sessions import open_session
from redheart.training import resumable, training_session
from redheart_core.contract.errors import SettingsError


def started_by_torchrun() -> bool:
    """Whether this process is one of several that train together."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def leads() -> bool:
    """Whether this process speaks for all, if there are others."""
    return not started_by_torchrun() or os.environ["RANK"] == "0"


def train_together(
    choice: PluginChoice,
    options: RunOptions,
    groups_file: Path | None,
    resume: bool,
    display: Display,
    share: Share,
    start_from: str | Path | None = None,
) -> Run:
    """What train_run does, in one of several processes: the first begins the run and writes, the others join it.

    Raises:
        RedheartError: As train_run; or a group says nothing of several processes, or cannot be divided among them.
    """
    from redheart_core.training.loop import begin, train
    from redheart_core.training.ranks import joined, tell
    from redheart_core.training.share import chosen_groups, require_started

    if share.budget is not None:
        raise SettingsError("--memory is of one process; leave it out under torchrun")
    if share.mirror is not None:
        raise SettingsError(
            "--mirror is of one process; leave it out under torchrun, and redheart push the run after it"
        )
    only = share.only or None
    with joined() as ranks:
        if ranks.leads:
            joins = only is not None
            session = training_session(
                choice, options, groups_file, resume, display, joins=joins, start_from=start_from
            )
            chosen = chosen_groups(session.context.groups, only)
            require_started(chosen, ranks)
            begin(session.run, session.context, chosen)
            tell(str(session.run.path.resolve()))
        else:
            session = open_session(Path(tell("")), PluginChoice())  # without listeners: one process reports
        with resumable(session.run.path):
            train(session.run, session.context, session.registry.hooks, only, share.wait_s, ranks=ranks)
    return Run(session.run.path, session)
