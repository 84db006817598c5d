"""Expectations are corrected by the delta rule, person by person."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, ActiveNode, BuildContext, NodeSpec, PluginError
from redheart_core.groups.graph import bind_nodes, check_targets
from redheart_phase1 import redheart_provide_analyzers
from redheart_phase1.model import UPDATES, Phase1, Strength
from redheart_phase1.settings import Phase1Settings
from redheart_phase1.training import FIELDS, build

NAN = float("nan")


def node() -> NodeSpec:
    (spec,) = redheart_provide_analyzers()
    return spec


def module() -> Phase1:
    """With a linear path that says something."""
    torch.manual_seed(0)
    phase = Phase1(width_in=10, affects=6, traits=5, width=20, dropout=0.0).eval()
    torch.nn.init.normal_(phase.linear.facts.weight, std=0.1)
    return phase


def inputs(persons: int = 5) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {
        "embedding": torch.randn(4, 3, 10, generator=draw),
        "mask": torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1),
        "phase0.projection": 2 * torch.rand(4, 6, generator=draw) - 1,
        "others_before": 2 * torch.rand(4, persons, 6, generator=draw) - 1,
        "others_traits": torch.rand(4, persons, 5, generator=draw),
    }


def test_an_untrained_strength_follows_the_delta_rule() -> None:
    error, distance, regret = 0.6, 0.9, 0.25
    given = Strength(8)(
        torch.randn(1, 1, 8), torch.tensor([[error]]), torch.tensor([[distance]]), torch.tensor([regret])
    )
    signal = 0.5 * error + 0.3 * distance + 0.2 * 0.5  # the mismatch of a context that nothing is known of is 0.5
    rate = 0.1 * (1 + error) * (1 + 2 * regret) / (1 + math.exp(-(signal - 0.3) / 0.1))
    assert given.item() == pytest.approx(1 - math.exp(-UPDATES * rate), rel=1e-5)


def test_more_error_and_more_regret_correct_more() -> None:
    strength, state, one = Strength(8), torch.randn(1, 1, 8), torch.full((1, 1), 0.3)
    base = strength(state, one, one, torch.tensor([0.2])).item()
    assert base < strength(state, 2 * one, one, torch.tensor([0.2])).item() < 1
    assert base < strength(state, one, 2 * one, torch.tensor([0.2])).item() < 1
    assert base < strength(state, one, one, torch.tensor([0.9])).item() < 1


def test_persons_behind_the_first_may_come_in_any_order() -> None:
    phase, given = module(), inputs()
    given["others_before"][2, 3:], given["others_traits"][2, 3:] = NAN, NAN
    order = [0, 3, 1, 4, 2]
    turned = given | {name: given[name][:, order] for name in ("others_before", "others_traits")}
    with torch.no_grad():
        plain, other = phase(given), phase(turned)
    for name in ("others_after", "expectation", "strength"):
        torch.testing.assert_close(other[name], plain[name][:, order], rtol=0, atol=1e-6)
    torch.testing.assert_close(other["regret"], plain["regret"], rtol=0, atol=1e-6)


def test_the_first_person_is_the_one_that_the_projection_is_about() -> None:
    phase, given = module(), inputs()
    for name in ("others_before", "others_traits"):
        given[name] = given[name][:, :1].expand(-1, 5, -1).clone()
    after = phase(given)["others_after"]
    torch.testing.assert_close(after[:, 1], after[:, 4], rtol=0, atol=1e-6)
    assert (after[:, 0] - after[:, 1]).abs().amax(-1).min() > 1e-4


def test_the_number_of_persons_comes_from_the_input() -> None:
    phase, given = module(), inputs(persons=8)
    fewer = given | {name: given[name][:, :3] for name in ("others_before", "others_traits")}
    given["others_before"][:, 3:], given["others_traits"][:, 3:] = NAN, NAN
    with torch.no_grad():
        many, few = phase(given)["others_after"], phase(fewer)["others_after"]
    assert many.shape == (4, 8, 6)
    torch.testing.assert_close(many[:, :3], few, rtol=0, atol=1e-6)


def test_the_answer_lies_between_expectation_and_perception() -> None:
    phase, given = module(), inputs()
    with torch.no_grad():
        phase.strength.log_rate.fill_(-20.0)
        timid = phase(given)
        phase.strength.log_rate.fill_(20.0)
        bold = phase(given)
    torch.testing.assert_close(timid["others_after"], timid["expectation"])
    torch.testing.assert_close(bold["strength"], torch.ones(4, 5))
    assert float((bold["others_after"] - bold["expectation"]).abs().mean()) > 0.05


def test_a_record_without_others_leaves_the_records_beside_it_alone() -> None:
    phase, given = module(), inputs()
    whole = phase(given)["others_after"]
    given["others_before"][1], given["others_traits"][1] = NAN, NAN
    outputs = phase(given)
    assert all(bool(x.isfinite().all()) for x in outputs.values())
    assert torch.equal(outputs["others_after"][[0, 2, 3]], whole[[0, 2, 3]])
    sum(x.sum() for x in outputs.values()).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in phase.parameters())


def test_regret_does_not_move_the_projection() -> None:
    phase, given = module(), inputs()
    torch.nn.init.normal_(phase.regret.linear.facts.weight)
    given["phase0.projection"].requires_grad_()
    (gradient,) = torch.autograd.grad(
        phase(given)["regret"].sum(), given["phase0.projection"], allow_unused=True, materialize_grads=True
    )
    assert not gradient.any()


def test_data_without_persons_refuse_it_by_name() -> None:
    fields = {"regret": CATALOGUE["regret"]}
    (active,) = bind_nodes([ActiveNode(node(), "analyzer", "phase1", "", "", "empathy", Phase1Settings())], fields)
    with pytest.raises(PluginError, match=r"plugin 'phase1' learns 'others_after', which the data set lacks"):
        check_targets([active], fields, {"regret": 9}, "train")


def test_other_labels_are_refused() -> None:
    fields = {name: CATALOGUE[name] for name in FIELDS}
    fields["others_after"] = fields["others_after"].with_labels("valence", "arousal")
    context = BuildContext(Phase1Settings(), "tiny", {"embedding": ("T", 10)}, fields, frozenset())
    with pytest.raises(PluginError, match=r"'others_after' with 5 persons.*shape \(5, 2\) with valence, aro"):
        build(context)
