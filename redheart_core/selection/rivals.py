"""Every way to make one model of a run's epochs, compared group by group on the validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch

from redheart_core.contract.errors import CheckpointError
from redheart_core.exact.clusters import Clusters
from redheart_core.runs.run import RunFolder
from redheart_core.selection.methods import METHODS, SELECTION, Method
from redheart_core.selection.picks import Pick, Pool
from redheart_core.storage.runtime import generator
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import FAULTS

CHOSEN = "chosen"
"""The name of what validation alone chooses among the methods."""

Progress = Callable[[str, int, int], None]


@attrs.frozen
class Rival:
    """One method on one group."""

    group: str
    pick: Pick
    epochs: str
    """For people."""
    loss: float
    """Mean validation loss."""
    difference: float
    """Mean over validation records of its loss less that of the plain selection."""
    error: float | None
    """Standard error of that mean, from the differences cluster by cluster of near-duplicates; None with one."""

    @property
    def accepted(self) -> bool:
        """Whether it is better than the plain selection by more than its standard error; the selection is itself."""
        return self.pick.method == "selection" or _beyond(self.difference, self.error)


@attrs.frozen
class Rivals:
    """All methods on all groups of a run that descend; groups in the order of the run."""

    table: Mapping[str, Mapping[str, Rival]]
    """Group to method to rival."""
    sums: Mapping[str, tuple[float, float | None]]
    """Method to mean and standard error over groups of difference / loss of the selection; no error with one record.
    The selection alone where no group descends."""

    def chosen(self, group: str) -> Rival:
        """The accepted method of the lowest validation loss; the selection if none is better beyond noise."""
        accepted = [rival for rival in self.table[group].values() if rival.accepted]
        return min(accepted, key=lambda rival: rival.loss)

    @property
    def best_method(self) -> str:
        """The method for all groups that validation prefers: the lowest mean difference, if beyond its error."""
        better = [name for name, (mean, error) in self.sums.items() if name == "selection" or _beyond(mean, error)]
        return min(better, key=lambda name: self.sums[name][0])

    def picks(self, method: str) -> dict[str, Pick]:
        """Group to pick by a method or "chosen"; a group that a method does not fit keeps its selection.

        Raises:
            CheckpointError: There is no such method, or it fits no group.
        """
        if method == CHOSEN:
            return {group: self.chosen(group).pick for group in self.table}
        if method not in self.sums:
            raise CheckpointError(
                f"no group can be made by '{method}' (methods here: {', '.join(self.sums)}, {CHOSEN}); others are left "
                "out where comparing would cost more than the training did"
            )
        return {group: rivals.get(method, rivals["selection"]).pick for group, rivals in self.table.items()}

    def to_json(self) -> dict[str, Any]:
        """rivals.json, and what follows from it."""
        table = unstructure(self)
        for group, rivals in self.table.items():
            for name, rival in rivals.items():
                table["table"][group][name]["accepted"] = rival.accepted
        chosen = {group: self.chosen(group).pick.method for group in self.table}
        return {**table, "chosen": chosen, "best_method": self.best_method}


RIVALS = SealedFile(Rivals, "rivals", 2, "run redheart crossover RUN --compare again")


def compare_methods(
    run: RunFolder,
    context: TrainingContext,
    progress: Progress | None = None,
    methods: Mapping[str, Method] = METHODS,
    stopped: dict[str, str] | None = None,
) -> tuple[Rivals, dict[str, Pool]]:
    """Try methods on every group that was trained for some epochs, lower tiers at their selection.

    A group that another one has descended on stays at the epoch that was fixed for it; what is fitted
    in closed form is fitted again on whatever it reads.

    Args:
        run: The run.
        context: Of its groups.
        progress: Called now and then.
        methods: What is tried.
        stopped: Gets the groups whose losses or metrics fail, with the reason; they are compared no further, and
            others read them at their selection. Without it such a failure is an error.

    Raises:
        CheckpointError: A group has no epoch on disk, or a checkpoint is damaged.
        DataError: A loss or metric fails.
    """
    table: dict[str, dict[str, Rival]] = {}
    pools: dict[str, Pool] = {}
    clusters = context.store.clusters_of(context.store.rows("validation"))
    fixed = {name for group in context.groups if not group.fitted for name in group.reads}
    for number, group in enumerate(context.groups):
        if progress:
            progress("compare", number, len(context.groups))
        pool = Pool(run, context, group)
        if pool.manifest.epochs:
            pools[group.name] = pool
            if pool.manifest.only is None:
                tried = SELECTION if group.name in fixed else methods
                try:
                    table[group.name] = _rivals(pool, context.settings.seed, tried, clusters)
                except FAULTS as fault:
                    if stopped is None:
                        raise
                    stopped[group.name] = str(fault)
            pool.build(Pick.single("selection", pool.manifest.best))
            pool.forget()
        elif group.targets:
            raise CheckpointError(
                f"group '{group.name}' has no epoch in {run.path}; go on with redheart train --resume -o {run.path}"
            )
        context.add_outputs(group, pool.module, ("validation",))
    return Rivals(table, _sums(table)), pools


def _rivals(pool: Pool, seed: int, methods: Mapping[str, Method], clusters: Clusters) -> dict[str, Rival]:
    """The methods on a group."""
    found: dict[str, Rival] = {}
    reference = pool.losses(Pick.single("selection", pool.manifest.best))
    for name, method in methods.items():
        if name != "selection" and not pool.affords(1):
            break
        pick = method(pool, generator(seed, "method", pool.group.name, name))
        if pick is None:
            continue
        pool.keep(pick)
        losses = pool.losses(pick)
        difference = losses - reference
        values = torch.from_numpy(clusters.values(difference.numpy()))
        error = float(values.std(correction=1)) / math.sqrt(len(values)) if len(values) > 1 else None
        found[name] = Rival(
            pool.group.name, pick, pick.describe(pool.manifest), float(losses.mean()), float(difference.mean()), error
        )
    return found


def _sums(table: Mapping[str, Mapping[str, Rival]]) -> dict[str, tuple[float, float | None]]:
    """Mean over groups of each method's difference, relative to the selection's loss; 0 where it does not fit."""
    if not table:
        return dict.fromkeys(SELECTION, (0.0, None))
    names = dict.fromkeys(name for rivals in table.values() for name in rivals)
    sums: dict[str, tuple[float, float | None]] = {}
    for name in names:
        parts: list[float] = []
        errors: list[float] = []
        for rivals in table.values():
            rival, scale = rivals.get(name, rivals["selection"]), abs(rivals["selection"].loss) or 1.0
            parts.append(rival.difference / scale)
            errors += [] if rival.error is None else [rival.error / scale]
        error = math.sqrt(math.fsum(error**2 for error in errors)) / len(parts) if len(errors) == len(parts) else None
        sums[name] = math.fsum(parts) / len(parts), error
    return sums


def _beyond(difference: float, error: float | None) -> bool:
    """Whether a difference is below 0 by more than its standard error, if that is known."""
    return error is not None and difference < -error
