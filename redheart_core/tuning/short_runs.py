"""Short trainings of one group at several learning rates, side by side.

All rates of a group and seed see the same batches, drawn once, the same random numbers and the same initial weights,
since these depend on seed, group, epoch and step alone. Nothing but the rate differs between them. Weights of the
candidates stacked into one forward pass (torch.func) were measured and left out: see tests/benchmarks/bench_stacked.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.errors import SettingsError
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch, validate_epoch
from redheart_core.training.group_trainer import GroupFault, GroupTrainer
from redheart_core.training.stored_weights import as_stored

Status = Literal["finished", "dropped", "not_finite", "stopped"]
BATCHES = 8
"""Read once and held for all rates; a rate takes them all before the next one, which keeps its weights near."""

Drop = Callable[[int, Mapping[float, FloatArray]], Mapping[float, str]]
"""After an epoch, from the losses of the rates still running, (N,) each: which to drop, and why."""


def short_settings(settings: TrainSettings, epochs: int, seed: int) -> TrainSettings:
    """The settings of a short training that has the shape of the one it stands for.

    Batch size, final rate and everything else stay. The cosine comes down within the short training. Warm-up and
    restarts are counted in updates, so both are scaled by epochs / settings.epochs and rounded: they take the same
    share of the short training as of the long one.

    Args:
        settings: Of the training it stands for.
        epochs: Of the short one.
        seed: Of its weights, batches and dropout.

    Raises:
        SettingsError: It would be longer than the training it stands for.
    """
    if not 1 <= epochs <= settings.epochs:
        raise SettingsError(
            f"short runs take 1 to {settings.epochs} epochs, as the training that they stand for takes "
            f"{settings.epochs}, got {epochs}; give fewer with --sweep-epochs or train longer with --epochs"
        )
    share = epochs / settings.epochs
    return attrs.evolve(
        settings,
        epochs=epochs,
        seed=seed,
        warmup_updates=round(settings.warmup_updates * share),
        restart_updates=max(1, round(settings.restart_updates * share)),
    )


def short_context(context: TrainingContext, epochs: int, seed: int) -> TrainingContext:
    """The same groups and data under short_settings."""
    settings = short_settings(context.settings, epochs, seed)
    tables = {one.name: short_table(one.settings, context.settings, epochs) for one in context.groups}
    short = TrainingContext.prepare(context.store, context.nodes, settings, tables)
    return attrs.evolve(short, starts=context.starts)


def short_table(own: GroupSettings, settings: TrainSettings, epochs: int) -> GroupSettings:
    """The table of a group whose own epochs and warm-up go over into those of the short training; none stay none."""
    if own.epochs == 0 or (own.epochs is None and own.warmup_updates is None):
        return own
    short = short_settings(own.over(settings), epochs, settings.seed)
    return attrs.evolve(own, epochs=None, warmup_updates=short.warmup_updates)


def at_rate(group: Group, rate: float) -> Group:
    """The group with another peak rate."""
    return attrs.evolve(group, settings=attrs.evolve(group.settings, learning_rate=rate))


@attrs.frozen(eq=False)
class ShortRun:
    """One group at one rate with one seed."""

    rate: float
    status: Status
    reason: str
    """Why it is not finished."""
    losses: FloatArray
    """(E, N) float64: validation loss after each epoch that it has, record by record, or cluster by cluster of
    near-duplicates."""
    start: FloatArray | None
    """(N,) the same at epoch 0, for a group that has one."""
    best_weights: Mapping[str, Tensor]
    """Weights at its lowest validation loss; empty if no node reads the group."""
    seconds: float
    """Spent on its own updates and validation; 0 of agents, where nobody reads it."""

    @property
    def epochs(self) -> int:
        return len(self.losses)

    @property
    def means(self) -> tuple[float, ...]:
        """The validation loss after each epoch, summed as training sums it, to the same bits."""
        return tuple(float(torch.from_numpy(losses).mean()) for losses in self.losses)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, the earlier one of equals."""
        first = 1 if self.start is None else 0
        rows = self.losses if self.start is None else np.vstack([self.start, self.losses])
        return int(rows.mean(1).argmin()) + first


