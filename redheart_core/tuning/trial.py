"""One training of one group with settings of its own, evaluated as the group declares it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.graph import output_shapes
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.runs.describe import describe
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch, validate_epoch
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.progress import load_fixed
from redheart_core.training.stored_weights import as_stored

Report = Callable[[int, float], bool]
"""Takes an epoch and its validation loss; whether to stop."""


@attrs.frozen(eq=False)
class Trained:
    """A training that came to its end."""

    losses: FloatArray
    """(N,) validation losses at the best epoch, record by record or cluster by cluster of near-duplicates."""
    weights: Mapping[str, Tensor]
    """Of that epoch, "node.parameter" to tensor; empty if they were not wanted."""


def train_group(
    context: TrainingContext, group: Group, own: GroupModule, report: Report, *, keep: bool = False
) -> Trained | str | None:
    """Train a group with changed settings, and evaluate every epoch by the losses and weights of its own ones.

    Args:
        context: Of the group's own settings.
        group: One of its groups, changed.
        own: The group as it is in the context.
        report: Called after every epoch but epoch 0, which is the same for all settings.
        keep: Whether the weights of the best epoch are wanted.

    Returns:
        None if report stopped it; or why a plugin's code fails, or a loss, a gradient or a metric is not finite.
    """
    context = with_group(context, group)
    clusters = context.store.clusters_of(context.store.rows("validation"))
    best: Trained | None = None
    try:
        with stopping_alone():
            trainer = context.trainer(group)
        for epoch in range(0 if context.has_epoch_zero(group) else 1, trainer.settings.epochs + 1):
            if epoch:
                (trained,) = train_epoch(context, [trainer], epoch)
                trained.check()
            with as_stored(trainer), _evaluated_as(trainer.module, own):
                result = validate_epoch(context, trainer.module, epoch)
                losses = clusters.values(result.losses)
                if best is None or losses.mean() < best.losses.mean():
                    parameters = trainer.module.parameter_dict() if keep else {}
                    best = Trained(losses, {name: tensor.clone() for name, tensor in parameters.items()})
            if epoch and report(epoch, result.loss):
                return None
    except GroupFault as fault:
        return str(fault)
    return best


def descends(context: TrainingContext, group: Group) -> bool:
    """Whether a search can change a group: its weights are neither computed in closed form nor kept as they begin."""
    kept = not context.own_settings(group).epochs
    return not group.fitted and not kept and context.trainer(group).optimizer is not None


def with_group(context: TrainingContext, group: Group) -> TrainingContext:
    """The context with a changed group: the settings of its nodes decide the shapes of their outputs."""
    own = {node.name: node for node in group.nodes}
    nodes = tuple(own.get(node.name, node) for node in context.nodes)
    groups = tuple(group if one.name == group.name else one for one in context.groups)
    store = context.store
    shapes = output_shapes(nodes, store.fields, store.embedding_width, store.term_count, store.tokenizers)
    surroundings = attrs.evolve(context.surroundings, shapes=shapes)
    return attrs.evolve(context, nodes=nodes, groups=groups, surroundings=surroundings)


@contextmanager
def _evaluated_as(module: GroupModule, own: GroupModule) -> Iterator[None]:
    """Inside, a module's losses, metrics and loss weights are another one's."""
    group, objectives = module.group, module.objectives
    module.group, module.objectives = own.group, own.objectives
    try:
        yield
    finally:
        module.group, module.objectives = group, objectives


def read_lower(run: RunFolder, context: TrainingContext, group: Group) -> None:
    """Make the outputs of the groups below readable, from the best epochs of a run.

    Raises:
        CheckpointError: The run is missing, was begun otherwise, or lacks an epoch of a group below.
    """
    if not group.reads:
        return
    below = _below(context, group)
    now = describe(run.path, context.nodes, context.groups, context.settings, context.store)
    run.read().require_same(now, run.path)
    for lower in [one for one in context.groups if one.name in below]:
        if (lower.fitted or lower.targets) and not run.group(lower.name).read().epochs:
            raise CheckpointError(
                f"group '{group.name}' reads '{lower.name}', which is not trained in {run.path}; "
                f"train it with redheart train -o {run.path}"
            )
        module = context.module(lower)
        load_fixed(run, lower, module)
        context.add_outputs(lower, module)


def _below(context: TrainingContext, group: Group) -> set[str]:
    """Groups that a group reads, and those that these read."""
    by_name = {one.name: one for one in context.groups}
    return {name for read in group.reads for name in (read, *_below(context, by_name[read]))}


def patience_epochs(context: TrainingContext, group: Group) -> int:
    """Epochs before a candidate may stop: a third of them, and all those of the warm-up.

    Until then the loss says how high the rate is, and nothing of where the training ends.
    """
    settings = context.own_settings(group)
    warm = math.ceil(settings.warmup_updates / context.updates_per_epoch(group))
    return min(max(settings.epochs // 3, warm), settings.epochs - 1)
