"""A sweep whose groups are tasks on a cluster; their short trainings meet in the journal of the sweep."""

from __future__ import annotations

from pathlib import Path

from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import Session, described_session
from redheart_core.tuning.sweep import SweepSettings, begin_sweep, sweep, sweep_part
from redheart_core.tuning.sweep_journal import Journal
from redheart_core.tuning.sweep_result import Sweep
from redheart_scaling.cluster import LOCK_WAIT_S, Planned, connected, require_room, run_planned
from redheart_scaling.training import Asked, largest_first, resources_of


def sweep_on_ray(
    session: Session, settings: SweepSettings, display: Display, address: str, asked: Asked | None = None
) -> Sweep:
    """Find the learning rate of every group; a group is a task that begins when those it reads are done.

    The folder of the run, and that of its store, are on a file system that all nodes see at the same path. What a lost
    node had finished of a group, stage and seed, is kept.

    Args:
        session: Of the training that the rates are for.
        settings: What to try.
        display: Shows finished groups.
        address: Of the cluster; see connected.
        asked: As for train_on_ray.

    Raises:
        RedheartError: As sweep, or the cluster cannot be used.
    """
    with connected(address) as ray:
        wanted = resources_of(session, asked or {})
        require_room(ray, wanted)
        begin_sweep(session.run, session.context, settings)
        folder = str(session.run.path.resolve())
        planned = {
            group.name: Planned(sweep_one_group, wanted[group.name], (folder, group.name, settings), group.reads)
            for group in largest_first(session.context)
        }
        run_planned(ray, planned, lambda done: display.progress("sweep", done, len(planned)))
    return sweep(session.run, session.context, settings, display.progress)


def sweep_one_group(folder: str, group: str, settings: SweepSettings) -> None:
    """The task: the short trainings of a group of a sweep that was begun."""
    path = Path(folder)
    session = described_session(path, Journal(path / "sweep").description(), PluginChoice())
    sweep_part(session.run, session.context, settings, (group,), LOCK_WAIT_S)