@attrs.define(eq=False)
class _Candidate:
    rate: float
    trainer: GroupTrainer
    keep: bool
    """Whether the weights of the best epoch are wanted."""
    start: FloatArray | None = None
    losses: list[FloatArray] = attrs.Factory(list)
    weights: dict[str, Tensor] = attrs.Factory(dict)
    status: Status = "finished"
    reason: str = ""
    seconds: float = 0.0

    @property
    def running(self) -> bool:
        return self.status == "finished"

    def stop(self, status: Status, reason: str) -> None:
        self.status, self.reason = status, reason

    def begin(self, losses: FloatArray) -> None:
        """Note the losses of epoch 0, and its weights."""
        self._keep_if_best(losses)
        self.start = losses

    def take(self, losses: FloatArray) -> None:
        """Note the losses of an epoch, and its weights if they are the best so far."""
        self._keep_if_best(losses)
        self.losses.append(losses)

    def _keep_if_best(self, losses: FloatArray) -> None:
        before = self.losses if self.start is None else [self.start, *self.losses]
        if self.keep and all(losses.mean() < one.mean() for one in before):
            self.weights = {name: tensor.clone() for name, tensor in self.trainer.module.parameter_dict().items()}

    def finish(self, records: int) -> ShortRun:
        losses = np.stack(self.losses) if self.losses else np.zeros((0, records))
        return ShortRun(self.rate, self.status, self.reason, losses, self.start, self.weights, self.seconds)


def run_rates(
    context: TrainingContext, group: Group, rates: Sequence[float], keep_weights: bool, drop: Drop
) -> tuple[ShortRun, ...]:
    """Train a group at several rates from the same weights on the same batches, epoch by epoch.

    A rate whose loss, gradient or metric is no longer finite is out; the others go on.

    Args:
        context: Its settings are those of the short training.
        group: Descends; what it reads of others is known to the context's source.
        rates: Peak rates, each once.
        keep_weights: Keep the weights of each rate's best epoch.
        drop: Asked after every epoch.
    """
    clusters = context.store.clusters_of(context.store.rows("validation"))
    candidates = [_Candidate(rate, context.trainer(at_rate(group, rate)), keep_weights) for rate in rates]
    if context.has_epoch_zero(group):
        _begin(context, candidates)
    for epoch in range(1, context.settings.epochs + 1):
        running = [one for one in candidates if one.running]
        results = train_epoch(context, [one.trainer for one in running], epoch, BATCHES)
        for one, trained in zip(running, results, strict=True):
            started = time.perf_counter()
            try:
                trained.check()
                with as_stored(one.trainer):
                    one.take(clusters.values(validate_epoch(context, one.trainer.module, epoch).losses))
            except GroupFault as fault:
                one.stop("not_finite", str(fault))
            one.seconds += trained.seconds + time.perf_counter() - started
        alive = {one.rate: one for one in running if one.running}
        for rate, reason in drop(epoch, {rate: one.losses[-1] for rate, one in alive.items()}).items():
            alive[rate].stop("dropped", reason)
    return tuple(one.finish(len(clusters)) for one in candidates)


def _begin(context: TrainingContext, candidates: Sequence[_Candidate]) -> None:
    """Evaluate epoch 0, at which all rates are the same."""
    clusters = context.store.clusters_of(context.store.rows("validation"))
    for one in candidates:
        try:
            with as_stored(one.trainer):
                one.begin(clusters.values(validate_epoch(context, one.trainer.module, 0).losses))
        except GroupFault as fault:
            one.stop("not_finite", str(fault))


def share_outputs(contexts: Sequence[TrainingContext], group: Group, module: GroupModule) -> None:
    """Compute once what the groups above read of this one, and give it to several trainers of the same data."""
    outputs = contexts[0].outputs(group, module)
    if outputs is not None:
        for context in contexts:
            context.source.add_lower(outputs)


def read_weights(context: TrainingContext, group: Group, weights: Mapping[str, Tensor]) -> GroupModule:
    """The group with these weights."""
    module = context.module(group)
    module.load({name: torch.as_tensor(tensor) for name, tensor in weights.items()})
    return module
