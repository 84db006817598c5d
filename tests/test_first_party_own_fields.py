"""The fitted first-party nodes on fields that a data set declares itself, one of each kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import attrs
import pytest
import torch
from node_checks import CHECKS
from torch import Tensor

from redheart_core import Field
from redheart_core.testing import NotApplicable, Sample, Subject, load_installed, make_subject, real_sample

FIELDS = {
    "type": Field("type", "a name that torch's modules have too", 0.0, 1.0, labels=("a", "b", "c"), binary=True),
    "delay": Field("delay", "a number", -5.0, 40.0, unit="days"),
    "몫": Field("몫", "shares", 0.0, 1.0, labels=("a", "b"), simplex=True),
    "hands": Field("hands", "counts", 0.0, 99.0, labels=("left", "right", "both"), counts=True),
}


def made_up(field: Field, count: int, draw: torch.Generator) -> Tensor:
    """Numbers of the field's kind that no text decides; one record has none.

    Votes are unanimous, as calibration goes by the confidence in the majority.
    """
    random = torch.rand((count, *field.shape), generator=draw)
    if field.simplex:
        random = random.softmax(-1)
    elif field.binary:
        random = (random < 0.4).float()
    elif field.counts:
        random = 7.0 * torch.nn.functional.one_hot(random.argmax(-1), len(field.labels))
    else:
        random = field.low + (field.high - field.low) * random
    random[count // 2] = float("nan")
    return random


@cache
def sample() -> Sample:
    real, draw = real_sample(), torch.Generator().manual_seed(0)
    targets = {name: made_up(field, real.records.size, draw) for name, field in FIELDS.items()}
    return Sample(attrs.evolve(real.records, targets=targets), FIELDS)


@cache
def subject_of(name: str) -> Subject:
    """The node that all checks look at."""
    return make_subject(load_installed(name), sample())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["linear", "mean_fusion", "stacking_fusion"])
def test_conformance(name: str, check: Callable[[Any], None]) -> None:
    subject = subject_of(name)
    assert set(subject.node.spec.targets) == set(FIELDS)
    try:
        check(subject)
    except NotApplicable as reason:
        pytest.skip(str(reason))
