"""Wider searches of one group's settings by Optuna: the tree-structured Parzen estimator, with a pruner.

A trial is a whole training of the group alone under the [training] table. Its value is the lowest validation loss over
its epochs, as training keeps the best epoch. Whatever a trial changes in the losses, all are evaluated by losses and
weights of the group's own settings, so that a smaller loss weight wins nothing. The sampler is seeded anew for each
trial from the seed, the group and the number of finished trials: a search that was killed goes on as if it had not
been, except that the trial under way begins again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.exact.bootstrap import interval
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.runs.describe import describe
from redheart_core.runs.description import RunDescription
from redheart_core.runs.run import RunFolder
from redheart_core.selection.common_epoch import resample_curves
from redheart_core.selection.detectors import ValidationCurve
from redheart_core.storage.files import load_tensors, make_folder, save_tensors, to_json
from redheart_core.storage.locks import locked
from redheart_core.storage.runtime import generator, stream_seed
from redheart_core.storage.structuring import structure, unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.rates import Difference, difference
from redheart_core.tuning.search_space import Kind, Space, Value, changed, space_document
from redheart_core.tuning.trial import read_lower, train_group

if TYPE_CHECKING:
    import optuna

Pruner = Literal["median", "halving"]


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
    """Its number in the study; from 0."""
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
    progress: Callable[[str, int, int], None] | None = None,
) -> SearchResult:
    """Search until the study in RUN/search/ has so many finished trials.

    Args:
        run: Its folder; a run has to be there if the group reads others, whose best epochs are taken.
        trainer: Of the training in which the settings will be used.
        group: One that descends.
        space: What may change.
        trials: In all, those of earlier processes among them.
        pruner: Stops trials that are worse than the median so far, or by successive halving.
        progress: Called with finished trials.

    Raises:
        RedheartError: Optuna is not installed, the group is fitted in closed form or has no parameters, or the own
            settings give losses that are not finite.
        CheckpointError: The study was begun otherwise, or the groups below are not trained.
    """
    library = _optuna()
    if group.fitted or context.trainer(group).optimizer is None:
        raise RedheartError(f"group '{group.name}' does not descend, so there is nothing to search; choose another")
    folder = run.path / "search"
    make_folder(folder)
    with locked(folder):
        read_lower(run, context, group)
        own = context.module(group)
        study = _open_study(library, folder, group.name, pruner)
        _begin(study, run, context, space, pruner)
        if "own" not in study.user_attrs:
            losses = train_group(context, group, own, lambda epoch, loss: False)
            if isinstance(losses, str):
                raise RedheartError(f"group '{group.name}' cannot be trained with its own settings: {losses}")
            assert losses is not None
            study.set_user_attr("own", _save(folder, f"{group.name}-own", losses))
        while (done := len(_finished(library, study))) < trials:
            if progress:
                progress(f"search {group.name}", done, trials)
            _trial(library, study, folder, context, group, own, space)
        if progress:
            progress(f"search {group.name}", trials, trials)
        return _result(library, study, folder, group, context.settings.seed)


def _trial(
    library: ModuleType,
    study: optuna.Study,
    folder: Path,
    context: TrainingContext,
    group: Group,
    own: GroupModule,
    space: Space,
) -> None:
    number = len(_finished(library, study))
    seed = stream_seed(context.settings.seed, "search", group.name, number) % 2**32
    study.sampler = library.samplers.TPESampler(seed=seed)
    trial = study.ask()
    values: dict[tuple[Kind, str, str], Value] = {
        place: found.suggest(trial, ".".join(place)) for place, found in space.items()
    }

    def report(epoch: int, loss: float) -> bool:
        trial.report(loss, epoch)
        return trial.should_prune()

    losses = train_group(context, changed(group, values), own, report)
    trial.set_user_attr("settings", _tables(values))
    if isinstance(losses, str):
        trial.set_user_attr("reason", losses)
        study.tell(trial, state=library.trial.TrialState.PRUNED)
    elif losses is None:
        study.tell(trial, state=library.trial.TrialState.PRUNED)
    else:
        trial.set_user_attr("losses", _save(folder, f"{group.name}-trial-{trial.number:04d}", losses))
        study.tell(trial, float(losses.mean()))


def _begin(study: optuna.Study, run: RunFolder, context: TrainingContext, space: Space, pruner: Pruner) -> None:
    """Note what the study is begun with, or check that it goes on alike; what a kill left under way is closed."""
    training = describe(run.path, context.nodes, context.groups, context.settings, context.store)
    begun = json.loads(to_json({"space": space_document(space), "pruner": pruner, "training": unstructure(training)}))
    old = study.user_attrs.get("begun")
    if old is None:
        study.set_user_attr("begun", begun)
        return
    begun_with = structure(old["training"], RunDescription, f"the search of '{study.study_name}'")
    begun_with.require_same(training, run.path / "search")
    for key in ("space", "pruner"):
        if old[key] != begun[key]:
            raise CheckpointError(
                f"the search of '{study.study_name}' was begun with another {key}: {old[key]!r:.300}, now "
                f"{begun[key]!r:.300}; take another folder with -o, or remove {run.path / 'search'} to begin anew"
            )
    library = _optuna()
    for trial in study.get_trials(deepcopy=False, states=(library.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=library.trial.TrialState.FAIL)


def _open_study(library: ModuleType, folder: Path, name: str, pruner: Pruner) -> optuna.Study:
    library.logging.set_verbosity(library.logging.WARNING)
    pruners = {"median": library.pruners.MedianPruner, "halving": library.pruners.SuccessiveHalvingPruner}
    found: optuna.Study = library.create_study(
        storage=f"sqlite:///{(folder / f'{name}.db').resolve()}",
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=pruners[pruner](),
    )
    return found


def _finished(library: ModuleType, study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    states = library.trial.TrialState
    return study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))


def _result(library: ModuleType, study: optuna.Study, folder: Path, group: Group, seed: int) -> SearchResult:
    finished = _finished(library, study)
    complete = [trial for trial in finished if trial.state == library.trial.TrialState.COMPLETE]
    if not complete:
        raise RedheartError(f"no trial of group '{group.name}' came to its end; narrow the search space")
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    own = _load(folder, study.user_attrs["own"])
    records = np.stack([own, *(_load(folder, trial.user_attrs["losses"]) for trial in complete)])
    place = 1 + complete.index(best)
    return SearchResult(
        group=group.name,
        trials=len(finished),
        pruned=len(finished) - len(complete),
        own=float(own.mean()),
        best=float(records[place].mean()),
        best_trial=best.number,
        settings=best.user_attrs["settings"],
        difference=difference(records[[place]], records[[0]]),
        corrected=_corrected(group.name, records, seed),
    )


def _corrected(name: str, records: FloatArray, seed: int) -> Interval:
    """The best trial, chosen on resamples, less the own settings (row 0), on the records that are not in it."""
    curve = ValidationCurve(name, tuple(range(len(records))), records.mean(1), records)
    (part,) = resample_curves([curve], generator(seed, "search"))
    chosen = 1 + part.inside[:, 1:].argmin(1)
    apart = part.outside[np.arange(len(chosen)), chosen] - part.outside[:, 0]
    return interval(float(apart.mean()), apart)


def _tables(values: Mapping[tuple[Kind, str, str], Value]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for (kind, name, key), value in values.items():
        document.setdefault(kind, {}).setdefault(name, {})[key] = value
    return document


def _save(folder: Path, stem: str, losses: FloatArray) -> dict[str, str]:
    import torch

    file = f"{stem}.safetensors"
    return {"file": file, "sha256": save_tensors(folder / file, {"losses": torch.from_numpy(losses)})}


def _load(folder: Path, entry: Mapping[str, str]) -> FloatArray:
    losses: FloatArray = load_tensors(folder / entry["file"], entry["sha256"])["losses"].numpy()
    return losses


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise RedheartError(
            f"a search needs optuna, which is not installed ({error}); pip install 'redheart[search]'"
        ) from error
    return optuna
