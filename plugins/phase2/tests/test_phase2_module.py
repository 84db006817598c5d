"""A community is a set: order and empty places do not count, cultures and standing do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, ActiveNode, BuildContext, Field, NodeSpec, PluginError
from redheart_core.groups.graph import bind_nodes, check_targets
from redheart_phase2 import redheart_provide_analyzers
from redheart_phase2.model import Expression, Phase2, Voices, consensus
from redheart_phase2.settings import Phase2Settings
from redheart_phase2.training import FIELDS, build

NAN = float("nan")
PERSONS = ("others_before", "others_traits", "others_culture")


def node() -> NodeSpec:
    (spec,) = redheart_provide_analyzers()
    return spec


def module() -> Phase2:
    """With a linear path that says something."""
    torch.manual_seed(0)
    phase = Phase2(width_in=10, traits=5, places=(2, 3, 4), width=16, heads=2, layers=1, dropout=0.0).eval()
    torch.nn.init.normal_(phase.linear.facts.weight, std=0.1)
    return phase


def inputs(persons: int = 5) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {
        "embedding": torch.randn(4, 3, 10, generator=draw),
        "mask": torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1),
        "self_before": 2 * torch.rand(4, 6, generator=draw) - 1,
        "others_before": 2 * torch.rand(4, persons, 6, generator=draw) - 1,
        "others_traits": torch.rand(4, persons, 5, generator=draw),
        "others_culture": torch.eye(4)[torch.randint(4, (4, persons), generator=draw)],
    }


def test_the_order_of_the_persons_does_not_count() -> None:
    phase, given = module(), inputs()
    for name in PERSONS:
        given[name][1, 4:], given[name][2, 2:] = NAN, NAN
    with torch.no_grad():
        plain = phase(given)
        for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
            turned = phase(given | {name: given[name][:, order] for name in PERSONS})
            for name in ("community", "consensus"):
                torch.testing.assert_close(turned[name], plain[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("place", ["behind", "before", "between"])
def test_more_missing_persons_change_nothing_at_all(place: str) -> None:
    phase, given = module(), inputs()
    more = {}
    for name in PERSONS:
        empty = torch.full((4, 4, given[name].shape[-1]), NAN)
        cut = {"behind": 5, "before": 0, "between": 2}[place]
        more[name] = torch.cat([given[name][:, :cut], empty, given[name][:, cut:]], 1)
    with torch.no_grad():
        plain, longer = phase(given), phase(given | more)
    assert all(torch.equal(plain[name], longer[name]) for name in plain)


def test_any_number_of_persons_will_do() -> None:
    phase = module()
    for persons in (1, 2, 23):
        assert phase(inputs(persons))["community"].shape == (4, 6)


def test_each_person_counts() -> None:
    phase, given = module(), inputs()
    before = phase(given)["community"]
    for person in range(5):
        moved = given | {"others_before": given["others_before"].clone()}
        moved["others_before"][:, person] *= -1
        assert bool((phase(moved)["community"] != before).any(-1).all())


def test_a_record_without_others_is_finite_and_leaves_the_records_beside_it_alone() -> None:
    phase, given = module(), inputs()
    whole = phase(given)["community"]
    for name in PERSONS:
        given[name][1] = NAN
    outputs = phase(given)
    assert all(bool(x.isfinite().all()) for x in outputs.values())
    torch.testing.assert_close(outputs["community"][[0, 2, 3]], whole[[0, 2, 3]], rtol=0, atol=1e-6)
    outputs["community"].sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in phase.parameters())
    for name in PERSONS:
        given[name][:] = NAN
    assert all(bool(x.isfinite().all()) for x in phase(given).values())


def test_an_untrained_expression_holds_back_its_initial_shares() -> None:
    affect = torch.tensor([0.8, -0.6, 0.5, 0.4, -0.3, 0.2])
    shown = Expression()(affect.expand(1, 2, 6), torch.eye(4)[:2].unsqueeze(0), torch.ones(1, 2))
    for person, (suppression, harmony, indirectness) in enumerate(((0.7, 0.9, 0.8), (0.3, 0.4, 0.2))):
        size = 1 - 0.3 * indirectness
        held, fitting = size * (1 - 0.5 * suppression), size * (1 - 0.3 * harmony)
        expected = [0.8 * held, -0.6 * held, 0.5 * fitting, 0.4 * size, -0.3 * size, 0.2 * size]
        torch.testing.assert_close(shown[0, person], torch.tensor(expected))


def test_a_reserved_person_shows_less() -> None:
    affect, culture = torch.full((1, 2, 6), 0.5), torch.eye(4)[:1].expand(1, 2, 4)
    reserved, open_hearted = Expression()(affect, culture, torch.tensor([[0.0, 1.0]]))[0]
    torch.testing.assert_close(reserved, 0.7 * open_hearted)


def test_untrained_voices_weigh_by_status_and_influence_and_give_the_leader_30_per_cent() -> None:
    rank = torch.tensor([[1.9, 0.3, 0.8, 1.5]])
    there = torch.tensor([[True, True, True, False]])
    weights = Voices()(rank, there)
    expected = 0.7 * torch.tensor([1.9, 0.3, 0.8, 0.0]) / 3.0 + 0.3 * torch.tensor([1.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(weights[0], expected, rtol=0, atol=1e-4)


def test_consensus_is_one_among_equals_and_zero_between_opposite_corners() -> None:
    alike, there = torch.full((1, 3, 6), 0.4), torch.ones(1, 3, dtype=torch.bool)
    assert consensus(alike, alike[:, 0], there).item() == 1.0
    assert consensus(torch.ones(1, 3, 6), -torch.ones(1, 6), there).item() == pytest.approx(0.0, abs=1e-6)


def test_data_without_persons_refuse_it_by_name() -> None:
    fields = {"regret": CATALOGUE["regret"]}
    (active,) = bind_nodes([ActiveNode(node(), "analyzer", "phase2", "", "", "phase2", Phase2Settings())], fields)
    with pytest.raises(PluginError, match=r"plugin 'phase2' reads 'others_before', which the data set lacks"):
        check_targets([active], fields, {"regret": 9}, "train")


def test_other_cultures_are_refused() -> None:
    fields = {name: CATALOGUE[name] for name in FIELDS}
    fields["others_culture"] = Field(
        "others_culture", "two alone", 0.0, 1.0, labels=("north", "south"), simplex=True, axes=(5,)
    )
    context = BuildContext(Phase2Settings(), "tiny", {"embedding": ("T", 10)}, fields, frozenset())
    with pytest.raises(PluginError, match=r"'others_culture' to have korean.*has north, south"):
        build(context)
