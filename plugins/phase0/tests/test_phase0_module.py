"""The calibration starts at its initial values, and what is unknown of the other leaves it as it is."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, ActiveNode, BuildContext, Field, NodeSpec, PluginError
from redheart_core.groups.graph import bind_nodes, check_targets
from redheart_core.nn.facts import LinearPath
from redheart_phase0 import redheart_provide_analyzers
from redheart_phase0.model import Calibration, Phase0
from redheart_phase0.settings import Phase0Settings
from redheart_phase0.training import FIELDS, build

NAN = float("nan")


def node() -> NodeSpec:
    (spec,) = redheart_provide_analyzers()
    return spec


def module() -> Phase0:
    torch.manual_seed(0)
    return Phase0(width_in=10, affects=6, traits=5, similarity=1, cultures=4, width=16, dropout=0.0).eval()


def inputs(records: int = 4) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    culture = torch.eye(4)[torch.randint(4, (records, 3), generator=draw)]
    return {
        "embedding": torch.randn(records, 3, 10, generator=draw),
        "mask": torch.arange(3) < torch.tensor([3, 1, 2, 3] * records)[:records].unsqueeze(1),
        "self_before": 2 * torch.rand(records, 6, generator=draw) - 1,
        "others_before": 2 * torch.rand(records, 3, 6, generator=draw) - 1,
        "others_traits": torch.rand(records, 3, 5, generator=draw),
        "others_culture": culture,
    }


@pytest.mark.parametrize("similarity", [0.0, 0.4, 1.0])
def test_an_untrained_calibration_has_its_initial_values(similarity: float) -> None:
    affect = [0.6, -0.5, 0.8, -0.2, 0.1, -1.0]
    culture = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    calibrated, context = Calibration(8, 4)(
        torch.randn(1, 8), torch.tensor([affect]), torch.tensor([similarity]), culture
    )
    distance = 1 - 1 / 4  # the self may live in any of four cultures
    factor = min(max(1.0 * (1 - 0.3 * distance) * (0.5 + 0.5 * similarity), 0.3), 1.5)
    expected = [2 / (1 + math.exp(-2 * 0.6)) - 1, -0.5, *(factor * value for value in affect[2:])]
    torch.testing.assert_close(calibrated, torch.tensor([expected]))
    torch.testing.assert_close(context, torch.tensor([[0.0, 1.0, factor]]))


def test_the_factor_stays_within_its_band() -> None:
    calibration = Calibration(1, 4)
    torch.nn.init.ones_(calibration.context.weight[2:3])
    state = torch.tensor([[-50.0], [50.0]])
    _, context = calibration(state, torch.zeros(2, 6), torch.ones(2), torch.eye(4)[:2])
    assert context[0, 2].item() == pytest.approx(0.3)
    assert 1.3 < context[1, 2].item() <= 1.5


def test_unknown_culture_and_similarity_leave_the_factor_at_one() -> None:
    _, context = Calibration(8, 4)(torch.randn(1, 8), torch.zeros(1, 6), torch.tensor([NAN]), torch.full((1, 4), NAN))
    assert context[0, 2].item() == 1.0


def test_the_linear_path_says_nothing_before_it_has_learnt() -> None:
    path = LinearPath(10, 4, 6, 0.0)
    given = path(torch.randn(2, 3, 10), torch.ones(2, 3, dtype=torch.bool), torch.randn(2, 4))
    assert torch.equal(given, torch.zeros(2, 6))


def test_only_the_first_other_is_projected() -> None:
    phase, given = module(), inputs()
    before = phase(given)["projection"]
    moved = {name: x.clone() for name, x in given.items()}
    for name in ("others_before", "others_traits"):
        moved[name][:, 1:] = 0.5
    assert torch.equal(phase(moved)["projection"], before)
    moved["others_before"][:, 0] *= 0.5
    assert bool((phase(moved)["projection"] != before).any(-1).all())


def test_a_record_without_others_leaves_the_records_beside_it_alone() -> None:
    phase, given = module(), inputs()
    whole = phase(given)["projection"]
    for name in ("others_before", "others_traits", "others_culture"):
        given[name][1] = NAN
    empty = phase(given)["projection"]
    assert bool(empty.isfinite().all())
    assert torch.equal(empty[[0, 2, 3]], whole[[0, 2, 3]])


def test_missing_persons_give_no_gradient_that_is_not_finite() -> None:
    phase, given = module(), inputs()
    given["others_before"][1], given["others_culture"][2, 0], given["others_traits"][3, 0, 1] = NAN, NAN, NAN
    phase(given)["projection"].sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in phase.parameters())


def test_data_without_persons_refuse_it_by_name() -> None:
    fields = {"regret": CATALOGUE["regret"]}
    (active,) = bind_nodes([ActiveNode(node(), "analyzer", "phase0", "", "", "empathy", Phase0Settings())], fields)
    with pytest.raises(PluginError, match=r"plugin 'phase0' reads 'others_before', which the data set lacks"):
        check_targets([active], fields, {"regret": 9}, "train")


def test_another_affect_space_is_refused() -> None:
    fields = {name: CATALOGUE[name] for name in FIELDS}
    fields["projection"] = Field("projection", "two alone", -1.0, 1.0, labels=("arousal", "valence"))
    context = BuildContext(Phase0Settings(), "tiny", {"embedding": ("T", 10)}, fields, frozenset())
    with pytest.raises(PluginError, match=r"'projection' to have valence.*has arousal, valence"):
        build(context)
