"""Each factor and part has a network of its own beside the shared one, and is learnt where it is labelled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import BuildContext, Field
from redheart_core.testing import build_context, random_inputs
from redheart_surd_head import redheart_provide_heads
from redheart_surd_head.training import build

SHAPES = {"embedding": ("T", 8), "backbone.sequence": ("T", 8), "backbone.surd": (8,)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_heads()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


@pytest.mark.parametrize(("networks", "output"), [("factors", "choice_factors"), ("parts", "causal_parts_logits")])
def test_a_network_moves_its_own_answer_alone(networks: str, output: str) -> None:
    torch.manual_seed(0)
    head, given = build(context("choice_factors", "causal_parts")).eval(), inputs()
    before = head(given)
    with torch.no_grad():
        for name, parameter in head.networks.get_submodule(networks).named_parameters():
            parameter.view(4, -1)[2].add_(0.0 if "weight" in name else 0.5)
    after = head(given)
    assert torch.equal(before[output][:, [0, 1, 3]], after[output][:, [0, 1, 3]])
    assert bool((before[output][:, 2] != after[output][:, 2]).all())
    (other,) = {"choice_factors", "causal_parts_logits"} - {output}
    assert torch.equal(before[other], after[other])
