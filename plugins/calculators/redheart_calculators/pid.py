"""The calculator `exact_pid`: the partial information decomposition of Williams and Beer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs.validators import ge, optional

from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = (Task("distribution", ("pmf",)), Task("samples", ("target", "sources")))
MOST_SOURCES = 3
MOST_CELLS = 10_000_000
"""Samples are counted into an array of so many joint states at most."""


@attrs.frozen
class PidSettings:
    """The [plugins.exact_pid] table."""

    bins: int | None = attrs.field(default=None, validator=optional(ge(2)))
    """Quantile bins of each variable; without, the samples are states already."""


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_pid",
        meaning="partial information atoms of up to three sources about a target (I_min), in bits",
        settings=PidSettings,
        inputs=(
            CalculatorInput("target", "states or, with bins, numbers; one a sample", "(N,)", required=False),
            CalculatorInput("sources", "likewise, up to 3 sources as columns", "(N, n)", required=False),
            CalculatorInput(
                "pmf",
                "instead of samples: the joint distribution, weights >= 0 of any scale",
                "(target, source 1, ..., source n)",
                required=False,
            ),
        ),
        compute=_compute,
        # vector P1: the conjunction of two fair bits
        example={"target": [0, 0, 0, 1], "sources": [[0, 0], [0, 1], [1, 0], [1, 1]]},
    )


def _compute(settings: PidSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.pid import decompose, name

    if len(chosen_tasks(inputs, TASKS)) > 1:
        raise DataError("'pmf' and samples of 'target' and 'sources' are alternatives; leave one of them out")
    if "pmf" in inputs and settings.bins is not None:
        raise DataError("a 'pmf' has states already; leave the setting bins out")
    found = decompose(inputs["pmf"] if "pmf" in inputs else _counts(settings.bins, inputs))
    return {
        "atoms": found.named(),
        "redundancies": {name(node): bits for node, bits in found.redundancies.items()},
        "mutual_information": found.mutual_information,
        "target_entropy": found.target_entropy,
        "degenerate": found.degenerate,
        "samples": len(inputs["target"]) if "target" in inputs else None,
    }


def _counts(bins: int | None, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """How often each joint state occurs: the target on axis 0, source i on axis i."""
    import numpy as np

    from redheart_core.exact.states import state_codes

    target, sources = inputs["target"], inputs["sources"]
    if target.ndim != 1 or sources.ndim not in (1, 2) or len(target) != len(sources):
        raise DataError(
            f"'target' needs the shape (N,) and 'sources' (N, n), got {target.shape} and "
            f"{sources.shape}; one row a sample"
        )
    columns = np.column_stack([target, sources])
    if columns.shape[1] > MOST_SOURCES + 1:
        raise DataError(f"at most {MOST_SOURCES} sources can be decomposed, got {columns.shape[1] - 1}; use exact_surd")
    codes, _ = state_codes("'target' and 'sources'", columns, bins)
    codes = np.stack([np.unique(column, return_inverse=True)[1] for column in codes.T])
    shape = tuple(int(number) + 1 for number in codes.max(axis=1))
    if math.prod(shape) > MOST_CELLS:
        raise DataError(f"there are {shape} states, too many together; set bins, such as 8, under [plugins.exact_pid]")
    table = np.zeros(shape)
    np.add.at(table, tuple(codes), 1.0)
    return table
