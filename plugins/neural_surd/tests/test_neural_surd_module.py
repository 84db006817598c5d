"""Each factor and part has a network of its own beside the shared one, and is learnt where it is labelled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field, PluginError
from redheart_neural_surd import redheart_provide_analyzers
from redheart_neural_surd.model import NeuralSurd
from redheart_neural_surd.settings import NeuralSurdSettings
from redheart_neural_surd.training import build, objective


def context(*names: str, **changes: Field) -> BuildContext:
    """What the builder sees of a data set with these fields."""
    (spec,) = redheart_provide_analyzers()
    bound = spec.bind(names)
    fields = {name: CATALOGUE[name] for name in names} | changes
    settings = NeuralSurdSettings(**spec.scales["tiny"])
    shapes: dict[str, tuple[int | str, ...]] = {"embedding": ("T", 6)}
    return BuildContext(settings, "tiny", shapes, fields, frozenset(given.name for given in bound.gives))


def inputs(width: int = 6) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_every_reading_reaches_the_answer() -> None:
    torch.manual_seed(0)
    module = NeuralSurd(6, 12, 3, 4, 4, 0.0, 0.0, 0.0)
    module(inputs())["choice_factors"].square().sum().backward()
    assert module.pool.score.grad is not None
    assert bool((module.pool.score.grad != 0).any(-1).all())


def test_readings_differ() -> None:
    torch.manual_seed(0)
    module = NeuralSurd(6, 12, 3, 4, 0, 0.0, 0.0, 0.0)
    read = module.pool(module.reasoner(inputs()["embedding"]), inputs()["mask"])[0]
    assert not torch.allclose(read[0], read[1], atol=1e-5)


def test_causal_parts_sum_to_one_and_are_the_softmax_of_the_logits() -> None:
    torch.manual_seed(0)
    outputs = build(context("choice_factors", "causal_parts"))(inputs())
    parts, logits = outputs["causal_parts"], outputs["causal_parts_logits"]
    torch.testing.assert_close(parts.sum(-1), torch.ones(4))
    torch.testing.assert_close(parts, logits.exp() / logits.exp().sum(-1, keepdim=True))


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        (("choice_factors",), {"choice_factors"}),
        (("causal_parts",), {"causal_parts", "causal_parts_logits"}),
        (("choice_factors", "causal_parts"), {"choice_factors", "causal_parts", "causal_parts_logits"}),
    ],
)
def test_what_the_data_set_has_is_built_and_learnt(names: tuple[str, ...], outputs: set[str]) -> None:
    seen = context(*names)
    assert build(seen)(inputs()).keys() == outputs
    learnt = objective(seen)
    assert tuple(term.target for term in learnt.losses) == names
    assert {metric.target for metric in learnt.metrics} == set(names)


def test_data_with_neither_is_refused_by_name() -> None:
    with pytest.raises(
        PluginError, match=r"plugin 'neural_surd' learns 'choice_factors' and 'causal_parts'.*--disable neural_surd"
    ):
        build(context())
