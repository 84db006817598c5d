"""Self, other and community each reach the answer, which blends their views."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from redheart_core import CATALOGUE, ActiveNode, BuildContext, Field, NodeSpec, PluginError
from redheart_core.groups.graph import bind_nodes, check_targets, plan_groups
from redheart_core.testing import activate, load_installed
from redheart_hierarchical import redheart_provide_fusions
from redheart_hierarchical.model import Hierarchical, View
from redheart_hierarchical.settings import HierarchicalSettings
from redheart_hierarchical.training import FIELDS, build

NAN = float("nan")


def node() -> NodeSpec:
    (spec,) = redheart_provide_fusions()
    return spec


def module() -> Hierarchical:
    torch.manual_seed(0)
    return Hierarchical(10, 6, 16, 0.0).eval()


def inputs() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)

    def affect(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, 6, generator=draw) - 1

    return {
        "embedding": torch.randn(4, 3, 10, generator=draw),
        "mask": torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1),
        "self_before": affect(4),
        "others_before": affect(4, 5),
        "phase0.projection": affect(4),
        "phase1.others_after": affect(4, 5),
        "phase1.regret": torch.rand(4, generator=draw),
        "phase2.community": affect(4),
        "phase2.consensus": torch.rand(4, generator=draw),
    }


@pytest.mark.parametrize(
    "name",
    [
        "self_before",
        "phase0.projection",
        "phase1.others_after",
        "phase1.regret",
        "phase2.community",
        "phase2.consensus",
    ],
)
def test_everything_that_it_joins_reaches_the_answer(name: str) -> None:
    whole, given = module(), inputs()
    before = whole(given)["self_after"]
    moved = whole(given | {name: 0.5 * given[name]})["self_after"]
    assert bool((moved != before).any(-1).all())


def test_shares_of_the_three_views_sum_to_one_in_each_affect() -> None:
    torch.testing.assert_close(module()(inputs())["shares"].sum(1), torch.ones(4, 6))


def test_agreement_turns_to_the_community() -> None:
    whole, given = module(), inputs()
    last = whole.share[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)  # so that nothing but the turn itself sees them
    shares = whole(given)["shares"]
    agreed = whole(given | {"phase2.consensus": given["phase2.consensus"] + 1})["shares"]
    assert bool((agreed[:, 2] > shares[:, 2]).all())


def test_a_view_lies_between_its_affect_and_the_feeling() -> None:
    torch.manual_seed(0)
    view, affect, state = View(6, 4, 8), 2 * torch.rand(3, 6) - 1, torch.randn(3, 4)
    for drive, feeling in ((torch.full((3, 6), 30.0), 1.0), (torch.full((3, 6), -30.0), -1.0)):
        led = view(affect, state, drive)
        way = (led - affect) / (feeling - affect)
        torch.testing.assert_close(way, way[:, :1].expand(-1, 6))
        assert bool(((way > 0) & (way < 1)).all())


def test_missing_persons_do_not_count_whatever_is_said_of_them() -> None:
    whole, given = module(), inputs()
    given["others_before"][:, 3:] = NAN
    before = whole(given)["self_after"]
    after = given["phase1.others_after"].clone()
    after[:, 3:] = -0.9
    assert torch.equal(whole(given | {"phase1.others_after": after})["self_after"], before)


def test_a_record_without_others_leaves_the_records_beside_it_alone() -> None:
    whole, given = module(), inputs()
    before = whole(given)["self_after"]
    given["others_before"][1] = NAN
    after = whole(given)["self_after"]
    assert bool(after.isfinite().all())
    assert torch.equal(after[[0, 2, 3]], before[[0, 2, 3]])


def test_it_stands_above_the_three_phases_in_a_group_of_its_own() -> None:
    nodes = [activate(load_installed(name)) for name in ("hierarchical", "phase2", "phase1", "phase0")]
    groups = {group.name: group for group in plan_groups(bind_nodes(nodes, CATALOGUE))}
    assert [node.name for node in groups["empathy"].nodes] == ["phase0", "phase1"]
    assert groups["hierarchical"].tier == 1
    assert set(groups["hierarchical"].reads) == {"empathy", "phase2"}
    assert {groups["empathy"].tier, groups["phase2"].tier} == {0}


def test_no_phase_reads_what_any_of_them_learns() -> None:
    nodes = [load_installed(name).node for name in ("phase0", "phase1", "phase2", "hierarchical")]
    learnt = {target for spec in nodes for target in spec.targets}
    assert learnt == {"projection", "others_after", "regret", "community", "self_after"}
    assert not learnt & {read for spec in nodes for read in (*spec.reads, *spec.optional_reads)}


def test_data_without_persons_refuse_it_by_name() -> None:
    fields = {"regret": CATALOGUE["regret"]}
    active = ActiveNode(node(), "fusion", "hierarchical", "", "", "hierarchical", HierarchicalSettings())
    with pytest.raises(PluginError, match=r"plugin 'hierarchical' learns 'self_after', which the data set lacks"):
        check_targets(bind_nodes([active], fields), fields, {"regret": 9}, "train")


def test_another_affect_space_is_refused() -> None:
    fields = {name: CATALOGUE[name] for name in FIELDS}
    fields["self_after"] = Field("self_after", "two alone", -1.0, 1.0, labels=("arousal", "valence"))
    context = BuildContext(HierarchicalSettings(), "tiny", {"embedding": ("T", 10)}, fields, frozenset())
    with pytest.raises(PluginError, match=r"'self_after' to have valence.*has arousal, valence"):
        build(context)
