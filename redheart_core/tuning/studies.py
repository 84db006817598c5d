"""Optuna studies of checkpoint groups: candidates are asked for, trained and told, by any number of processes.

A candidate is a number: the sampler is seeded for it from the seed of the training, the group and that number, it is
shown candidates that are finished (redheart_core.tuning.proposing), and it is trained once, by whichever process claims
it. With one process a study that was killed therefore goes on as if it had not been, except that the candidate under
way begins again. Several processes see of each other what is finished, so that what they try depends on their speed.
Studies are lines of a journal (optuna's JournalStorage), which several machines may share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import load_tensors, make_folder, save_tensors, to_json
from redheart_core.storage.locks import claimed, updating
from redheart_core.storage.settings import as_table
from redheart_core.storage.structuring import structure, unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.candidates import OWN, Candidate, StudySettings
from redheart_core.tuning.changes import Value, changed
from redheart_core.tuning.cost import Cost
from redheart_core.tuning.described import require_same_training
from redheart_core.tuning.journals import open_storage, optuna_library
from redheart_core.tuning.proposing import Ended, Proposing
from redheart_core.tuning.search_space import Space, space_document
from redheart_core.tuning.trial import Trained, descends, train_group, with_group

if TYPE_CHECKING:
    import optuna


@attrs.frozen(eq=False)
class GroupStudy:
    """The study of one group in a folder."""

    study: optuna.Study
    folder: Path
    proposing: Proposing

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
        if not descends(context, group):
            raise RedheartError(f"group '{group.name}' does not descend, so there is nothing to search; choose another")
        make_folder(folder)
        with updating(folder):
            storage, name = open_storage(library, folder, group.name), group.name + suffix
            if name in library.get_all_study_names(storage):
                study = library.load_study(study_name=name, storage=storage)
            else:
                directions = ["minimize"] * len(settings.objectives)
                study = library.create_study(storage=storage, study_name=name, directions=directions)
            proposing = Proposing(library, context, group, context.module(group), space, settings, warm)
            found = cls(study, folder, proposing)
            found._begin(description)
        return found

    @property
    def context(self) -> TrainingContext:
        """Of the training; holds the outputs that the group reads."""
        return self.proposing.context

    @property
    def group(self) -> Group:
        return self.proposing.group

    @property
    def own(self) -> GroupModule:
        """The group as it is."""
        return self.proposing.own

    @property
    def space(self) -> Space:
        return self.proposing.space

    def _begin(self, description: RunDescription) -> None:
        """Note what the study is begun with, or check that it goes on alike."""
        settings = as_table(self.proposing.settings)
        document = {
            "space": space_document(self.space),
            **settings,
            "warm": list(self.proposing.warm),
            "training": unstructure(description),
        }
        begun = json.loads(to_json(document))
        old = self.study.user_attrs.get("begun")
        if old is None:
            self.study.set_user_attr("begun", begun)
            return
        old = as_table(StudySettings()) | old  # a setting that is newer than the study was the default one
        begun_with = structure(old["training"], RunDescription, f"the search of '{self.study.study_name}'")
        require_same_training(begun_with, description, self.folder)
        for key in ("space", *settings, "warm"):
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
        return {number: trial for trial in self.seen() if (number := trial.user_attrs["candidate"]) != OWN}

    def is_done(self, number: int) -> bool:
        """Whether a candidate has ended."""
        return "own" in self.study.user_attrs if number == OWN else number in self.finished()

    def run(self, number: int) -> None:
        """Train a candidate that this process has claimed, by all that is finished.

        Raises:
            RedheartError: The own settings cannot be trained.
        """
        self.note(self.proposing.train(number, self.seen()))

    def seen(self, most: int | None = None) -> list[optuna.trial.FrozenTrial]:
        """The own settings and the finished ones of the first so many candidates, or all, by number."""
        states = self.proposing.library.trial.TrialState
        ended = self.study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
        found = {trial.user_attrs["candidate"]: trial for trial in ended}
        return [trial for number, trial in sorted(found.items()) if most is None or number < most]

    def note(self, ended: Ended) -> None:
        """Keep a candidate that ended; the sampler and the pruner are shown it from then on."""
        trial, number = ended.trial, ended.trial.user_attrs["candidate"]
        name = "own" if number == OWN else f"{number:04d}"
        if ended.losses is not None:
            trial.set_user_attr("losses", self._save(f"{self.study.study_name}-{name}", ended.losses))
        with updating(self.folder):
            if number not in {other.user_attrs["candidate"] for other in self.seen()}:
                self.study.add_trial(trial)
            if number == OWN:
                entry = {**trial.user_attrs["losses"], "cost": trial.user_attrs["cost"]}
                self.study.set_user_attr("own", entry)

    def own_candidate(self) -> Candidate:
        """The group's own settings."""
        entry = self.study.user_attrs["own"]
        return Candidate(OWN, self._load(entry), Cost(**entry["cost"]), {}, {})

    def candidates(self, most: int) -> list[Candidate]:
        """Those of the first so many that came to their end, by number."""
        complete = self.proposing.library.trial.TrialState.COMPLETE
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
