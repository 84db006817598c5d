"""Optuna studies of checkpoint groups: candidates are asked for, trained and told, by any number of processes.

A candidate is a number: the sampler is seeded for it from the seed of the training, the group and that number, and it
is trained once, by whichever process claims it. With one process a study that was killed therefore goes on as if it had
not been, except that the candidate under way begins again. Several processes see of each other what is finished, so
that what they try depends on their speed. Studies are lines of a journal (optuna's JournalStorage), which several
machines may share.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import attrs
import numpy as np

from redheart_core.contract.errors import CheckpointError, RedheartError, SettingsError
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import load_tensors, make_folder, save_tensors, to_json
from redheart_core.storage.locks import claimed, updating
from redheart_core.storage.runtime import stream_seed
from redheart_core.storage.settings import as_table
from redheart_core.storage.structuring import structure, unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.tuning.candidates import OWN, STARTUP, Candidate, StudySettings
from redheart_core.tuning.changes import Value, changed, settings_tables
from redheart_core.tuning.cost import Cost, measure_cost
from redheart_core.tuning.journals import open_storage, optuna_library
from redheart_core.tuning.own_values import kept_values, own_values
from redheart_core.tuning.search_space import Space, space_document
from redheart_core.tuning.trial import Trained, patience_epochs, train_group, with_group

if TYPE_CHECKING:
    import optuna


@attrs.frozen(eq=False)
class GroupStudy:
    """The study of one group in a folder."""

    library: ModuleType
    study: optuna.Study
    folder: Path
    context: TrainingContext
    """Holds the outputs that the group reads."""
    group: Group
    own: GroupModule
    space: Space
    settings: StudySettings

    @classmethod
    def open(
        cls,
        folder: Path,
        context: TrainingContext,
        group: Group,
        space: Space,
        settings: StudySettings,
        description: RunDescription,
        *,
        suffix: str = "",
        warm: Sequence[Mapping[str, Value]] = (),
    ) -> GroupStudy:
        """Begin a study, or go on with one that was begun alike; new groups may join the training.

        Args:
            folder: Of the studies.
            context: Of the training.
            group: One that descends.
            space: What may change.
            settings: How candidates are chosen.
            description: Of the training.
            suffix: Tells studies of the same group apart.
            warm: Values of the first candidates.

        Raises:
            RedheartError: Optuna is not installed, or the group has nothing to descend.
            CheckpointError: The study was begun otherwise.
        """
        library = optuna_library()
        if group.fitted or context.trainer(group).optimizer is None:
            raise RedheartError(f"group '{group.name}' does not descend, so there is nothing to search; choose another")
        make_folder(folder)
        patience = patience_epochs(context, group)
        pruners = {
            "median": lambda: library.pruners.MedianPruner(n_warmup_steps=patience + 1),
            "halving": lambda: library.pruners.SuccessiveHalvingPruner(min_resource=patience + 1),
        }
        with updating(folder):
            storage, name = open_storage(library, folder, group.name), group.name + suffix
            own_pruner = pruners[settings.pruner]()
            if name in library.get_all_study_names(storage):
                study = library.load_study(study_name=name, storage=storage, pruner=own_pruner)
            else:
                directions = ["minimize"] * len(settings.objectives)
                study = library.create_study(storage=storage, study_name=name, directions=directions, pruner=own_pruner)
            found = cls(library, study, folder, context, group, context.module(group), space, settings)
            found._begin(description, warm)
        return found

    def _begin(self, description: RunDescription, warm: Sequence[Mapping[str, Value]]) -> None:
        """Note what the study is begun with, or check that it goes on alike."""
        document = {
            "space": space_document(self.space),
            **as_table(self.settings),
            "warm": list(warm),
            "training": unstructure(description),
        }
        begun = json.loads(to_json(document))
        old = self.study.user_attrs.get("begun")
        if old is None:
            self.study.set_user_attr("begun", begun)
            return
        begun_with = structure(old["training"], RunDescription, f"the search of '{self.study.study_name}'")
        begun_with.require_same(description, self.folder)
        for key in ("space", *as_table(self.settings), "warm"):
            if old[key] != begun[key]:
                raise CheckpointError(
                    f"the search of '{self.study.study_name}' was begun with another {key}: {old[key]!r:.300}, now "
                    f"{begun[key]!r:.300}; take another folder with -o, or remove {self.folder} to begin anew"
                )

    def claim(self, number: int) -> AbstractContextManager[bool]:
        """Keep other processes from a candidate; False inside where another one trains it."""
        return claimed(self.folder, f"{self.study.study_name}-{number}")

    def finished(self) -> dict[int, optuna.trial.FrozenTrial]:
        """By candidate: those that ended, in whichever way."""
        states = self.library.trial.TrialState
        ended = self.study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
        return {trial.user_attrs["candidate"]: trial for trial in ended if trial.user_attrs["candidate"] != OWN}

    def is_done(self, number: int) -> bool:
        """Whether a candidate has ended."""
        return "own" in self.study.user_attrs if number == OWN else number in self.finished()

    def run(self, number: int) -> None:
        """Train a candidate that this process has claimed.

        Raises:
            RedheartError: The own settings cannot be trained.
        """
        if number == OWN:
            self._run_own()
            return
        states = self.library.trial.TrialState
        for old in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if old.user_attrs.get("candidate", number) == number:  # of a process that ended; this one holds the claim
                self.study.tell(old.number, state=states.FAIL)
        trial = self._ask(number)
        values = {place: found.suggest(trial, ".".join(place)) for place, found in self.space.items()}
        try:
            with stopping_alone():
                group = changed(self.group, values, self.context.settings.scale)
                context = with_group(self.context, group)
                cost = measure_cost(context, context.module(group))
        except (GroupFault, SettingsError) as fault:
            self._fail(trial, str(fault))
            return
        trial.set_user_attr("settings", json.loads(to_json(settings_tables(group, self.group, values))))
        trial.set_user_attr("cost", attrs.asdict(cost))
        curve: list[float] = []
        found = train_group(self.context, group, self.own, lambda epoch, loss: self._stops(trial, cost, curve, loss))
        if isinstance(found, Trained):
            trial.set_user_attr("losses", self._save(f"{self.study.study_name}-{number:04d}", found.losses))
            trial.set_user_attr("curve", curve)
            self.study.tell(trial, [float(found.losses.mean()), *self._costs(cost)])
        elif found is None:
            self.study.tell(trial, state=states.PRUNED)
        else:
            self._fail(trial, found)

    def _ask(self, number: int) -> optuna.Trial:
        seed = stream_seed(self.context.settings.seed, "search", self.group.name, number) % 2**32
        samplers = self.library.samplers
        self.study.sampler = (
            samplers.RandomSampler(seed=seed)
            if self.settings.sampler == "random"
            else samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        )
        warm = self.study.user_attrs["begun"]["warm"]
        fixed = warm[number] if number < len(warm) else self._kept(number)
        with updating(self.folder):
            if fixed:
                self.study.enqueue_trial(fixed)
            trial = self.study.ask()
            trial.set_user_attr("candidate", number)
        return trial

    def _own_values(self) -> dict[str, Value]:
        return own_values(self.group, self.context.own_settings(self.group), self.space)

    def _kept(self, number: int) -> dict[str, Value]:
        """What an early candidate keeps of the group's own settings; draws at random keep nothing."""
        if self.settings.sampler == "random" or number >= STARTUP:
            return {}
        draws = np.random.default_rng(stream_seed(self.context.settings.seed, "kept", self.group.name, number))
        return kept_values(self._own_values(), self.space, draws)

    def _fail(self, trial: optuna.Trial, reason: str) -> None:
        trial.set_user_attr("reason", reason)
        self.study.tell(trial, state=self.library.trial.TrialState.PRUNED)

    def _run_own(self) -> None:
        try:
            with stopping_alone():
                cost = measure_cost(self.context, self.own)
        except GroupFault as fault:
            raise RedheartError(f"group '{self.group.name}' cannot answer with its own settings: {fault}") from fault
        curve: list[float] = []

        def note(epoch: int, loss: float) -> bool:
            curve.append(loss)
            return False

        found = train_group(self.context, self.group, self.own, note)
        if not isinstance(found, Trained):
            raise RedheartError(f"group '{self.group.name}' cannot be trained with its own settings: {found}")
        kept = self._save(f"{self.study.study_name}-own", found.losses)
        self._tell_own(float(found.losses.mean()), cost, curve)
        self.study.set_user_attr("own", {**kept, "cost": attrs.asdict(cost)})

    def _tell_own(self, loss: float, cost: Cost, curve: Sequence[float]) -> None:
        """Have the sampler and the pruner know what the own settings are worth, as far as they lie in the space."""
        states = self.library.trial.TrialState
        with updating(self.folder):
            told = self.study.get_trials(deepcopy=False, states=(states.COMPLETE,))
            if any(trial.user_attrs["candidate"] == OWN for trial in told):
                return
            params = self._own_values()
            ranges = {".".join(place): found.distribution(self.library) for place, found in self.space.items()}
            self.study.add_trial(
                self.library.trial.create_trial(
                    values=[loss, *self._costs(cost)],
                    params=params,
                    distributions={name: ranges[name] for name in params},
                    intermediate_values=dict(enumerate(curve, 1)),
                    user_attrs={"candidate": OWN},
                )
            )

    def _costs(self, cost: Cost) -> list[float]:
        figures = {"latency": float(cost.flops), "memory": float(cost.bytes)}
        return [figures[name] for name in self.settings.objectives[1:]]

    def _stops(self, trial: optuna.Trial, cost: Cost, curve: list[float], loss: float) -> bool:
        """Whether a candidate ends after an epoch."""
        curve.append(loss)
        if len(self.settings.objectives) == 1:
            trial.report(loss, len(curve))
            return bool(trial.should_prune())
        if len(curve) <= patience_epochs(self.context, self.group):
            return False
        others = [
            min(other.user_attrs["curve"][: len(curve)])
            for other in self.finished().values()
            if "curve" in other.user_attrs and self._is_cheaper(other.user_attrs["cost"], cost)
        ]
        return len(others) >= STARTUP and min(curve) > statistics.median(others)

    def _is_cheaper(self, other: Mapping[str, float], cost: Cost) -> bool:
        """Whether a finished candidate costs no more in any objective."""
        return all(one <= mine for one, mine in zip(self._costs(Cost(**other)), self._costs(cost), strict=True))  # type: ignore[arg-type]  # the file has numbers

    def own_candidate(self) -> Candidate:
        """The group's own settings."""
        entry = self.study.user_attrs["own"]
        return Candidate(OWN, self._load(entry), Cost(**entry["cost"]), {}, {})

    def candidates(self, most: int) -> list[Candidate]:
        """Those of the first so many that came to their end, by number."""
        complete = self.library.trial.TrialState.COMPLETE
        return [
            Candidate(
                number=number,
                losses=self._load(trial.user_attrs["losses"]),
                cost=Cost(**trial.user_attrs["cost"]),
                values=trial.params,
                settings=trial.user_attrs["settings"],
            )
            for number, trial in sorted(self.finished().items())
            if number < most and trial.state == complete
        ]

    def failures(self, most: int) -> dict[int, str]:
        """Those of the first so many whose training failed, with the reason."""
        found = sorted(self.finished().items())
        return {
            number: trial.user_attrs["reason"]
            for number, trial in found
            if number < most and "reason" in trial.user_attrs
        }

    def changed_group(self, candidate: Candidate) -> Group:
        """The group with a candidate's settings."""
        if candidate.number == OWN:
            return self.group
        values = {place: candidate.values[".".join(place)] for place in self.space}
        return changed(self.group, values, self.context.settings.scale)

    def module_of(self, candidate: Candidate) -> GroupModule:
        """The group with a candidate's settings, at its best epoch; its weights are kept for the next time.

        Raises:
            CheckpointError: It is not what it was when it was searched.
        """
        group = self.changed_group(candidate)
        context = with_group(self.context, group)
        name = f"{self.study.study_name}-weights-{candidate.number}"
        with claimed(self.folder, name, wait=True):
            kept = self.study.user_attrs.get(name)
            if kept is None:
                found = train_group(self.context, group, self.own, lambda epoch, loss: False, keep=True)
                if not isinstance(found, Trained) or not bool((found.losses == candidate.losses).all()):
                    raise CheckpointError(
                        f"candidate {candidate.number} of group '{group.name}' does not give the losses again that it "
                        f"had when it was searched; remove {self.folder} and search anew"
                    )
                file = f"{name}.safetensors"
                kept = {"file": file, "sha256": save_tensors(self.folder / file, dict(found.weights))}
                self.study.set_user_attr(name, kept)
        module = context.module(group)
        module.load(load_tensors(self.folder / kept["file"], kept["sha256"]))
        return module

    def _save(self, stem: str, losses: FloatArray) -> dict[str, str]:
        import torch

        file = f"{stem}.safetensors"
        return {"file": file, "sha256": save_tensors(self.folder / file, {"losses": torch.from_numpy(losses)})}

    def _load(self, entry: Mapping[str, str]) -> FloatArray:
        losses: FloatArray = load_tensors(self.folder / entry["file"], entry["sha256"])["losses"].numpy()
        return losses
