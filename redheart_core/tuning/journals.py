"""The files of Optuna's studies: a journal per checkpoint group, and what an earlier search has found in one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from redheart_core.contract.errors import RedheartError
from redheart_core.tuning.changes import Value
from redheart_core.tuning.search_space import Space

WARM = 3
"""Candidates taken from an earlier search."""


def warm_values(folder: Path, group: str, space: Space) -> list[dict[str, Value]]:
    """Values of the best finished candidates of an earlier search of a group, as far as they lie in a space.

    Args:
        folder: Of its studies; another run's, on other data or with another space perhaps.
        group: Its name.
        space: Of the search that begins. What the earlier one did not have is drawn as usual.

    Returns:
        At most WARM, the lowest loss first; none if the group was not searched.
    """
    library = optuna_library()
    if not journal_file(folder, group).exists():
        return []
    storage = open_storage(library, folder, group)
    complete = library.trial.TrialState.COMPLETE
    ended = [
        trial
        for summary in library.get_all_study_summaries(storage)
        for trial in library.load_study(study_name=summary.study_name, storage=storage).get_trials(
            deepcopy=False, states=(complete,)
        )
    ]
    found: list[dict[str, Value]] = []
    for trial in sorted(ended, key=lambda trial: (trial.values[0], trial.number)):
        values = {
            ".".join(place): trial.params[".".join(place)]
            for place, wanted in space.items()
            if ".".join(place) in trial.params and wanted.holds(trial.params[".".join(place)])
        }
        if values and values not in found:
            found.append(values)
    return found[:WARM]


def journal_file(folder: Path, group: str) -> Path:
    """The file of a group's studies."""
    return folder / f"{group}.journal"


def open_storage(library: ModuleType, folder: Path, group: str) -> Any:
    """The journal of a group's studies."""
    backends = library.storages.journal
    file = str(journal_file(folder, group).resolve())
    return library.storages.JournalStorage(
        backends.JournalFileBackend(file, lock_obj=backends.JournalFileOpenLock(file))
    )


def optuna_library() -> ModuleType:
    """Optuna.

    Raises:
        RedheartError: It is not installed.
    """
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise RedheartError(
            f"a search needs optuna, which is not installed ({error}); pip install 'redheart[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
