"""What the data set has is built and learnt, by the head of a subject and by the network of its own alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from redheart_core import BuildContext, NodeSpec, Objective, PluginError
from redheart_core.testing import build_context, load_installed, random_inputs

SURD, EMOTION = ("surd_head", "neural_surd"), ("emotion_head", "neural_emotion")
SHAPES = {
    "embedding": ("T", 8),
    "backbone.sequence": ("T", 8),
    "backbone.surd": (8,),
    "backbone.emotion": (8,),
}


def spec_of(plugin: str) -> NodeSpec:
    return load_installed(plugin).node


def context(plugin: str, *names: str) -> BuildContext:
    spec = spec_of(plugin)
    return build_context(spec, names, {name: SHAPES[name] for name in spec.reads})


def build(plugin: str, *names: str) -> nn.Module:
    torch.manual_seed(0)
    return spec_of(plugin).build(context(plugin, *names))


def objective(plugin: str, *names: str) -> Objective:
    declared = spec_of(plugin).objective
    assert declared is not None
    return declared(context(plugin, *names))


def answer(plugin: str, *names: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = build(plugin, *names)(random_inputs(SHAPES))
    return found


@pytest.mark.parametrize("plugin", SURD)
def test_causal_parts_sum_to_one_and_are_the_softmax_of_the_logits(plugin: str) -> None:
    outputs = answer(plugin, "choice_factors", "causal_parts")
    parts, logits = outputs["causal_parts"], outputs["causal_parts_logits"]
    torch.testing.assert_close(parts.sum(-1), torch.ones(4))
    torch.testing.assert_close(parts, logits.exp() / logits.exp().sum(-1, keepdim=True))


@pytest.mark.parametrize("plugin", SURD)
@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        (("choice_factors",), {"choice_factors"}),
        (("causal_parts",), {"causal_parts", "causal_parts_logits"}),
        (("choice_factors", "causal_parts"), {"choice_factors", "causal_parts", "causal_parts_logits"}),
    ],
)
def test_choice_factors_and_causal_parts_come_where_they_are_labelled(
    plugin: str, names: tuple[str, ...], outputs: set[str]
) -> None:
    assert answer(plugin, *names).keys() == outputs
    learnt = objective(plugin, *names)
    assert tuple(term.target for term in learnt.losses) == names
    assert {metric.target for metric in learnt.metrics} == set(names)


@pytest.mark.parametrize("plugin", SURD)
def test_data_with_neither_is_refused(plugin: str) -> None:
    with pytest.raises(
        PluginError, match=r"it learns 'choice_factors' and 'causal_parts', and the data set has neither"
    ):
        build(plugin)


@pytest.mark.parametrize("plugin", EMOTION)
def test_culture_comes_where_it_is_labelled(plugin: str) -> None:
    assert "culture" not in answer(plugin, "emotion")
    assert {term.target for term in objective(plugin, "emotion").losses} == {"emotion"}
    given = answer(plugin, "emotion", "culture")["culture"]
    assert given.shape == (4, 3)
    assert bool(((given > 0) & (given < 1)).all())
    assert {term.target for term in objective(plugin, "emotion", "culture").losses} == {"emotion", "culture"}
