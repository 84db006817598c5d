"""Layers that grow compute what they did; what would change it is refused or found."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from redheart_core import SettingsError
from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import with_positions
from redheart_core.nn.growing import (
    grow_chain,
    grow_layers,
    grow_mixture,
    grow_pooling,
    grow_recurrent,
    grow_transformer,
)
from redheart_core.nn.growing_axes import NEW, Axis, grown_weight, multiple, multiple_with_heads
from redheart_core.nn.layers import mlp, trunk
from redheart_core.nn.parallel import Mixture, ParallelMlp
from redheart_core.nn.recurrent import Recurrent
from redheart_core.training.growing import difference

MASK = torch.arange(4) < torch.tensor([4, 1, 3]).unsqueeze(1)
STREAM = Axis.repeated(8, 24)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def shaken(module: nn.Module) -> nn.Module:
    """With weights that are none of those it began with."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return module.eval()


def near(found: Tensor, expected: Tensor) -> None:
    assert difference(expected, found) < 1e-5


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("make", [mlp, trunk])
def test_chains_of_any_wider_sizes(make: type[nn.Module], scale: float) -> None:
    smaller, larger, x = shaken(make(7, 12, 8, 10)), make(7, 31, 8, 10).eval(), scale * torch.randn(5, 7)
    grow_chain(larger, smaller, Axis.same(7))
    near(larger(x), smaller(x))


def test_new_units_of_a_trunk_are_silent_and_read_by_what_learns() -> None:
    smaller, larger, x = shaken(trunk(7, 12, 10)), trunk(7, 30, 33).eval(), torch.randn(5, 7)
    axis = grow_chain(larger, smaller, Axis.same(7))
    found = larger(x)
    near(found[:, :10], smaller(x))
    assert axis.silent
    assert float(found[:, 10:].detach().abs().max()) < 1e-5
    reader, old = nn.Linear(33, 2), nn.Linear(10, 2)
    weight = grown_weight(reader.weight, old.weight, Axis.same(2), axis)
    assert torch.equal(weight[:, :10], old.weight)
    assert torch.equal(weight[:, 10:], reader.weight[:, 10:])


def test_copies_of_a_unit_are_told_apart_by_what_reads_them() -> None:
    new, old = torch.randn(5, 24), torch.randn(5, 8)
    weight = grown_weight(new, old, Axis.same(5), STREAM)
    near(weight.view(5, 3, 8).sum(1), old)
    assert not torch.allclose(weight[:, :8], weight[:, 8:16])


def test_networks_side_by_side_and_mixtures() -> None:
    x = torch.randn(5, 7)
    smaller, larger = shaken(ParallelMlp(4, 7, 12, 8, 3)), ParallelMlp(4, 7, 30, 20, 3).eval()
    grow_chain(larger, smaller, Axis.same(7))
    near(larger(x), smaller(x))
    mixed, wider = Mixture(4, 7, 12, 3, gate_hidden=5), Mixture(4, 7, 30, 3, gate_hidden=9)
    shaken(mixed)
    grow_mixture(wider.eval(), mixed, Axis.same(7))
    near(wider(x)[0], mixed(x)[0])


def test_a_stream_of_repeated_units_through_more_layers_and_pooling() -> None:
    small, large = torch.randn(3, 4, 8), nn.ModuleList(TransformerLayer(24, 4, 48, 0.0) for _ in range(2))
    one = TransformerLayer(8, 2, 16, 0.0)
    shaken(one)
    grow_layers(large.eval(), nn.ModuleList([one]), STREAM)
    expected, found = one(small, MASK), small.repeat(1, 1, 3)
    for layer in large:
        found = layer(found, MASK)
    near(found[MASK], expected.repeat(1, 1, 3)[MASK])
    pool, wider = AttentionPooling(8, 4, 2), AttentionPooling(24, 12, 2)
    shaken(pool)
    grow_pooling(wider.eval(), pool, STREAM)
    near(wider(found, MASK), pool(expected, MASK).repeat(1, 1, 3))


@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrent_layers(both_ways: bool) -> None:
    smaller, larger = (Recurrent(*sizes, 2, both_ways=both_ways) for sizes in ((8, 5), (24, 9)))
    shaken(smaller)
    axis, x = grow_recurrent(larger.eval(), smaller, STREAM), torch.randn(3, 4, 8)
    near(larger(x.repeat(1, 1, 3), MASK)[..., axis.source != NEW][MASK], smaller(x, MASK)[MASK])


def test_positions_of_a_width_are_repeated() -> None:
    small = with_positions(torch.zeros(1, 3, 4))
    assert torch.equal(with_positions(torch.zeros(1, 3, 12), 4), small.repeat(1, 1, 3))


def test_what_would_shrink_or_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingsError, match="widen it"):
        Axis.padded(5, 4)
    with pytest.raises(SettingsError, match="no multiple of 8"):
        Axis.repeated(8, 20)
    with pytest.raises(SettingsError, match="set heads to more"):
        grow_transformer(TransformerLayer(24, 1, 48, 0.0), TransformerLayer(8, 2, 16, 0.0), STREAM)
    with pytest.raises(SettingsError, match="set as many or more"):
        grow_layers(nn.ModuleList(), nn.ModuleList([TransformerLayer(8, 2, 16, 0.0)]), STREAM)
    with pytest.raises(SettingsError, match="keep their number"):
        grow_recurrent(Recurrent(8, 5, 2), Recurrent(8, 5, 1), Axis.same(8))


def test_the_nearest_multiple() -> None:
    assert [multiple(64, 576), multiple(72, 1024), multiple(64, 10), multiple(528, 768), multiple(768, 1024)] == [
        *(576, 1008, 64, 1056, 768)
    ]


def test_heads_stay_as_wide_as_they_were() -> None:
    assert multiple_with_heads((64, 4), (576, 12)) == (576, 12)
    assert multiple_with_heads((576, 12), (896, 14)) == (1152, 12)  # 14 divides no small multiple of 576
    assert multiple_with_heads((768, 12), (1024, 16)) == (768, 12)  # 16 heads of 48 could not do what 12 of 64 do
    assert multiple_with_heads((32, 2), (64, 4), 4) == (64, 4)


def test_a_difference_is_found() -> None:
    before = torch.tensor([[1.0, 2.0]])
    assert difference(before, torch.tensor([[1.0, 2.0, 1.0, 2.0]])) == 0.0
    assert difference(before, torch.tensor([[1.0, 3.0]])) == 0.5
    assert difference(torch.tensor([[float("nan"), 1.0]]), torch.tensor([[0.0, 1.0]])) != 0.0
