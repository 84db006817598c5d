"""The six weight layers keep their band, act on the answer and learn where they are labelled; so does legal risk."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_bentham_head import redheart_provide_heads
from redheart_bentham_head.training import build, objective
from redheart_core import CATALOGUE, BuildContext, Field
from redheart_core.testing import build_context, random_inputs

SHAPES = {"embedding": ("T", 8), "backbone.sequence": ("T", 8), "backbone.bentham": (8,)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_heads()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


def test_layer_weights_keep_their_band_for_any_state() -> None:
    torch.manual_seed(0)
    head = build(context("bentham"))
    with torch.no_grad():
        for parameter in head.weight_layers.parameters():
            parameter.mul_(100.0)
        weights = head.layer_weights(1e3 * torch.randn(50, 12), torch.zeros(50, 6))
    assert weights.shape == (50, 6, 3)
    assert 0.3 <= weights.min() < 0.31
    assert 2.49 < weights.max() <= 2.5


def test_weight_layers_change_the_answer() -> None:
    torch.manual_seed(0)
    head, given = build(context("bentham")).eval(), inputs()
    before = head(given)["bentham"]
    with torch.no_grad():
        for parameter in head.weight_layers.parameters():
            parameter.add_(1.0)
    assert not torch.allclose(before, head(given)["bentham"], atol=1e-4)


def test_a_named_layer_is_the_geometric_mean_of_its_weights_over_the_experts() -> None:
    torch.manual_seed(0)
    head, given = build(context("bentham", "context_layers")).eval(), inputs()
    found = head(given)["context_layers"]
    weights = head.layer_weights(head.base(given["backbone.bentham"]), torch.zeros(4, 6)).detach().double()
    torch.testing.assert_close(found.double(), weights.prod(-1) ** (1 / 3), check_dtype=False)


def test_layers_take_the_names_of_the_data_set() -> None:
    two = CATALOGUE["context_layers"].with_labels("social", "moral")
    head = build(context("bentham", "context_layers", context_layers=two))
    assert head(inputs())["context_layers"].shape == (4, 2)


def test_layers_and_legal_risk_are_learnt_only_where_the_data_set_has_them() -> None:
    plain, rich = context("bentham"), context("bentham", "context_layers", "legal_risk")
    assert build(plain)(inputs()).keys() == {"bentham", "gate"}
    assert [term.target for term in objective(plain).losses] == ["bentham"]
    outputs = build(rich)(inputs())
    assert outputs["legal_risk"].shape == (4, 5)
    assert bool(((outputs["legal_risk"] > 0) & (outputs["legal_risk"] < 1)).all())
    assert [term.target for term in objective(rich).losses] == ["bentham", "context_layers", "legal_risk"]
