"""The conformance kit finds what is broken, and only that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core import (
    BuildContext,
    Field,
    LossTerm,
    NodeSpec,
    Objective,
    Output,
    RedheartError,
)
from redheart_core.data.batch import Batch
from redheart_core.discovery.entries import Entry
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.losses import divergence, squared_error
from redheart_core.nn.metrics import distribution_metrics, value_metrics
from redheart_core.testing import (
    NODE_CHECKS,
    PLUGIN_CHECKS,
    NotApplicable,
    Plugin,
    Sample,
    Subject,
    make_subject,
    run_checks,
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


@pytest.fixture(scope="module")
def sample() -> Sample:
    """24 records of 1 to 4 chunks, whose targets follow from the embedding; some traits are missing."""
    stream = torch.Generator().manual_seed(5)
    embedding = torch.randn(24, 4, WIDTH, generator=stream)
    mask = torch.arange(4) < torch.arange(24).remainder(4).add(1).unsqueeze(1)
    embedding = embedding * mask.unsqueeze(-1)
    mean = masked_mean(embedding, mask)
    traits = mean[:, 3:6].sigmoid()
    traits[5, 1] = float("nan")
    targets = {"mood": (2 * mean[:, :3]).softmax(-1), "traits": traits, "worth": mean[:, 0].mul(2).sigmoid()}
    return Sample(Batch({"embedding": embedding, "mask": mask}, targets), FIELDS)


def plugin_of(spec: NodeSpec, kind: Any = "analyzer") -> Plugin:
    return Plugin(spec.name, kind, spec, ENTRY)


def complaints(subject: object, checks: Sequence[Callable[[Any], None]]) -> dict[str, str]:
    """Names of the failing checks with what they say."""
    found = {}
    for check in checks:
        try:
            check(subject)
        except NotApplicable:
            continue
        except RedheartError as error:
            found[check.__name__.removeprefix("check_")] = str(error)
    return found


def broken(sample: Sample, **changes: Any) -> Subject:
    """The little plugin with another declaration."""
    return make_subject(plugin_of(attrs.evolve(LITTLE, **changes)), sample)


def test_a_good_plugin_passes_every_check(sample: Sample) -> None:
    results = run_checks(plugin_of(LITTLE), sample)
    skipped = [("fitting twice", "it is not fitted in closed form")]
    assert [(result.check, result.message) for result in results if result.status != "passed"] == skipped
    assert len(results) == len(PLUGIN_CHECKS) + len(NODE_CHECKS)


class DeadParameter(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.dead = nn.Linear(3, 3)


class ZeroGradient(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.idle = nn.Parameter(torch.ones(1))

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state + 0.0 * self.idle)


class CancelledParameter(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.shift = nn.Parameter(torch.zeros(1))

    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"mood_logits": results["mood_logits"] + self.shift}


class OutOfRange(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"worth": results["worth"] + 0.7}


class SharesDoNotSumToOne(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"mood": results["mood_logits"].sigmoid()}


class SpareAxis(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        results = super().results(state)
        return results | {"worth": results["worth"].unsqueeze(-1)}


class BatchStatistics(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state - state.mean(0) + self.hidden.bias)


class NeedsTwoRecords(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.norm = nn.BatchNorm1d(sizes[1])

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(self.norm(state))


class CountsPadding(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return torch.tanh(self.hidden(embedding.mean(1)))


class Unseeded(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden.weight.data += float(np.random.default_rng().normal())


class DropoutForEver(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return F.dropout(super().state(embedding, mask), 0.5)


class Hidden(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.aside = [torch.zeros(1, requires_grad=True)]

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state + self.aside[0])


class Unsaved(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.gain = torch.rand(1) + 0.5

    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state * self.gain)


class OnOneDevice(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden.bias = nn.Parameter(torch.zeros(sizes[1], device="cpu"))


class InDouble(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.register_buffer("factor", torch.tensor(0.5, dtype=torch.float64))


class Lazy(Little):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.hidden = nn.LazyLinear(sizes[1])


class LearnsNothing(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(1e-7 * state)

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        for layer in (self.mood, self.traits, self.worth):
            layer.bias = None  # type: ignore[assignment]


class TakesAnything(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        flat = embedding.reshape(*mask.shape, -1)
        return super().state(F.pad(flat, (0, WIDTH))[..., :WIDTH], mask)


class InPlace(Little):
    def state(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return super().state(embedding.mul_(0.5), mask)


class FixedLabels(Little):
    def __init__(self, width_in: int, width: int, moods: int, traits: int) -> None:
        super().__init__(width_in, width, moods, 3)


BROKEN: dict[str, tuple[type[Little], set[str], str]] = {
    "dead parameter": (DeadParameter, {"every_parameter_learns"}, r"dead\.weight \(9 elements\): no gradient"),
    "zero gradient": (ZeroGradient, {"every_parameter_learns"}, r"idle \(1 elements\): gradient exactly zero"),
    "cancelled": (CancelledParameter, {"every_parameter_learns"}, r"shift \(1 elements\): gradient is rounding alone"),
    "out of range": (
        OutOfRange,
        {"outputs_as_declared", "every_parameter_learns"},
        r"output 'worth' of plugin 'little' has to lie in 0\.\.1, got",
    ),
    "sum": (SharesDoNotSumToOne, {"outputs_as_declared"}, "output 'mood' has to sum to 1 over its labels"),
    "batch statistics": (BatchStatistics, {"records_apart"}, r"changes by .* alone instead of in a batch"),
    "two records": (
        NeedsTwoRecords,
        {"small_batches"},
        "one record in training mode: plugin 'little' failed",
    ),
    "padding": (CountsPadding, {"padding_changes_nothing", "records_apart"}, "with 3 more padded chunks"),
    "unseeded": (Unseeded, {"same_seed_same_result"}, "two modules of the same seed have to be equal .* little.hidden"),
    "dropout": (
        DropoutForEver,
        {"same_seed_same_result", "saving_keeps_everything", "padding_changes_nothing", "records_apart"},
        "two passes over the same batch in eval mode",
    ),
    "hidden": (Hidden, {"nothing_outside_learns"}, r"1 tensors that are no parameters of the group, .* \(1,\)"),
    "unsaved": (Unsaved, {"saving_keeps_everything"}, "before saving and after loading into another module"),
    "device": (OnOneDevice, {"builds_at_every_scale"}, "at scale tiny, hidden.bias ignore the device"),
    "double": (InDouble, {"builds_at_every_scale"}, r"have to be float32; .*factor"),
    "learns nothing": (LearnsNothing, {"loss_falls"}, "has to fall by 5% within 100 updates"),
    "takes anything": (TakesAnything, {"errors_name_the_plugin"}, "out of inputs of a wrong shape; no error came"),
    "fixed labels": (FixedLabels, {"other_labels"}, r"output 'traits' of plugin 'little' has to be .*\(8, 2\)"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_module_fails_the_check_that_looks_for_it(case: str, sample: Sample) -> None:
    kind, expected, message = BROKEN[case]
    found = complaints(broken(sample, build=building(kind)), NODE_CHECKS)
    assert set(found) == expected
    assert all("little" in text for text in found.values())
    assert re.search(message, " | ".join(found.values()))


def test_an_output_with_a_spare_axis_is_distinguished_from_a_number(sample: Sample) -> None:
    found = complaints(broken(sample, build=building(SpareAxis)), NODE_CHECKS)
    assert (
        "output 'worth' of plugin 'little' has to be (B) = (24,), got (24, 1); nothing is broadcast"
        in (found["outputs_as_declared"])
    )


def test_lazy_layers_and_changed_inputs_are_found(sample: Sample) -> None:
    lazy = complaints(broken(sample, build=building(Lazy)), NODE_CHECKS)
    assert lazy["builds_at_every_scale"].startswith("plugin 'little' has lazy layers (hidden.weight, hidden.bias)")
    in_place = complaints(broken(sample, build=building(InPlace)), NODE_CHECKS)
    assert "changes embedding in place, in its forward" in in_place["outputs_as_declared"]


@pytest.mark.parametrize(
    ("changes", "expected", "message"),
    [
        ({"layers": ("hiden", "mood")}, "layers_exist", "the layers hiden begin no parameter's name"),
        (
            {"scales": {**LITTLE.scales, "full": {"width": 2}}},
            "builds_at_every_scale",
            "scales have to grow from tiny to full",
        ),
    ],
)
def test_wrong_layers_and_scales_are_found(
    changes: dict[str, Any], expected: str, message: str, sample: Sample
) -> None:
    found = complaints(broken(sample, **changes), NODE_CHECKS)
    assert set(found) == {expected}
    assert message in found[expected]
