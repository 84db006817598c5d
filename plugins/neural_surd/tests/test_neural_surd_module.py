"""Each factor and part has a network of its own beside the shared one, and is learnt where it is labelled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field, PluginError
from redheart_neural_surd import redheart_provide_analyzers
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


def test_each_answer_adds_its_own_network_to_the_shared_one_and_the_linear_skip() -> None:
    torch.manual_seed(0)
    module = build(context("choice_factors", "causal_parts")).eval()
    bias = [name for name, _ in module.named_parameters() if name.startswith("networks.factors.")][-1]
    before = module(inputs())
    with torch.no_grad():
        module.get_parameter(bias)[1] += 0.5  # of the second factor
    after = module(inputs())
    moved = after["choice_factors"].logit() - before["choice_factors"].logit()
    torch.testing.assert_close(moved, torch.tensor([0.0, 0.5, 0.0, 0.0]).expand(4, 4), atol=1e-5, rtol=0)
    assert torch.equal(after["causal_parts"], before["causal_parts"])


def test_a_text_is_the_mean_of_its_chunks_whatever_their_order() -> None:
    torch.manual_seed(0)
    module, given = build(context("choice_factors")).eval(), inputs()
    turned = given | {"embedding": given["embedding"].clone()}
    turned["embedding"][0] = given["embedding"][0].flip(0)
    torch.testing.assert_close(module(turned)["choice_factors"], module(given)["choice_factors"])


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
