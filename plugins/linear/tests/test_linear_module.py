"""The module gives the linear maps' answers on terms and mean embedding, and only on fields that are there."""

from __future__ import annotations

import pytest
import torch

from redheart_core import CATALOGUE, BuildContext, PluginError
from redheart_core.groups.binding import bind_node
from redheart_core.groups.graph import bind_nodes, check_targets
from redheart_core.nn.answers import text_objective
from redheart_core.testing import activate, load_installed
from redheart_linear import redheart_provide_analyzers
from redheart_linear.model import Linear, build
from redheart_linear.settings import LinearSettings


def context(*names: str) -> BuildContext:
    """What the builder sees of a data set with these fields."""
    (spec,) = redheart_provide_analyzers()
    fields = {name: CATALOGUE[name] for name in names}
    bound = bind_node(spec, fields)
    fields = {name: fields[name] for name in bound.targets}
    return BuildContext(
        LinearSettings(),
        "tiny",
        {"terms": (5,), "embedding": ("T", 3)},
        fields,
        frozenset(output.name for output in bound.gives),
    )


def module(*names: str) -> Linear:
    """With weights drawn by chance."""
    made, draw = build(context(*names)), torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=draw))
    return made


TERMS = torch.rand(4, 5, generator=torch.Generator().manual_seed(1))
CHUNKS = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(2))
INPUTS = {"terms": TERMS, "embedding": CHUNKS, "mask": torch.tensor([[True, True]] * 3 + [[True, False]])}


def raw(made: Linear, name: str) -> torch.Tensor:
    linear = made.map(CATALOGUE[name])
    mean = torch.cat([CHUNKS[:3].mean(1), CHUNKS[3:, 0]])
    return TERMS @ linear.weight + mean @ linear.embedding + linear.bias


def test_values_are_the_map_cut_off_at_the_ends_of_the_range() -> None:
    made = module("vad", "regret")
    outputs = made(INPUTS)
    torch.testing.assert_close(outputs["vad"], raw(made, "vad").clamp(1.0, 5.0))
    torch.testing.assert_close(outputs["regret"], raw(made, "regret").squeeze(-1).clamp(0.0, 1.0))
    assert bool((outputs["vad"] == 1.0).any())


def test_probabilities_are_those_of_the_maps_logits() -> None:
    made = module("emotion", "votes", "ekman")
    outputs = made(INPUTS)
    for name in ("emotion", "votes", "ekman"):
        torch.testing.assert_close(outputs[f"{name}_logits"], raw(made, name))
    torch.testing.assert_close(outputs["emotion"], outputs["emotion_logits"].softmax(-1))
    torch.testing.assert_close(outputs["votes"].sum(-1), torch.ones(4))
    torch.testing.assert_close(outputs["ekman"], outputs["ekman_logits"].sigmoid())


def test_only_fields_that_are_there_are_built_and_evaluated() -> None:
    seen = context("goemotions", "utility")
    assert build(seen)(INPUTS).keys() == {"goemotions", "goemotions_logits"} == seen.wanted
    assert {term.target for term in text_objective(seen).losses} == {"goemotions"}
    assert build(seen).maps["goemotions"].weight.shape == (5, 28)
    assert not any(parameter.requires_grad for parameter in build(seen).parameters())


def test_a_data_set_without_any_of_the_fields_is_refused() -> None:
    fields = {"utility": CATALOGUE["utility"]}
    nodes = bind_nodes([activate(load_installed("linear"))], fields)
    with pytest.raises(PluginError, match=r"'linear' can learn none of the data set's fields \(fields: utility\)"):
        check_targets(nodes, fields, {"utility": 9}, "train")
