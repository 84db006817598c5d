"""The mixture and the levels reach the answer, and the levels nest."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field, PluginError
from redheart_core.losses import label_groups
from redheart_emotion_head.model import EmotionHead
from redheart_emotion_head.settings import EmotionHeadSettings
from redheart_emotion_head.training import FAMILIES, LABELS, VALENCE, build, objective


def inputs(name: str, width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    features = torch.randn(4, width, generator=draw)
    return {f"backbone.{name}": features, "backbone.sequence": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_each_family_lies_within_one_valence_sign() -> None:
    signs = [set(group) for group in label_groups(LABELS, VALENCE)]
    for family in label_groups(LABELS, FAMILIES):
        assert sum(set(family) <= sign for sign in signs) == 1


@pytest.mark.parametrize("part", ["mixture.experts", "mixture.gate", "attention", "levels.0", "levels.1", "levels.2"])
def test_every_part_reaches_the_emotion_logits(part: str) -> None:
    torch.manual_seed(0)
    head = EmotionHead(8, 12, 2, 3, (3, 4, 7), 0.0)
    head(inputs("emotion", 8))["emotion_logits"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in head.get_submodule(part).parameters())


def test_the_penalty_grows_with_unequal_load() -> None:
    penalty = objective(EmotionHeadSettings(balance_weight=0.5)).penalty
    assert penalty is not None
    assert penalty({"gate": torch.eye(3)}).item() == pytest.approx(0.0)
    assert penalty({"gate": torch.eye(3)[[0, 0]]}).item() == pytest.approx(0.5 * 2)


def test_emotions_in_another_order_are_refused() -> None:
    field = CATALOGUE["emotion"]
    other = Field("emotion", field.meaning, 0.0, 1.0, labels=field.labels[::-1], simplex=True)
    context = BuildContext(EmotionHeadSettings(), "tiny", {}, {"emotion": other}, frozenset())
    with pytest.raises(PluginError, match=r"emotion_head.*'emotion' has anger, disgust"):
        build(context)
