"""What the transformers answer, by the fields of a data set; no torch."""

from __future__ import annotations

from collections.abc import Mapping

from redheart_core import Field, Output
from redheart_core.nn.answers import answer_outputs

ANSWERED = ("outcome", "quantity")
"""Fields of a window beside the forecast."""
REMEMBERED = ("regret", "utility", "self_after")
"""Fields that a person's earlier scenarios may tell of."""


def forecasts(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """The outputs that answer `next`, of as many steps as the data set has; see NodeSpec.learns_any."""
    if "next" not in fields:
        return {}
    axes = fields["next"].axes
    return {
        "next": (
            Output("next", "mean of each step ahead, in units of the file", "values", axes, "next"),
            Output("next_quantiles", "its quantiles, the lowest level first", "values", (*axes, "quantiles"), "next"),
        )
    }


def classes(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """The outputs that answer `outcome` and `quantity`."""
    return {name: answer_outputs(fields[name]) for name in ANSWERED if name in fields}


def followers(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """The outputs that answer what follows a person's earlier scenarios."""
    return {name: answer_outputs(fields[name]) for name in REMEMBERED if name in fields}
