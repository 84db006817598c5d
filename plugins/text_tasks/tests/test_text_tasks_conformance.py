"""The contract of plugins, kept by every task and architecture, on real texts with made-up labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import attrs
import pytest
import torch
from growth import assert_grows
from node_checks import CHECKS
from torch import Tensor

from redheart_core import CATALOGUE, Field
from redheart_core.testing import (
    NODE_CHECKS,
    PLUGIN_CHECKS,
    NotApplicable,
    Sample,
    Subject,
    load_installed,
    make_subject,
)
from redheart_core.testing import real_sample as village_sample

TASKS = ("ekman", "goemotions", "kote", "vad", "votes")
ARCHITECTURES = ("pooled", "attentive", "recurrent")
NAMES = [f"{task}_{architecture}" for task in TASKS for architecture in ARCHITECTURES]
KINDS = [*(f"ekman_{architecture}" for architecture in ARCHITECTURES), "vad_pooled", "votes_attentive"]
"""Each architecture, and a task of each kind of field; goemotions and kote are of the kind of ekman."""


def made_up(field: Field, count: int, draw: torch.Generator) -> Tensor:
    """Labels, votes or ratings that no text decides, (count, labels), one record without any.

    Votes are unanimous: calibration is judged by the confidence in the majority, which shares of divided votes lack.
    """
    shape = (count, len(field.labels))
    if field.binary:
        target = (torch.rand(shape, generator=draw) < 0.3).float()
    elif field.counts:
        chosen = torch.randint(len(field.labels), (count,), generator=draw)
        target = torch.nn.functional.one_hot(chosen, len(field.labels)) * 7.0
    else:
        target = field.low + (field.high - field.low) * torch.rand(shape, generator=draw)
    target[count // 2] = float("nan")
    return target


DECLARED = {
    "type": Field("type", "a name that torch's modules have too", 0.0, 1.0, labels=("a", "b", "c"), binary=True),
    "Blicke": Field("Blicke", "a number of a shop", -5.0, 40.0, unit="days"),
    "share": Field("share", "shares", 0.0, 1.0, labels=("a", "b"), simplex=True),
    "hands": Field("hands", "counts", 0.0, 99.0, labels=("left", "right"), counts=True),
}
"""Fields that a data set declares itself, one of each kind."""


def made_up_declared(field: Field, count: int, draw: torch.Generator) -> Tensor:
    """As made_up; also numbers without labels, and distributions."""
    if field.simplex:
        return torch.rand((count, len(field.labels)), generator=draw).softmax(-1)
    return made_up(field, count, draw) if field.labels else field.low + 45 * torch.rand(count, generator=draw)


@cache
def declared_sample() -> Sample:
    """The same records with fields of a data set's own."""
    real, draw = village_sample(), torch.Generator().manual_seed(0)
    targets = {name: made_up_declared(field, real.records.size, draw) for name, field in DECLARED.items()}
    return Sample(attrs.evolve(real.records, targets=targets), DECLARED)


@cache
def sample() -> Sample:
    """The embedded data set's records, which lack these fields, with fields made up for the test."""
    real, draw = village_sample(), torch.Generator().manual_seed(0)
    targets = {task: made_up(CATALOGUE[task], real.records.size, draw) for task in TASKS}
    records = attrs.evolve(real.records, targets=targets)
    return Sample(records, {task: CATALOGUE[task] for task in TASKS})


@cache
def subject(name: str) -> Subject:
    """The node that all checks look at."""
    return make_subject(load_installed(name), declared_sample() if name == "pooled" else sample())


def title(check: Callable[[Any], None]) -> str:
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", PLUGIN_CHECKS, ids=title)
@pytest.mark.parametrize("name", [*NAMES, "pooled"])
def test_every_node_is_declared_as_agreed(name: str, check: Callable[[Any], None]) -> None:
    check(load_installed(name))


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param(name, *check.values, id=f"{name}-{check.id}", marks=check.marks)
        for name in KINDS
        for check in CHECKS
    ],
)
def test_conformance(name: str, check: Callable[[Any], None]) -> None:
    try:
        check(subject(name))
    except NotApplicable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in KINDS])
def test_the_other_tasks_learn_with_every_parameter_too(name: str) -> None:
    for check in NODE_CHECKS:
        if title(check) in ("outputs_as_declared", "every_parameter_learns", "loss_falls"):
            check(subject(name))


@pytest.mark.parametrize("check", CHECKS)
def test_conformance_of_the_node_of_declared_fields(check: Callable[[Any], None]) -> None:
    try:
        check(subject("pooled"))
    except NotApplicable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("goemotions_pooled", {"width": 150}),
        ("goemotions_attentive", {"width": 256, "heads": 8, "layers": 2, "bottleneck": 40}),
        ("goemotions_recurrent", {"width": 144}),
        ("pooled", {"width": 150}),
    ],
)
def test_it_grows_twice_without_a_change(name: str, settings: dict[str, Any]) -> None:
    assert_grows(name, declared_sample() if name == "pooled" else sample(), **settings)
