"""The building blocks do what their formulas say, and padding never reaches a result."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from redheart_core import SettingsError
from redheart_core.nn.attention import Attention, AttentionPooling
from redheart_core.nn.chunks import last_chunk, masked_mean, reversed_places, with_positions
from redheart_core.nn.layers import LinearSkips, RecordDropout, band, mlp, ordered
from redheart_core.nn.parallel import Mixture, ParallelMlp
from redheart_core.nn.recurrent import Recurrent

LENGTHS = torch.tensor([4, 1, 3])
MASK = torch.arange(4) < LENGTHS.unsqueeze(1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_parallel_copies_equal_separate_chains() -> None:
    x, parallel = random(5, 6), ParallelMlp(3, 6, 8, 4, 2)
    found = parallel(x)
    for copy in range(3):
        single = mlp(6, 8, 4, 2)
        theirs = list(parallel.parameters())
        with torch.no_grad():
            for own, stacked in zip(single.parameters(), theirs, strict=True):
                part = stacked.reshape(3, -1)[copy]
                own.copy_(stacked[copy].T if own.dim() == 2 else part)
        torch.testing.assert_close(found[:, copy], single(x), rtol=0, atol=1e-6)


def test_parallel_copies_may_each_read_their_own_vector() -> None:
    x, parallel = random(5, 3, 6), ParallelMlp(3, 6, 8, 2)
    for copy in range(3):
        torch.testing.assert_close(parallel(x)[:, copy], parallel(x[:, copy])[:, copy], rtol=0, atol=1e-6)


def test_masked_mean_and_last_chunk_see_real_chunks_only() -> None:
    x = random(3, 4, 5)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(masked_mean(x, MASK)[row], x[row, :length].mean(0))
        assert torch.equal(last_chunk(x, MASK)[row], x[row, length - 1])


def test_positions_are_the_sinusoids_of_the_paper() -> None:
    found = with_positions(torch.zeros(1, 3, 4))[0]
    for place in range(3):
        expected = [math.sin(place), math.sin(place / 100), math.cos(place), math.cos(place / 100)]
        torch.testing.assert_close(found[place], torch.tensor(expected))
    assert with_positions(torch.zeros(1, 3, 5)).shape == (1, 3, 5)


def test_attention_equals_torch_multi_head_attention() -> None:
    ours, theirs = Attention(6, 6, 6, 2), nn.MultiheadAttention(6, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.zero_()
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    x = random(3, 4, 6)
    expected, _ = theirs(x, x, x, key_padding_mask=~MASK)
    torch.testing.assert_close(ours(x, x, MASK), expected, rtol=0, atol=1e-6)


def test_attention_refuses_heads_that_do_not_divide_its_width() -> None:
    with pytest.raises(SettingsError, match="width 10 cannot be split into 4 heads"):
        Attention(6, 6, 10, 4)


def test_pooling_is_a_softmax_over_the_scores_themselves() -> None:
    x, pool = random(3, 4, 5), AttentionPooling(5, 6, copies=2)
    hidden = (x @ pool.hidden.weight.T + pool.hidden.bias).tanh().view(3, 4, 2, 6)
    for row, length in enumerate(LENGTHS.tolist()):
        for copy in range(2):
            weights = (hidden[row, :length, copy] @ pool.score[copy]).softmax(0)
            torch.testing.assert_close(pool(x, MASK)[row, copy], weights @ x[row, :length], rtol=0, atol=1e-6)


def test_both_ways_recurrence_equals_torch_on_packed_sequences() -> None:
    ours = Recurrent(5, 4, 2, both_ways=True)
    theirs = nn.LSTM(5, 4, 2, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for layer in range(2):
            for cells, suffix in ((ours.forwards, ""), (ours.backwards, "_reverse")):
                for name, parameter in cells[layer].named_parameters():
                    theirs.get_parameter(name.replace("l0", f"l{layer}{suffix}")).copy_(parameter)
    x = random(3, 4, 5)
    states, _ = theirs(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(states, batch_first=True, total_length=4)
    found = torch.where(MASK.unsqueeze(-1), ours(x, MASK), 0.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_linear_skips_begin_at_zero_and_map_the_scaled_mean_of_real_chunks() -> None:
    x, skips = random(3, 4, 5), LinearSkips(5, {"one": 2, "other": 1}, 0.0)
    assert {name: (answer.shape, answer.any().item()) for name, answer in skips(x, MASK).items()} == {
        "one": ((3, 2), False),
        "other": ((3, 1), False),
    }
    weight = random(2, 5, seed=1)
    with torch.no_grad():
        skips.get_parameter("maps.one.weight").copy_(weight)
    found, by_chunk = skips(x, MASK)["one"], skips.by_chunk(x, MASK)["one"]
    for row, length in enumerate(LENGTHS.tolist()):
        real = x[row, :length]
        scaled = real / real.square().mean().sqrt()
        torch.testing.assert_close(found[row], weight @ scaled.mean(0), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(by_chunk[row, :length], scaled @ weight.T, rtol=1e-5, atol=1e-6)


def test_linear_skips_learn_from_zero_and_drop_in_training_alone() -> None:
    x, skips = random(3, 4, 5), LinearSkips(5, {"one": 2}, 0.5)
    skips(x, MASK)["one"].sum().backward()
    weight = skips.get_parameter("maps.one.weight")
    assert weight.grad is not None
    assert bool(weight.grad.any())
    with torch.no_grad():
        weight.fill_(1.0)
    assert not torch.equal(skips(x, MASK)["one"], skips(x, MASK)["one"])
    assert torch.equal(skips.eval()(x, MASK)["one"], skips(x, MASK)["one"])


def test_a_text_without_known_parts_passes_nothing_by() -> None:
    skips = LinearSkips(5, {"one": 2}, 0.0)
    with torch.no_grad():
        skips.get_parameter("maps.one.weight").fill_(1.0)
    assert torch.equal(skips(torch.zeros(3, 4, 5), MASK)["one"], torch.zeros(3, 2))


def test_reversal_turns_the_real_chunks_alone() -> None:
    assert reversed_places(MASK).tolist() == [[3, 2, 1, 0], [0, 1, 2, 3], [2, 1, 0, 3]]


def test_mixture_is_the_gated_sum_of_its_experts() -> None:
    x, mixture, emphasis = random(5, 6), Mixture(3, 6, 8, 2, gate_hidden=4), random(5, 3, seed=1).exp()
    _, gate = mixture(x)
    torch.testing.assert_close(gate.sum(-1), torch.ones(5))
    experts = mixture.experts(x)
    for factors in (torch.ones(5, 3), emphasis):
        expected = sum(gate[:, e, None] * factors[:, e, None] * experts[:, e] for e in range(3))
        torch.testing.assert_close(mixture(x, factors)[0], expected, rtol=0, atol=1e-6)


def test_a_band_is_kept_at_any_input_and_its_middle_is_the_geometric_mean() -> None:
    x = torch.tensor([-1e4, 0.0, 1e4])
    torch.testing.assert_close(band(x, 0.3, 2.5), torch.tensor([0.3, math.sqrt(0.75), 2.5]))


def test_ordered_numbers_are_in_order() -> None:
    low, middle, high = (50 * ordered(random(200, 3))).unbind(-1)
    assert bool((low < middle).all() and (middle < high).all())
    assert torch.equal(ordered(random(200, 3))[:, 1], random(200, 3)[:, 1])


def test_dropout_treats_all_chunks_of_a_record_alike() -> None:
    dropped = RecordDropout(0.5)(torch.ones(40, 3, 8))
    assert torch.equal(dropped, dropped[:, :1].expand(40, 3, 8))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(dropped[0], dropped[1])
    assert torch.equal(RecordDropout(0.5).eval()(torch.ones(4, 3, 8)), torch.ones(4, 3, 8))
