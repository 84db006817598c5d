"""A search whose trials are tasks on a cluster; the process that begins them alone reads and writes the study."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import Session, described_session
from redheart.tuning import SearchOptions, search_session
from redheart_core.runs.describe import describe
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import to_json
from redheart_core.storage.structuring import structure, unstructure
from redheart_core.training.share import chosen_groups
from redheart_core.tuning.candidates import StudySettings
from redheart_core.tuning.changes import Place
from redheart_core.tuning.journals import optuna_library
from redheart_core.tuning.proposing import Ended, Proposing
from redheart_core.tuning.search_space import Range
from redheart_core.tuning.trial import read_lower
from redheart_scaling.cluster import Asked, Planned, connected, require_room, run_ready
from redheart_scaling.training import resources_of

if TYPE_CHECKING:
    import optuna

    from redheart_core.tuning.search import SearchResult


@attrs.frozen
class Searched:
    """What a node needs to know of a search."""

    folder: str
    """Of the run."""
    training: bytes
    """Its description, in JSON."""
    group: str
    space: tuple[tuple[Place, Range], ...]
    settings: StudySettings


def search_on_ray(
    session: Session,
    name: str,
    options: SearchOptions,
    display: Display,
    address: str,
    asked: Asked | None = None,
) -> tuple[SearchResult, dict[str, Path]]:
    """What search_session gives; the trials of a round are tasks.

    All nodes see the folder of the run, and that of its store, at the same path. They read there what the group reads
    of others, are shown finished trials through the memory of the cluster, and write nothing. A trial whose node is
    lost begins again elsewhere.

    Args:
        session: As searchable_session gives it.
        name: Of the group, like all that is not named here as for search_session.
        address: Of the cluster; see connected.
        asked: As for train_on_ray.

    Raises:
        RedheartError: As search_session, or the cluster cannot be used.
    """
    with connected(address) as ray:
        wanted = resources_of(session, asked or {})[name]
        require_room(ray, {name: wanted})
        context, folder = session.context, session.run.path.resolve()
        description = describe(session.run.path, context.nodes, context.groups, context.settings, context.store)

        def train(
            proposing: Proposing,
            numbers: Sequence[int],
            seen: Sequence[optuna.trial.FrozenTrial],
            take: Callable[[Ended], None],
        ) -> None:
            what = Searched(
                folder=str(folder),
                training=to_json(unstructure(description)),
                group=name,
                space=tuple(proposing.space.items()),
                settings=proposing.settings,
            )
            planned = {f"{name}, trial {one}": Planned(train_one_trial, wanted, (what, one, seen)) for one in numbers}
            run_ready(ray, lambda: planned, lambda _, ended: take(ended), lambda: None)

        return search_session(session, name, options, display, train)


def train_one_trial(what: Searched, number: int, seen: Sequence[optuna.trial.FrozenTrial]) -> Ended:
    """The task: a trial of a search that was begun."""
    return _proposing(what).train(number, seen)


@lru_cache(maxsize=1)
def _proposing(what: Searched) -> Proposing:
    """What proposes and trains the trials of a search, which a process opens once."""
    folder = Path(what.folder)
    description = structure(json.loads(what.training), RunDescription, f"the search of '{what.group}'")
    session = described_session(folder, description, PluginChoice())
    (group,) = chosen_groups(session.context.groups, [what.group])
    read_lower(session.run, session.context, group)
    return Proposing(
        optuna_library(), session.context, group, session.context.module(group), dict(what.space), what.settings
    )
