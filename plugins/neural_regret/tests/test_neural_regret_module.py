"""The tree is a distribution over its leaves, members are independent, and the past counts where there is one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from redheart_core import CATALOGUE, BuildContext, Field
from redheart_core.groups.binding import bind_node
from redheart_neural_regret import redheart_provide_analyzers
from redheart_neural_regret.model import Past, SoftDecisionTree
from redheart_neural_regret.settings import NeuralRegretSettings
from redheart_neural_regret.training import EXTRA, build, objective


def context(*names: str, **changes: Field) -> BuildContext:
    """What the builder sees of a data set with these fields."""
    (spec,) = redheart_provide_analyzers()
    fields = {name: CATALOGUE[name] for name in names} | changes
    bound = bind_node(spec, fields)
    settings = NeuralRegretSettings(**spec.scales["tiny"])
    shapes: dict[str, tuple[int | str, ...]] = {
        "embedding": ("T", 6),
        **({"history": (8, 8)} if "history" in names else {}),
    }
    return BuildContext(settings, "tiny", shapes, fields, frozenset(given.name for given in bound.gives))


def inputs(width: int = 6) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


def histories(*lengths: int) -> Tensor:
    past = torch.randn(len(lengths), 8, 8, generator=torch.Generator().manual_seed(1))
    for row, length in enumerate(lengths):
        past[row, length:] = float("nan")
    return past


def test_ways_through_the_tree_sum_to_one_and_follow_its_decisions() -> None:
    torch.manual_seed(0)
    tree, state = SoftDecisionTree(6, (8,), 3, 0.0), torch.randn(4, 6)
    ways = tree.ways(state)
    torch.testing.assert_close(ways.sum(-1), torch.ones(4))
    root, second, third = (level(state).sigmoid() for level in tree.levels)
    # leaf 5 is right, left, right: node 1 of the second level, node 2 of the third
    torch.testing.assert_close(ways[:, 5], root[:, 0] * (1 - second[:, 1]) * third[:, 2])
    torch.testing.assert_close(tree(state), (ways * tree.leaves.sigmoid()).sum(-1))


def test_the_score_leaves_tree_and_members_to_their_own_losses() -> None:
    module = build(context("regret"))
    module(inputs())["regret"].sum().backward()
    assert all(p.grad is None for part in (module.tree, module.members) for p in part.parameters())


@pytest.mark.parametrize("extra", [(), *((name,) for name in EXTRA), EXTRA])
def test_what_the_data_set_has_is_built_and_learnt(extra: tuple[str, ...]) -> None:
    seen = context("regret", *extra)
    outputs = build(seen)(inputs())
    assert outputs.keys() == {"regret", "tree", "members", "uncertainty", *extra}
    assert {term.target for term in objective(seen).losses} == {"regret", *extra}
    for name in extra:
        field = CATALOGUE[name]
        assert outputs[name].shape == (4, len(field.labels))
        assert field.low < outputs[name].min()
        assert outputs[name].max() < field.high


def test_the_past_is_what_an_lstm_says_after_the_last_real_scenario() -> None:
    torch.manual_seed(0)
    past, plain, given = Past(8, 3), nn.LSTM(16, 3, batch_first=True), histories(8, 1, 3)
    for name, parameter in past.scenarios.forwards[0].named_parameters():
        plain.get_parameter(name).data.copy_(parameter.data)
    for row, length in enumerate([8, 1, 3]):
        real = torch.cat([given[row : row + 1, :length], torch.ones(1, length, 8)], -1)
        torch.testing.assert_close(past(given)[row], plain(real)[0][0, -1])


def test_numbers_missing_within_a_scenario_count_as_missing_and_not_as_zero() -> None:
    torch.manual_seed(0)
    past, given = Past(8, 3), histories(3)
    given[0, 1, 2] = 0.0
    holed = given.clone()
    holed[0, 1, 2] = float("nan")
    assert bool(past(holed).isfinite().all())
    assert not torch.allclose(past(holed), past(given), atol=1e-4)


def test_a_person_without_a_past_is_evaluated_by_the_text_alone() -> None:
    torch.manual_seed(0)
    module = build(context("regret", "history")).eval()
    assert not Past(8, 3)(histories(0)).any()
    given = {**inputs(), "history": histories(0, 0, 0, 0)}
    outputs = module(given)
    assert all(bool(tensor.isfinite().all()) for tensor in outputs.values())
    changed = module({**given, "history": histories(2, 0, 8, 0)})["regret"]
    assert [bool(one) for one in changed == outputs["regret"]] == [False, True, False, True]
