"""What groups above read is computed on the records that they learn from, and on no others."""

from __future__ import annotations

import attrs
from toy import Toy

from redheart_core.groups.group import Group
from redheart_core.training.context import TrainingContext
from redheart_core.training.trainable import SEEN


def fusing(group: Group) -> Group:
    """The group with nodes that fit on validation records."""
    return attrs.evolve(
        group,
        nodes=tuple(
            attrs.evolve(node, spec=attrs.evolve(node.spec, fits_validation=True, fit="toy:fit"))
            for node in group.nodes
        ),
    )


def test_outputs_for_networks_are_read_on_all_records_and_those_for_fusions_on_validation_records(toy: Toy) -> None:
    nodes = [toy.node("low"), toy.node("middle", reads=("low.value", "embedding")),
             toy.node("high", reads=("middle.value", "embedding"))]  # fmt: skip
    context = toy.context(nodes)
    low, middle, high = context.groups
    assert [context.read_splits(group) for group in (low, middle, high)] == [SEEN, SEEN, ()]
    fused = attrs.evolve(context, groups=(low, middle, fusing(high)))
    assert fused.read_splits(middle) == ("validation",)
    assert fused.read_splits(low) == SEEN
    twice = attrs.evolve(context, groups=(low, fusing(middle), fusing(high)))
    assert twice.read_splits(low) == ("validation",)
    below = attrs.evolve(context, groups=(low, fusing(middle), high))
    assert below.read_splits(low) == ("validation", "train")


def test_a_fusion_is_fitted_on_what_its_training_loss_is_of(toy: Toy) -> None:
    context: TrainingContext = toy.context([toy.node("low")])
    (group,) = context.groups
    assert context.fitted_splits(group) == SEEN
    assert context.fitted_splits(fusing(group)) == ("validation",)
