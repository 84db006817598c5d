"""Each factor and part has a network of its own beside the shared one, and is learnt where it is labelled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field, PluginError
from redheart_surd_head import redheart_provide_heads
from redheart_surd_head.settings import SurdHeadSettings
from redheart_surd_head.training import build, objective


def context(*names: str, **changes: Field) -> BuildContext:
    """What the builder sees of a data set with these fields."""
    (spec,) = redheart_provide_heads()
    bound = spec.bind(names)
    fields = {name: CATALOGUE[name] for name in names} | changes
    settings = SurdHeadSettings(**spec.scales["tiny"])
    shapes: dict[str, tuple[int | str, ...]] = {
        "embedding": ("T", 8),
        "backbone.sequence": ("T", 8),
        "backbone.surd": (8,),
    }
    return BuildContext(settings, "tiny", shapes, fields, frozenset(given.name for given in bound.gives))


def inputs(width: int = 8) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    features = torch.randn(4, width, generator=draw)
    sequence, embedding = torch.randn(2, 4, 3, width, generator=draw)
    return {"backbone.surd": features, "backbone.sequence": sequence, "embedding": embedding, "mask": mask}


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
        PluginError, match=r"plugin 'surd_head' learns 'choice_factors' and 'causal_parts'.*--disable surd_head"
    ):
        build(context())
