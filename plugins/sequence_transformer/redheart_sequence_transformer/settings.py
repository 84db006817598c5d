"""The [plugins.sequence_*] tables."""

from __future__ import annotations

from itertools import pairwise

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, divides, divides_or_none, repeated, width_from

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def _rising(_: object, attribute: attrs.Attribute[tuple[float, ...]], value: tuple[float, ...]) -> None:
    if not value or not all(0.0 < one < 1.0 for one in value) or any(a >= b for a, b in pairwise(value)):
        raise ValueError(f"'{attribute.name}' must rise between 0 and 1: {value}")


@attrs.frozen
class SequenceSettings:
    """The transformer over a sequence."""

    width: int = attrs.field(default=32, validator=width_from(4))
    """Width of a token."""
    layers: int = attrs.field(default=2, validator=repeated())
    """Transformer layers."""
    heads: int = attrs.field(default=4, validator=[repeated(), divides("width")])
    """Heads of attention; a divisor of the width."""
    patch: int = attrs.field(default=4, validator=repeated())
    """Steps of a token."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of time, which are repeated up to width; 0 is width. A network that has grown keeps that
    which it began with."""
    dropout: float = attrs.field(default=0.0, validator=SHARE)
    """Share of activations dropped in training."""


@attrs.frozen
class ForecastSettings(SequenceSettings):
    """The [plugins.sequence_forecast] table."""

    levels: tuple[float, ...] = attrs.field(default=LEVELS, validator=_rising)
    """Of the quantiles that are forecast, rising between 0 and 1."""
    reads_level: bool = True
    """Whether the network reads the window's own mean and spread. Without, its correction shifts and scales with the
    series, which fits data that drift to values never seen in training."""
    quantile_weight: float = attrs.field(default=1.0, validator=POSITIVE)
    """Weight of the pinball loss beside the squared error of the mean."""

    @property
    def quantiles(self) -> int:
        """How many levels there are."""
        return len(self.levels)


@attrs.frozen
class ClassSettings(SequenceSettings):
    """The [plugins.sequence_class] table."""


@attrs.frozen
class HistorySettings(SequenceSettings):
    """The [plugins.sequence_history] table."""

    patch: int = attrs.field(default=1, validator=repeated())
    """Earlier scenarios of a token."""
