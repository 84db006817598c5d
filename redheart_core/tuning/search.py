"""Wider searches of one group's settings by Optuna: the tree-structured Parzen estimator, with a pruner.

A trial is a whole training of the group alone under the [training] table. Its value is the lowest validation loss over
its epochs, as training keeps the best epoch. Trials of a round are proposed and stopped by those of earlier rounds
alone, so that they are the same one after another and at once on many machines. Whatever a trial changes in the losses,
all are evaluated by losses and weights of the group's own settings, so that a smaller loss weight wins nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from redheart_core.contract.errors import RedheartError
from redheart_core.exact.bootstrap import interval
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.runs.run import RunFolder
from redheart_core.selection.common_epoch import resample_curves
from redheart_core.selection.detectors import ValidationCurve
from redheart_core.storage.files import make_folder
from redheart_core.storage.locks import locked
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.candidates import OWN, Pruner, StudySettings
from redheart_core.tuning.described import describe_training
from redheart_core.tuning.journals import optuna_library
from redheart_core.tuning.proposing import Ended, Proposing
from redheart_core.tuning.rates import Difference, difference
from redheart_core.tuning.search_space import Space
from redheart_core.tuning.studies import GroupStudy
from redheart_core.tuning.trial import read_lower

if TYPE_CHECKING:
    import optuna

Training = Callable[[Proposing, Sequence[int], "Sequence[optuna.trial.FrozenTrial]", Callable[[Ended], None]], None]
"""Trains candidates by their numbers, shown some others, and gives each to a function once it has ended."""


@attrs.frozen
class SearchResult:
    """What a search has found so far."""

    group: str
    trials: int
    """Finished ones, those that were pruned or not finite among them."""
    pruned: int
    own: float
    """The lowest validation loss of the group's own settings."""
    best: float
    """That of the best trial."""
    best_trial: int
    """Its number; from 0."""
    settings: Mapping[str, Any]
    """The best trial's settings as tables "groups" and "plugins"."""
    difference: Difference
    """The best trial less the own settings, on the records that it was chosen on."""
    corrected: Interval
    """The same corrected for that: chosen on resamples of the records, evaluated on those outside; 95 %."""

    @property
    def better(self) -> bool:
        """Whether the best trial beats the own settings beyond noise, corrected for having been chosen."""
        return self.corrected.is_below(0.0)


def search(
    run: RunFolder,
    context: TrainingContext,
    group: Group,
    space: Space,
    trials: int,
    pruner: Pruner = "median",
    together: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
    training: Training | None = None,
) -> SearchResult:
    """Search until the study in RUN/search/ has so many finished trials.

    Args:
        run: Its folder; a run has to be there if the group reads others, whose best epochs are taken.
        context: Of the training in which the settings will be used.
        group: One that descends.
        space: What may change.
        trials: In all, those of earlier processes among them.
        pruner: Stops trials that are worse than the median so far, or by successive halving.
        together: Trials of a round, none of which sees another.
        progress: Called with finished trials.
        training: Trains the trials of a round, in place of this process.

    Raises:
        RedheartError: Optuna is not installed, the group is fitted in closed form or has no parameters, or the own
            settings give losses that are not finite.
        CheckpointError: The study was begun otherwise, or the groups below are not trained.
    """
    optuna_library()
    folder = run.path / "search"
    make_folder(folder)
    with locked(folder):
        read_lower(run, context, group)
        description = describe_training(run.path, context)
        settings = StudySettings(pruner=pruner, together=together)
        study = GroupStudy.open(folder, context, group, space, settings, description)

        def take(ended: Ended) -> None:
            study.note(ended)
            if progress:
                progress(f"search {group.name}", min(trials, len(study.finished())), trials)

        for numbers in _rounds(trials, together):
            if left := [number for number in numbers if not study.is_done(number)]:
                (training or _one_after_another)(study.proposing, left, study.seen(numbers[0]), take)
        return _result(study)


def _rounds(trials: int, together: int) -> list[range]:
    """The own settings alone, then so many trials at a time."""
    return [range(OWN, 0), *(range(first, min(first + together, trials)) for first in range(0, trials, together))]


def _one_after_another(
    proposing: Proposing,
    numbers: Sequence[int],
    seen: Sequence[optuna.trial.FrozenTrial],
    take: Callable[[Ended], None],
) -> None:
    for number in numbers:
        take(proposing.train(number, seen))


def _result(study: GroupStudy) -> SearchResult:
    finished, group = study.finished(), study.group
    own, complete = study.own_candidate(), study.candidates(len(finished))
    if not complete:
        raise RedheartError(f"no trial of group '{group.name}' came to its end; narrow the search space")
    best = min(complete, key=lambda one: (one.loss, one.number))
    gained = difference(best.losses[None], own.losses[None])
    records = np.stack([own.losses, *(one.losses for one in complete)])
    return SearchResult(
        group=group.name,
        trials=len(finished),
        pruned=len(finished) - len(complete),
        own=own.loss,
        best=best.loss,
        best_trial=best.number,
        settings=best.settings,
        difference=gained,
        corrected=_corrected(group.name, records, study.context.settings.seed),
    )


def _corrected(name: str, records: FloatArray, seed: int) -> Interval:
    """The best trial, chosen on resamples, less the own settings (row 0), on the records that are not in it."""
    curve = ValidationCurve(name, tuple(range(len(records))), records.mean(1), records)
    (part,) = resample_curves([curve], generator(seed, "search"))
    chosen = 1 + part.inside[:, 1:].argmin(1)
    apart = part.outside[np.arange(len(chosen)), chosen] - part.outside[:, 0]
    return interval(float(apart.mean()), apart)
