"""A sweep whose candidates are tasks on a cluster; the process that begins them alone says what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import Session, described_session
from redheart_core.tuning.short_runs import ShortRun
from redheart_core.tuning.sweep import Sweeping, sweep
from redheart_core.tuning.sweep_journal import Journal
from redheart_core.tuning.sweep_result import Sweep
from redheart_core.tuning.sweep_steps import Candidate, SweepSettings
from redheart_core.tuning.sweep_training import ShortTrainings
from redheart_scaling.cluster import Asked, Planned, connected, require_room, run_ready
from redheart_scaling.training import largest_first, resources_of


def sweep_on_ray(
    session: Session, settings: SweepSettings, display: Display, address: str, asked: Asked | None = None
) -> Sweep:
    """Find the learning rate of every group; a group at a rate with a seed is a task.

    Tasks of a group begin when the groups that it reads are done. All rates of a seed are trained at once, to their
    ends, as no node waits for the others: what halving drops is cut afterwards, and is not trained with the next seed.
    Without halving all seeds are trained at once too. The folder of the run, and that of its store, are on a file
    system that all nodes see at the same path. A lost node costs its candidates, which begin again elsewhere.

    Args:
        session: Of the training that the rates are for.
        settings: What to try.
        display: Shows finished candidates.
        address: Of the cluster; see connected.
        asked: As for train_on_ray, for each candidate of a group.

    Raises:
        RedheartError: As sweep, or the cluster cannot be used.
    """
    with connected(address) as ray:
        wanted = resources_of(session, asked or {})
        require_room(ray, wanted)
        places = {group.name: place for place, group in enumerate(largest_first(session.context))}
        folder = str(session.run.path.resolve())

        def train(sweeping: Sweeping) -> None:
            begun, ended = dict[str, Candidate](), set[str]()

            def ready() -> dict[str, Planned]:
                left, chosen = sorted(sweeping.apart(), key=lambda one: places[one.group]), sweeping.chosen()
                begun.update({str(one): one for one in left})
                return {
                    str(one): Planned(train_one_candidate, wanted[one.group], (folder, settings, one, chosen))
                    for one in left
                }

            def take(name: str, run: ShortRun) -> None:
                sweeping.take(begun[name], run)
                ended.add(name)
                display.progress("sweep", len(ended), len(begun))

            run_ready(ray, ready, take, lambda: None)

        return sweep(session.run, session.context, settings, display.progress, train)


def train_one_candidate(
    folder: str, settings: SweepSettings, candidate: Candidate, chosen: Mapping[str, Candidate]
) -> ShortRun:
    """The task: a short training of a sweep that was begun, to its end."""
    (run,) = _trainings(folder, settings).train([candidate], chosen, lambda epoch, losses: {})
    return run


@lru_cache(maxsize=1)
def _trainings(folder: str, settings: SweepSettings) -> ShortTrainings:
    """What trains candidates, which a process opens once, and has the groups that are read answer once."""
    journal = Journal(Path(folder) / "sweep")
    session = described_session(Path(folder), journal.description(), PluginChoice())
    return ShortTrainings.of(session.context, settings, journal)
