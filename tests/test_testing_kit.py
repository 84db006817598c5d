"""The conformance kit finds what is broken, and only that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import torch
from broken_modules import BROKEN, InPlace, Lazy, SpareAxis
from little_plugin import FIELDS, LITTLE, WIDTH, Little, building, plugin_of
from torch import Tensor

from redheart_core import (
    RedheartError,
)
from redheart_core.data.batch import Batch
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import grow_linear
from redheart_core.nn.growing_axes import Axis
from redheart_core.testing import (
    NODE_CHECKS,
    PLUGIN_CHECKS,
    NotApplicable,
    Sample,
    Subject,
    make_subject,
    run_checks,
)
from redheart_core.testing.export_checks import check_exports_to_onnx
from redheart_core.testing.growth_checks import check_grows

ON_PYTORCH = [check for check in NODE_CHECKS if check is not check_exports_to_onnx]
"""Of the modules that break one promise many cannot be exported either."""


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
    skipped = [
        ("fitting twice", "it is not fitted in closed form"),
        ("grows", "it declares no way to grow, and keeps its size when others do"),
    ]
    assert [(result.check, result.message) for result in results if result.status != "passed"] == skipped
    assert len(results) == len(PLUGIN_CHECKS) + len(NODE_CHECKS)


class Grows(Little):
    """Takes over what a smaller one computes; new hidden units are read by nothing at first."""

    def grow_from(self, smaller: Little) -> None:
        read = Axis.same(smaller.hidden.in_features)
        hidden = Axis.padded(smaller.hidden.out_features, self.hidden.out_features)
        grow_linear(self.hidden, smaller.hidden, read, hidden)
        for name in ("mood", "traits", "worth"):
            old = smaller.get_submodule(name)
            grow_linear(self.get_submodule(name), old, hidden, Axis.same(old.get_parameter("bias").shape[0]))


class Forgets(Little):
    def grow_from(self, smaller: Little) -> None:
        """Leaves everything as it was initialised."""


class Nearly(Grows):
    @torch.no_grad()
    def grow_from(self, smaller: Little) -> None:
        """Off by what single precision could not tell from rounding."""
        super().grow_from(smaller)
        self.mood.bias.add_(1e-6 * torch.arange(self.mood.out_features))


class Single(Grows):
    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.float() for name, tensor in super().forward(inputs).items()}


class Copies(Little):
    @torch.no_grad()
    def grow_from(self, smaller: Little) -> None:
        """Copies of a unit that are read alike, so that they get the same gradient for ever."""
        hidden = Axis(torch.arange(self.hidden.out_features) % smaller.hidden.out_features)
        self.hidden.load_state_dict({name: old[hidden.source] for name, old in smaller.hidden.state_dict().items()})
        for name in ("mood", "traits", "worth"):
            new, old = (one.get_submodule(name) for one in (self, smaller))
            new.get_parameter("weight").copy_(old.get_parameter("weight")[:, hidden.source] / hidden.copies)
            new.get_parameter("bias").copy_(old.get_parameter("bias"))


class Idles(Grows):
    @torch.no_grad()
    def grow_from(self, smaller: Little) -> None:
        """New units that are 0 and read by nothing: neither ever gets a gradient."""
        super().grow_from(smaller)
        for parameter in self.hidden.parameters():
            parameter[smaller.hidden.out_features :] = 0.0


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Grows, ""),
        (Forgets, "off by"),
        (Nearly, "in double precision, at most 1e-11 is allowed"),
        (Single, "is float32 where weights and inputs are float64"),
        (Little, "has no method grow_from"),
        (Copies, "units of little.hidden.weight, little.mood.weight"),
        (Idles, "stay equal or idle for ever"),
    ],
)
def test_growth_is_compared_at_both_sizes(kind: type[Little], says: str, sample: Sample) -> None:
    subject = broken(sample, build=building(kind), grown=lambda smaller, larger: larger)
    found = complaints(subject, [check_grows])
    assert set(found) == ({"grows"} if says else set())
    assert says in found.get("grows", "")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_module_fails_the_check_that_looks_for_it(case: str, sample: Sample) -> None:
    kind, expected, message = BROKEN[case]
    found = complaints(broken(sample, build=building(kind)), ON_PYTORCH)
    assert set(found) == expected
    assert all("little" in text for text in found.values())
    assert re.search(message, " | ".join(found.values()))


def test_an_output_with_a_spare_axis_is_distinguished_from_a_number(sample: Sample) -> None:
    found = complaints(broken(sample, build=building(SpareAxis)), ON_PYTORCH)
    assert (
        "output 'worth' of plugin 'little' has to be (B) = (24,), got (24, 1); nothing is broadcast"
        in (found["outputs_as_declared"])
    )


def test_lazy_layers_and_changed_inputs_are_found(sample: Sample) -> None:
    lazy = complaints(broken(sample, build=building(Lazy)), ON_PYTORCH)
    assert lazy["builds_at_every_scale"].startswith("plugin 'little' has lazy layers (hidden.weight, hidden.bias)")
    in_place = complaints(broken(sample, build=building(InPlace)), ON_PYTORCH)
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
    found = complaints(broken(sample, **changes), ON_PYTORCH)
    assert set(found) == {expected}
    assert message in found[expected]
