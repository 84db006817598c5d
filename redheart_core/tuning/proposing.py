"""One candidate of a search, from the proposal of its values to the end of its training.

What is proposed and where it stops follow from its number, the seed of the training and the candidates that it is
shown, so that it is the same in whichever process. Nothing here reads or writes the files of a study.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import attrs
import numpy as np

from redheart_core.contract.errors import RedheartError, SettingsError
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.storage.files import to_json
from redheart_core.storage.runtime import stream_seed
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.tuning.candidates import OWN, STARTUP, StudySettings
from redheart_core.tuning.changes import Value, changed, settings_tables
from redheart_core.tuning.cost import Cost, measure_cost
from redheart_core.tuning.own_values import kept_values, own_values
from redheart_core.tuning.search_space import Space
from redheart_core.tuning.trial import Trained, patience_epochs, train_group, with_group

if TYPE_CHECKING:
    import optuna


@attrs.frozen(eq=False)
class Ended:
    """A candidate that ended, in whichever way."""

    trial: optuna.trial.FrozenTrial
    """With its number as a candidate, its settings and its cost among the attributes."""
    losses: FloatArray | None
    """(N,) validation losses at its best epoch; None if it did not come to its end."""


@attrs.frozen(eq=False)
class Proposing:
    """Proposes and trains candidates of one group."""

    library: ModuleType
    context: TrainingContext
    """Holds the outputs that the group reads."""
    group: Group
    own: GroupModule
    space: Space
    settings: StudySettings
    warm: Sequence[Mapping[str, Value]] = ()
    """Values of the first candidates."""

    def train(self, number: int, seen: Sequence[optuna.trial.FrozenTrial]) -> Ended:
        """Propose and train a candidate.

        Args:
            number: Its number; OWN for the group's own settings.
            seen: The candidates that it follows from, by number.

        Raises:
            RedheartError: The own settings cannot be trained.
        """
        if number == OWN:
            return self._train_own()
        study = self._study(number)
        study.add_trials(seen)
        fixed = dict(self.warm[number]) if number < len(self.warm) else self._kept(number)
        if fixed:
            study.enqueue_trial(fixed)
        trial = study.ask()
        trial.set_user_attr("candidate", number)
        losses = self._train(study, trial, seen)
        return Ended(study.get_trials(deepcopy=False)[-1], losses)

    def _train(
        self, study: optuna.Study, trial: optuna.Trial, seen: Sequence[optuna.trial.FrozenTrial]
    ) -> FloatArray | None:
        """Train what was asked for, and tell the study; losses if it came to its end."""
        pruned = self.library.trial.TrialState.PRUNED
        values = {place: found.suggest(trial, ".".join(place)) for place, found in self.space.items()}
        try:
            with stopping_alone():
                group = changed(self.group, values, self.context.settings.scale)
                context = with_group(self.context, group)
                cost = measure_cost(context, context.module(group))
        except (GroupFault, SettingsError) as fault:
            trial.set_user_attr("reason", str(fault))
            study.tell(trial, state=pruned)
            return None
        trial.set_user_attr("settings", json.loads(to_json(settings_tables(group, self.group, values))))
        trial.set_user_attr("cost", attrs.asdict(cost))
        curve: list[float] = []

        def stops(epoch: int, loss: float) -> bool:
            return self._stops(trial, cost, curve, loss, seen)

        found = train_group(self.context, group, self.own, stops)
        if isinstance(found, Trained):
            trial.set_user_attr("curve", curve)
            study.tell(trial, [float(found.losses.mean()), *self._costs(cost)])
            return found.losses
        if found is not None:
            trial.set_user_attr("reason", found)
        study.tell(trial, state=pruned)
        return None

    def _study(self, number: int) -> optuna.Study:
        """A study in memory, with the sampler of a candidate."""
        seed = stream_seed(self.context.settings.seed, "search", self.group.name, number) % 2**32
        samplers, pruners = self.library.samplers, self.library.pruners
        patience = patience_epochs(self.context, self.group)
        study: optuna.Study = self.library.create_study(
            directions=["minimize"] * len(self.settings.objectives),
            sampler=samplers.RandomSampler(seed=seed)
            if self.settings.sampler == "random"
            else samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
            pruner=pruners.MedianPruner(n_warmup_steps=patience + 1)
            if self.settings.pruner == "median"
            else pruners.SuccessiveHalvingPruner(min_resource=patience + 1),
        )
        return study

    def _own_values(self) -> dict[str, Value]:
        return own_values(self.group, self.context.own_settings(self.group), self.space)

    def _kept(self, number: int) -> dict[str, Value]:
        """What an early candidate keeps of the group's own settings; draws at random keep nothing."""
        if self.settings.sampler == "random" or number >= STARTUP:
            return {}
        draws = np.random.default_rng(stream_seed(self.context.settings.seed, "kept", self.group.name, number))
        return kept_values(self._own_values(), self.space, draws)

    def _train_own(self) -> Ended:
        """What the own settings are worth, as a trial of those of their values that lie in the space."""
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
        params = self._own_values()
        ranges = {".".join(place): found.distribution(self.library) for place, found in self.space.items()}
        trial = self.library.trial.create_trial(
            values=[float(found.losses.mean()), *self._costs(cost)],
            params=params,
            distributions={name: ranges[name] for name in params},
            intermediate_values=dict(enumerate(curve, 1)),
            user_attrs={"candidate": OWN, "cost": attrs.asdict(cost)},
        )
        return Ended(trial, found.losses)

    def _costs(self, cost: Cost) -> list[float]:
        figures = {"latency": float(cost.flops), "memory": float(cost.bytes)}
        return [figures[name] for name in self.settings.objectives[1:]]

    def _stops(
        self,
        trial: optuna.Trial,
        cost: Cost,
        curve: list[float],
        loss: float,
        seen: Sequence[optuna.trial.FrozenTrial],
    ) -> bool:
        """Whether a candidate ends after an epoch."""
        curve.append(loss)
        if len(self.settings.objectives) == 1:
            trial.report(loss, len(curve))
            return bool(trial.should_prune())
        if len(curve) <= patience_epochs(self.context, self.group):
            return False
        others = [
            min(other.user_attrs["curve"][: len(curve)])
            for other in seen
            if "curve" in other.user_attrs and self._is_cheaper(other.user_attrs["cost"], cost)
        ]
        return len(others) >= STARTUP and min(curve) > statistics.median(others)

    def _is_cheaper(self, other: Mapping[str, float], cost: Cost) -> bool:
        """Whether a finished candidate costs no more in any objective."""
        return all(one <= mine for one, mine in zip(self._costs(Cost(**other)), self._costs(cost), strict=True))  # type: ignore[arg-type]  # the file has numbers
