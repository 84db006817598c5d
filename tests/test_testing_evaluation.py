"""The conformance kit finds losses and metrics that mislead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

from redheart_core import SCALES, Field, LossTerm, Metric, NodeSpec, Objective, Output, RedheartError
from redheart_core.data.batch import Batch
from redheart_core.discovery.entries import Entry
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import mean_absolute_error, value_metrics
from redheart_core.testing import NODE_CHECKS, Plugin, Sample, Subject, make_subject

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

JUDGING = [check for check in NODE_CHECKS if check.__name__.endswith(("_losses", "_metrics", "_missing_targets"))]
FIELDS = {
    "traits": Field("traits", "three numbers", 0.0, 1.0, labels=("long", "warm", "loud")),
    "worth": Field("worth", "a number", 0.0, 1.0),
}


@attrs.frozen
class NoSettings:
    """Nothing to set."""


class Judged(nn.Module):
    """Masked mean and one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        results = self.layer(masked_mean(inputs["embedding"], inputs["mask"])).sigmoid()
        return {"traits": results[:, :3], "worth": results[:, 3]}


def judged(loss: Any = squared_error, metric: Metric | None = None) -> Subject:
    """A node with a loss and perhaps a metric under test; some of the 24 records' traits are missing."""
    spec = NodeSpec(
        name="judged",
        meaning="traits and worth",
        settings=NoSettings,
        scales={scale: {} for scale in SCALES},
        reads=("embedding",),
        gives=(Output("traits", "the traits", "values", labels="traits"), Output("worth", "the worth", "values")),
        build=lambda context: Judged(),
        objective=lambda settings: Objective(
            losses=tuple(LossTerm(name, name, "values", loss) for name in FIELDS),
            metrics=(*value_metrics("traits", "traits"), *((metric,) if metric else ())),
        ),
        targets=("traits", "worth"),
    )
    embedding = torch.randn(24, 2, 6, generator=torch.Generator().manual_seed(5))
    targets = {"traits": embedding.mean(1)[:, :3].sigmoid(), "worth": embedding.mean(1)[:, 3].sigmoid()}
    targets["traits"][5, 1] = float("nan")
    batch = Batch({"embedding": embedding, "mask": torch.ones(24, 2, dtype=torch.bool)}, targets)
    return make_subject(Plugin("judged", "analyzer", spec, ENTRY), Sample(batch, FIELDS))


def complaints(subject: Subject, checks: Sequence[Callable[[Any], None]]) -> dict[str, str]:
    found = {}
    for check in checks:
        try:
            check(subject)
        except RedheartError as error:
            found[check.__name__.removeprefix("check_")] = str(error)
    return found


def test_honest_losses_and_metrics_pass() -> None:
    assert complaints(judged(), JUDGING) == {}


def broadcasting(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    distance = (prediction.unsqueeze(1) - torch.where(present, target, prediction).unsqueeze(0)).square().mean(0)
    return distance if distance.dim() == 1 else distance.mean(-1)


def invents_zero(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    error = (prediction - target.nan_to_num(0.0)).square()
    return error if error.dim() == 1 else error.mean(-1)


def poisoned(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    error = torch.where(present, (prediction - target).square(), 0.0)
    return error if error.dim() == 1 else error.mean(-1)


def upside_down(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    return 1 - squared_error(prediction, target, present)


def scalar(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    return squared_error(prediction, target, present).mean()


@pytest.mark.parametrize(
    ("loss", "check", "message"),
    [
        (broadcasting, "losses", "of a record changes by .* with the other records of the batch"),
        (invents_zero, "missing_targets", "the loss on 'traits' has a gradient where the target is missing"),
        (poisoned, "missing_targets", "the loss on 'traits' or its gradient is not finite when targets are missing"),
        (upside_down, "losses", "lower for a perfect prediction than for the constant mean; it is 1 and 0.9"),
        (scalar, "losses", r"has to give one number per record, \(24,\), got \(\)"),
        (lambda p, y, present: squared_error(p.detach(), y, present), "losses", "has no gradient; do without detach"),
        (lambda p, y, present: squared_error(0 * p, y, present), "losses", "has a gradient of zero"),
    ],
)
def test_a_broken_loss_is_found(loss: Any, check: str, message: str) -> None:
    found = complaints(judged(loss), JUDGING)
    assert re.search(message, found[check])
    assert found[check].startswith("plugin 'judged'")


def counts_missing(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    return float((prediction - target.nan_to_num(0.5)).abs().mean())


@pytest.mark.parametrize(
    ("function", "direction", "check", "message"),
    [
        (lambda p, y, present: 0.25, "min", "metrics", "it gives 0.25 and 0.25"),
        (mean_absolute_error, "max", "metrics", r"'extra' \(max\) has to prefer a perfect prediction"),
        (
            lambda p, y, present: float("nan"),
            "min",
            "metrics",
            "has to have a value .*; the metric gives nan",
        ),
        (lambda p, y, present: (p - y)[present].abs().mean(), "min", "metrics", r"has to give a float, got tensor\("),
        (counts_missing, "min", "missing_targets", "has to leave out missing targets"),
    ],
)
def test_a_broken_metric_is_found(function: Any, direction: Any, check: str, message: str) -> None:
    metric = Metric("extra", "traits", "traits", function, direction)
    found = complaints(judged(metric=metric), JUDGING)
    assert "losses" not in found
    assert re.search(message, found[check])


def test_training_that_breaks_down_names_the_plugin() -> None:
    found = complaints(judged(poisoned), [check for check in NODE_CHECKS if check.__name__ == "check_loss_falls"])
    assert found == {"loss_falls": "plugin 'judged': the gradient norm became nan in epoch 1, step 1"}
