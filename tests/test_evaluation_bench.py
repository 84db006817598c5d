"""Measurements of a module: sizes, ablations, comparisons, times."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from toy import Toy

from redheart_core.evaluation.bench import ablate, compare, sizes_at, submodule_sizes
from redheart_core.evaluation.timing import measure
from redheart_core.groups.validation import evaluate


class Nested(nn.Module):
    """Two submodules, one without parameters, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
        self.quiet = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.ones(5))


def test_parameters_are_counted_by_direct_submodule() -> None:
    assert submodule_sizes(Nested()) == {"first": 16 + 8, "scale": 5}


def test_sizes_are_those_of_the_built_module(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    (node,) = context.nodes
    sizes = sizes_at(node, context.nodes, context.store.fields, "tiny")
    assert sizes == {"hidden": 768 * 8 + 8, "last": 8 + 1}


def test_an_ablation_sets_one_submodule_to_zero_and_leaves_the_module_as_it_was(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    module = context.module(context.groups[0])
    before = {name: tensor.clone() for name, tensor in module.parameter_dict().items()}
    rows = context.store.rows("validation")
    result = evaluate(module, context.source, rows)
    found = {one.submodule: one for one in ablate(context, module, "a", result)}
    assert set(found) == {"hidden", "last"}
    target = context.store.target("regret")[rows]
    half = float((target - 0.5).abs().mean())  # a last layer of zeros gives sigmoid(0)
    assert found["last"].metric == pytest.approx(half)
    assert found["last"].loss_gain == pytest.approx(float((target - 0.5).square().mean()) - result.loss)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.parameter_dict().items())


def test_a_comparison_holds_the_node_beside_the_constant_and_the_linear_map(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    module = context.module(context.groups[0])
    rows = context.store.rows("validation")
    result = evaluate(module, context.source, rows)
    error, variance = compare(context, module, "a", result)
    target, mean = context.store.target("regret")[rows], context.store.target("regret")[context.store.rows("train")]
    assert (error.metric, error.main, variance.main) == ("mean_absolute_error", True, False)
    assert error.node == result.metrics["a.mean_absolute_error"]
    assert error.constant is not None
    assert error.constant == pytest.approx(float((target - mean.mean()).abs().mean()))
    assert error.linear is not None
    assert error.linear < error.constant
    assert variance.linear is not None
    assert variance.constant is not None
    assert variance.linear > variance.constant


def test_a_node_is_timed_with_all_that_it_reads(toy: Toy) -> None:
    context = toy.context([toy.node("a"), toy.node("b", reads=("a.value", "embedding"))])
    node = next(node for node in context.nodes if node.name == "b")
    threads = torch.get_num_threads()
    try:
        timing = measure([node], context.nodes, context.store.fields, "tiny", chunks=3, threads=1, repeats=2)
    finally:
        torch.set_num_threads(threads)
    assert timing.parameters == (768 + 1) * 8 + 8 + 8 + 1
    assert timing.forward > 0
    assert timing.step is not None
    assert timing.step > 0
    assert timing.samples_per_second == pytest.approx(32_000 / timing.step)
