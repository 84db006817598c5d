"""Checks of a node that learns what a baseline leaves: how it begins, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.baseline import start_from_baseline
from redheart_core.groups.binding import addend
from redheart_core.groups.graph import plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import CPU, GroupModule
from redheart_core.testing.learning_checks import BATCH
from redheart_core.testing.members import BASELINE, stand_in_baseline
from redheart_core.testing.plugin import NotApplicable, require
from redheart_core.testing.subject import SEED, SETTINGS, UPDATES, Subject, activate
from redheart_core.training.audit import audit_group
from redheart_core.training.group_trainer import GroupTrainer


@attrs.frozen(eq=False)
class AboveBaseline:
    """A checked node's group above a made-up baseline, with the records and what the baseline answers on them."""

    group: Group
    subject: Subject

    @property
    def node(self) -> ActiveNode:
        """The node that is checked."""
        return next(node for node in self.group.nodes if node.name == self.subject.name)

    def module(self) -> GroupModule:
        """The group, new."""
        return GroupModule(self.group, self.subject.surroundings(), CPU)

    def trainer(self) -> GroupTrainer:
        """The group, new, with an optimizer."""
        return GroupTrainer(self.group, self.subject.surroundings(), SETTINGS, UPDATES, CPU)


def check_starts_at_the_baseline(subject: Subject) -> None:
    """Untrained, the node answers as the baseline on all that both answer, to the last bit."""
    above = _above_baseline(subject)
    batch = above.subject.batch(range(subject.size))
    module = above.module()
    for training in (True, False):
        module.train(training)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(SEED)
            outputs = module(batch)
        for field in above.node.residual_fields:
            for name in dict.fromkeys((field, addend(subject.node.spec, field))):
                require(
                    subject.plugin,
                    torch.equal(outputs[f"{subject.name}.{name}"], batch.inputs[f"{BASELINE}.{name}"]),
                    f"untrained, its output '{name}' has to be that of the baseline to the last bit, in "
                    f"{'training' if training else 'eval'} mode; its own numbers have to be finite",
                )


def check_same_without_the_baseline(subject: Subject) -> None:
    """With residual = false, parameters and outputs are those of a run without a baseline, to the last bit."""
    above = _above_baseline(subject, residual=False)
    batch = subject.batch(range(subject.size))
    alone, again, beside = (one.module().eval() for one in (subject, subject, above))
    with torch.no_grad():
        one, other, two = (module(batch) for module in (alone, again, beside))
    if not _equal(one, other):
        raise NotApplicable("it does not answer twice the same, which another check says")
    require(
        subject.plugin,
        alone.parameter_dict().keys() == beside.parameter_dict().keys() and _equal(one, two),
        "with residual = false it has to answer as without a baseline",
    )


def check_every_parameter_adds_to_the_baseline(subject: Subject) -> None:
    """Every parameter that learns without a baseline gets a gradient above one too, once what the node adds counts."""
    above = _above_baseline(subject)
    without = _idle(subject, subject.trainer())
    idle = {name: state for name, state in _idle(above.subject, above.trainer()).items() if name not in without}
    listed = "; ".join(f"{name}: {state}" for name, state in idle.items())
    require(subject.plugin, not idle, f"above a baseline these parameters would never be trained: {listed}")


def _idle(subject: Subject, trainer: GroupTrainer) -> dict[str, str]:
    """The node's parameters that no record teaches anything, with what is wrong."""
    batches = (subject.batch(range(first, min(first + BATCH, subject.size))) for first in range(0, subject.size, BATCH))
    accounts = audit_group(trainer, batches)
    return {one.name: one.state for one in accounts if one.plugin == subject.name and not one.accounted}


def _equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def _above_baseline(subject: Subject, residual: bool = True) -> AboveBaseline:
    """The subject above a baseline that answers all fields which it can start from.

    Raises:
        NotApplicable: There are none, or the node is fitted in closed form.
    """
    spec = subject.node.spec
    if spec.fit is not None:
        raise NotApplicable("it answers nothing that a baseline's answers could be added to")
    baseline = activate(stand_in_baseline([subject.fields[name] for name in spec.targets if addend(spec, name)]))
    bound = start_from_baseline([*subject.nodes, baseline], subject.fields)
    if not any(node.name == subject.name and node.residual_fields for node in bound):
        raise NotApplicable("it answers nothing that a baseline's answers could be added to")
    if not residual:
        nodes = [attrs.evolve(node, residual=False) for node in subject.nodes]
        bound = start_from_baseline([*nodes, baseline], subject.fields)
    groups = plan_groups(bound)
    (below,) = (group for group in groups if group.name == BASELINE)
    group = next(group for group in groups if subject.name in {node.name for node in group.nodes})
    changed = attrs.evolve(subject, nodes=bound, group=group)
    module = GroupModule(below, changed.surroundings(), CPU).eval()
    with torch.no_grad():
        answers = module(subject.records)
    records = Batch({**subject.records.inputs, **answers}, subject.records.targets)
    return AboveBaseline(group, attrs.evolve(changed, records=records))
