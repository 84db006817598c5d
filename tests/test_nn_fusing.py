"""Answers on a field are stacked with their numbers last, and a mixture of them is an answer of the field's kind."""

from __future__ import annotations

import pytest
import torch

from redheart_core import CATALOGUE, BuildContext, PluginError
from redheart_core.nn.answers import LEAST
from redheart_core.nn.fusing import Gathered, fused, gathered_fields

EMOTION, GOEMOTIONS, REGRET, VAD = (CATALOGUE[name] for name in ("emotion", "goemotions", "regret", "vad"))


def test_members_are_stacked_in_the_order_of_their_names_and_numbers_come_last() -> None:
    answers = {"a.regret": torch.tensor([0.1, 0.2]), "b.regret": torch.tensor([0.3, 0.4])}
    found = Gathered(REGRET, ("b.regret", "a.regret")).stacked(answers.__getitem__)
    assert torch.equal(found, torch.tensor([[[0.3], [0.4]], [[0.1], [0.2]]]))
    answers = {name: torch.rand(2, 3, generator=torch.Generator().manual_seed(0)) for name in ("a.vad", "b.vad")}
    assert Gathered(VAD, tuple(answers)).stacked(answers.__getitem__).shape == (2, 2, 3)


def test_a_mixture_keeps_to_the_range_of_its_field() -> None:
    assert torch.equal(fused(REGRET, torch.tensor([[-0.5], [0.25], [1.5]]))["regret"], torch.tensor([0.0, 0.25, 1.0]))
    labels = torch.full((1, len(GOEMOTIONS.labels)), 0.5)
    labels[0, :2] = torch.tensor([0.0, 1.0])
    found = fused(GOEMOTIONS, labels)["goemotions"]
    torch.testing.assert_close(found[0, :3], torch.tensor([LEAST, 1 - LEAST, 0.5]))
    shares = fused(EMOTION, torch.tensor([[2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]]))
    torch.testing.assert_close(
        shares["emotion"], torch.tensor([[0.5, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25]]), atol=1e-5, rtol=0
    )
    assert bool(shares["emotion_logits"].isfinite().all())


def test_a_fusion_gathers_the_inputs_of_every_field_that_text_can_answer() -> None:
    inputs = {"a.regret": (), "b.regret": (), "a.vad": (3,)}
    context = BuildContext(None, "tiny", inputs, {"regret": REGRET, "vad": VAD}, frozenset())
    assert gathered_fields(context) == (
        Gathered(REGRET, ("a.regret", "b.regret")),
        Gathered(VAD, ("a.vad",)),
    )
    odd = BuildContext(None, "tiny", {"a.vad": (2,)}, {"vad": VAD}, frozenset())
    with pytest.raises(PluginError, match=r"'a\.vad' has the shape"):
        gathered_fields(odd)
