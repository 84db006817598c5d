"""A small plugin that passes every check of the conformance kit, with records for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from redheart_core import (
    BuildContext,
    Field,
    LossTerm,
    NodeSpec,
    Objective,
    Output,
)
from redheart_core.discovery.entries import Entry
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.losses import divergence, squared_error
from redheart_core.nn.metrics import distribution_metrics, value_metrics
from redheart_core.testing import (
    Plugin,
)

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

FIELDS = {
    field.name: field
    for field in (
        Field("mood", "a distribution", 0.0, 1.0, labels=("up", "level", "down"), simplex=True),
        Field("traits", "three numbers", 0.0, 1.0, labels=("long", "warm", "loud")),
        Field("worth", "a number", 0.0, 1.0),
    )
}
WIDTH = 6


@attrs.frozen
class LittleSettings:
    """Settings of the little plugin."""

    width: int = 12


class Little(nn.Module):
    """Masked mean, one hidden layer, three results."""

    def __init__(self, width_in: int, width: int, moods: int, traits: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width_in, width)
        self.dropout = nn.Dropout(0.1)
        self.mood = nn.Linear(width, moods)
        self.traits = nn.Linear(width, traits)
        self.worth = nn.Linear(width, 1)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.results(self.state(inputs["embedding"], inputs["mask"]))

    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return self.dropout(torch.tanh(self.hidden(masked_mean(embedding, mask))))  # type: ignore[no-any-return]

    def results(self, state: Tensor) -> dict[str, Tensor]:
        logits = self.mood(state)
        return {
            "mood": logits.softmax(-1),
            "mood_logits": logits,
            "traits": self.traits(state).sigmoid(),
            "worth": self.worth(state).squeeze(-1).sigmoid(),
        }


def building(kind: type[Little]) -> Callable[[BuildContext], nn.Module]:
    def build(context: BuildContext) -> nn.Module:
        labels = [len(context.labels(name)) for name in ("mood", "traits")]
        return kind(context.input_width("embedding"), context.settings.width, *labels)

    return build


def objective(settings: object) -> Objective:
    return Objective(
        losses=(
            LossTerm("mood_logits", "mood", "logits", divergence),
            LossTerm("traits", "traits", "values", squared_error),
            LossTerm("worth", "worth", "values", squared_error),
        ),
        metrics=(
            *distribution_metrics("mood", "mood"),
            *value_metrics("traits", "traits"),
            *value_metrics("worth", "worth"),
        ),
    )


LITTLE = NodeSpec(
    name="little",
    meaning="mood, traits and worth from the mean chunk",
    settings=LittleSettings,
    scales={"tiny": {}, "small": {"width": 16}, "base": {"width": 32}, "full": {"width": 64}},
    reads=("embedding",),
    gives=(
        Output("mood", "share of each mood", "probabilities", labels="mood", low=0.0, high=1.0),
        Output("mood_logits", "the same before the softmax", "logits", labels="mood"),
        Output("traits", "the traits", "values", labels="traits", low=0.0, high=1.0),
        Output("worth", "the worth", "values", low=0.0, high=1.0),
    ),
    build=building(Little),
    objective=objective,
    targets=("mood", "traits", "worth"),
    layers=("hidden", "mood"),
)


def plugin_of(spec: NodeSpec, kind: Any = "analyzer") -> Plugin:
    return Plugin(spec.name, kind, spec, ENTRY)
