"""The mixture and the levels reach the answer, the levels agree, and culture is learnt where it is labelled."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field, PluginError
from redheart_core.nn.losses import label_groups
from redheart_core.testing import build_context, random_inputs
from redheart_emotion_head import redheart_provide_heads
from redheart_emotion_head.settings import EmotionHeadSettings
from redheart_emotion_head.training import FAMILIES, VALENCE, build, objective

LABELS = CATALOGUE["emotion"].labels
SHAPES = {"embedding": ("T", 8), "backbone.sequence": ("T", 8), "backbone.emotion": (8,)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_heads()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


def penalty_of(outputs: dict[str, Tensor], **settings: float) -> float:
    changed = attrs.evolve(context("emotion"), settings=EmotionHeadSettings(**settings))  # type: ignore[arg-type]
    penalty = objective(changed).penalty
    assert penalty is not None
    return penalty(outputs).item()


def agreeing(gate: Tensor) -> dict[str, Tensor]:
    """Levels whose distributions are exact sums of each other, with the catalogue's order of labels."""
    p = torch.tensor([[0.3, 0.1, 0.05, 0.2, 0.15, 0.12, 0.08]]).expand(len(gate), 7)
    joy, trust, fear, surprise, sadness, disgust, anger = p.unbind(-1)
    family = torch.stack([joy + trust, surprise, fear + sadness, disgust + anger], -1)
    valence = torch.stack([joy + trust, surprise, fear + sadness + disgust + anger], -1)
    levels = {"valence_logits": valence.log() + 2, "family_logits": family.log() - 1, "level_logits": p.log()}
    return {**levels, "gate": gate}


def test_each_family_lies_within_one_valence_sign() -> None:
    signs = [set(group) for group in label_groups(LABELS, VALENCE)]
    for family in label_groups(LABELS, FAMILIES):
        assert sum(set(family) <= sign for sign in signs) == 1


@pytest.mark.parametrize("part", ["mixture.experts", "mixture.gate", "attention", "levels.0", "levels.1", "levels.2"])
def test_every_part_reaches_the_emotion_logits(part: str) -> None:
    torch.manual_seed(0)
    head = build(context("emotion"))
    head(inputs())["emotion_logits"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in head.get_submodule(part).parameters())


def test_the_penalty_grows_with_unequal_load() -> None:
    even, uneven = agreeing(torch.eye(3)), agreeing(torch.eye(3)[[0, 0]])
    assert penalty_of(even, balance_weight=0.5) == pytest.approx(0.0, abs=1e-6)
    assert penalty_of(uneven, balance_weight=0.5) == pytest.approx(0.5 * 2, abs=1e-6)


@pytest.mark.parametrize("level", ["valence_logits", "family_logits", "level_logits"])
def test_the_penalty_grows_with_each_level_that_disagrees(level: str) -> None:
    outputs = agreeing(torch.eye(3))
    assert penalty_of(outputs) == pytest.approx(0.0, abs=1e-6)
    outputs[level] = outputs[level].roll(1, -1)
    assert penalty_of(outputs, consistency_weight=1.0) > 0.05
    assert penalty_of(outputs, consistency_weight=0.0) == pytest.approx(0.0, abs=1e-6)


def test_emotions_in_another_order_are_grouped_by_name() -> None:
    order = torch.arange(6, -1, -1)
    turned = attrs.evolve(CATALOGUE["emotion"], labels=LABELS[::-1])
    target = torch.rand(4, 7, generator=torch.Generator().manual_seed(0)).softmax(-1)
    everywhere = torch.ones(4, 7, dtype=torch.bool)
    logits = {"valence_logits": torch.randn(4, 3), "family_logits": torch.randn(4, 4)}
    plain, other = (objective(one) for one in (context("emotion"), context("emotion", emotion=turned)))
    for one, two in zip(plain.losses, other.losses, strict=True):
        if one.output in logits:
            expected = one.function(logits[one.output], target, everywhere)
            torch.testing.assert_close(two.function(logits[two.output], target[:, order], everywhere), expected)
    assert build(context("emotion", emotion=turned))(inputs())["emotion"].shape == (4, 7)


def test_other_emotions_are_refused() -> None:
    other = attrs.evolve(CATALOGUE["emotion"], labels=("joy", "envy"))
    with pytest.raises(PluginError, match=r"'emotion' has joy, envy"):
        build(context("emotion", emotion=other))
