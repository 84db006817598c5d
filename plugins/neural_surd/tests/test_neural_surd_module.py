"""Each factor and part has a network of its own beside the shared one, and is learnt where it is labelled."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_core import BuildContext, Field
from redheart_core.testing import build_context, random_inputs
from redheart_neural_surd import redheart_provide_analyzers
from redheart_neural_surd.training import build

SHAPES = {"embedding": ("T", 6)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_analyzers()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


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
