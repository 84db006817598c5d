"""The short trainings of a sweep, by whichever process: one per candidate, kept in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import attrs

from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.training.context import TrainingContext
from redheart_core.training.share import chosen_groups, groups_below
from redheart_core.tuning.short_runs import ShortRun, read_weights, run_rates, share_outputs, short_context
from redheart_core.tuning.sweep_journal import Journal
from redheart_core.tuning.sweep_steps import Candidate, SweepSettings

Drop = Callable[[int, Mapping[float, FloatArray]], Mapping[float, str]]


@attrs.define(eq=False)
class ShortTrainings:
    """Trains candidates, with what the groups below them answer computed once."""

    contexts: tuple[TrainingContext, ...]
    """Of the short trainings, one per seed."""
    journal: Journal
    _shared: set[str] = attrs.field(factory=set, init=False)

    @classmethod
    def of(cls, context: TrainingContext, settings: SweepSettings, journal: Journal) -> ShortTrainings:
        """For a sweep.

        Args:
            context: Of the training that the rates are for; its seed is seed 0.
            settings: Of the sweep.
            journal: Where finished candidates are.

        Raises:
            SettingsError: The short training would be longer than the training.
        """
        first = context.settings.seed
        contexts = tuple(short_context(context, settings.epochs, first + number) for number in range(settings.seeds))
        return cls(contexts, journal)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Lower tiers first."""
        return tuple(self.contexts[0].groups)

    def descends(self, group: Group) -> bool:
        """Whether a group has a rate."""
        return not group.fitted and self.contexts[0].trainer(group).optimizer is not None

    def train(self, candidates: Sequence[Candidate], chosen: Mapping[str, Candidate], drop: Drop) -> list[ShortRun]:
        """Train candidates of one group, stage and seed side by side, and note them in the journal.

        Args:
            candidates: Those to train.
            chosen: By group the candidate that was chosen for it; those of the groups below that descend are read.
            drop: As for run_rates.

        Raises:
            CheckpointError: The journal does not hold the weights of a chosen candidate.
        """
        started, seed = time.perf_counter(), candidates[0].seed
        (group,) = chosen_groups(self.groups, [candidates[0].group])
        self._share_below(group, chosen)
        keep = seed == 0 and any(group.name in other.reads for other in self.groups)
        runs = run_rates(self.contexts[seed], group, [one.rate for one in candidates], keep, drop)
        overhead = time.perf_counter() - started - sum(run.seconds for run in runs)
        for candidate, run in zip(candidates, runs, strict=True):
            self.journal.write(candidate, run, overhead / len(runs))
        return [attrs.evolve(run, best_weights={}) for run in runs]

    def _share_below(self, group: Group, chosen: Mapping[str, Candidate]) -> None:
        first = self.contexts[0]
        for lower in groups_below(self.groups, [group]):
            if lower.name in self._shared:
                continue
            if lower.name in chosen:
                module = read_weights(first, lower, self.journal.weights(chosen[lower.name]))
            else:
                module = first.fit(lower) if lower.fitted else first.module(lower)
            share_outputs(self.contexts, lower, module)
            self._shared.add(lower.name)
