"""Candidates of a search, and how they are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs.validators import ge

from redheart_core.exact.numbers import FloatArray
from redheart_core.tuning.changes import Value
from redheart_core.tuning.cost import Cost

Pruner = Literal["median", "halving"]
Sampler = Literal["tpe", "random"]
Objective = Literal["loss", "latency", "memory"]
OWN = -1
"""The candidate that stands for the group's own settings."""
STARTUP = 5
"""Candidates that are drawn around the group's own settings before the sampler models them, and that are not pruned."""


@attrs.frozen
class StudySettings:
    """How candidates are chosen."""

    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    """Of a study of the loss alone; with further objectives a candidate stops that is worse than the median of the
    finished ones that cost no more."""
    objectives: tuple[Objective, ...] = ("loss",)
    """The loss first; latency stands for its arithmetic."""
    together: int = attrs.field(default=1, validator=ge(1))
    """Candidates of a round of search(), none of which sees another; auto shows a candidate all that is finished."""


@attrs.frozen(eq=False)
class Candidate:
    """A candidate that came to its end."""

    number: int
    """From 0; OWN for the group's own settings."""
    losses: FloatArray
    """(N,) validation losses at its best epoch."""
    cost: Cost
    values: Mapping[str, Value]
    """By "kind.name.key" of the space."""
    settings: Mapping[str, Any]
    """What it changes of the group, as tables "groups" and "plugins"."""

    @property
    def loss(self) -> float:
        return float(self.losses.mean())
