"""What is known of a group's learning rates, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from redheart_core.exact.numbers import FloatArray
from redheart_core.tuning.rates import RateChoice
from redheart_core.tuning.short_runs import ShortRun
from redheart_core.tuning.sweep_result import GroupSweep, RateRuns


@attrs.frozen(eq=False)
class Known:
    """What is known of a group's rates so far."""

    runs: dict[float, list[ShortRun]]
    """Rate to one run per seed."""
    stages: list[tuple[float, ...]]

    def complete(self, seeds: int) -> dict[float, FloatArray]:
        """Rate to its last losses, (S, N), for those that finished with every seed."""
        return {
            rate: np.stack([run.losses[-1] for run in runs])
            for rate, runs in self.runs.items()
            if len(runs) == seeds and all(run.status == "finished" for run in runs)
        }

    def after(self, epoch: int, seeds: int) -> dict[float, FloatArray]:
        """Rate to its losses after an epoch with the first so many seeds, (S, N), for those that got so far."""
        return {
            rate: np.stack([run.losses[epoch - 1] for run in runs[:seeds]])
            for rate, runs in self.runs.items()
            if len(runs) >= seeds and all(run.epochs >= epoch for run in runs[:seeds])
        }

    def judged(
        self,
        group: str,
        tier: int,
        complete: Mapping[float, FloatArray],
        choice: RateChoice | None,
        updates_per_epoch: int,
        epochs_saved: int,
    ) -> GroupSweep:
        """What the sweep says of the group.

        Args:
            group: Its name.
            tier: Its tier.
            complete: As the method of this name gives it.
            choice: Made on these; None if no rate is complete.
            updates_per_epoch: Of a short training.
            epochs_saved: As in GroupSweep.
        """
        stage_of = {rate: stage for stage, rates in enumerate(self.stages, 1) for rate in rates}
        return GroupSweep(
            group=group,
            tier=tier,
            status="chosen" if choice else "failed",
            reason="" if choice else "no rate came to the end with finite losses for every seed",
            stages=tuple(self.stages),
            rates=tuple(
                RateRuns.of(rate, stage_of[rate], self.runs[rate], choice.differences.get(rate) if choice else None)
                for rate in sorted(self.runs)
            ),
            choice=choice,
            epoch=self.runs[choice.chosen][0].best_epoch if choice else None,
            updates_per_epoch=updates_per_epoch,
            epochs_saved=epochs_saved,
            complete=complete,
        )
