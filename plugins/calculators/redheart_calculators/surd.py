"""The calculator `exact_surd`: what a target's information from its sources is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import and_, ge, gt, lt, optional

from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core.exact.surd import Surd

TASKS = (Task("distribution", ("pmf",)), Task("samples", ("target", "sources")))


def _none_or_enough(instance: SurdSettings, attribute: attrs.Attribute[int], value: int) -> None:
    if value != 0 and value < 50:
        raise ValueError(f"'{attribute.name}' must be 0 (no correction) or at least 50: {value}")


@attrs.frozen
class SurdSettings:
    """The [plugins.exact_surd] table."""

    bins: int | None = attrs.field(default=None, validator=optional(ge(2)))
    """Quantile bins of each variable; without, the samples are states already."""
    ties: Literal["split", "first"] = "split"
    """Who gets an increment that several tuples reach alike."""
    shuffles: int = attrs.field(default=50, validator=_none_or_enough)
    """Shuffled targets whose mean is subtracted, samples only; 0 leaves out correction and intervals."""
    resamples: int = attrs.field(default=200, validator=ge(100))
    """Bootstrap resamples behind the intervals."""
    block: int = attrs.field(default=1, validator=ge(1))
    """Samples that are resampled together; for a time series several times its correlation time."""
    confidence: float = attrs.field(default=0.95, validator=and_(gt(0.0), lt(1.0)))
    seed: int = attrs.field(default=0, validator=ge(0))


# vector S11: each of the four source states ten times, the exclusive or wrong in one of ten
_STATES = [(a, b, turn == 0) for a in (0, 1) for b in (0, 1) for turn in range(10)]


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_surd",
        meaning="synergistic, unique and redundant information of sources about a target, and the leak, in bits",
        settings=SurdSettings,
        inputs=(
            CalculatorInput("target", "states or, with bins, numbers; one a sample", "(N,)", required=False),
            CalculatorInput("sources", "likewise, up to 9 sources as columns", "(N, n)", required=False),
            CalculatorInput(
                "pmf",
                "instead of samples: the joint distribution, weights >= 0 of any scale",
                "(target, source 1, ..., source n)",
                required=False,
            ),
        ),
        compute=_compute,
        example={
            "target": [(a ^ b) ^ int(wrong) for a, b, wrong in _STATES],
            "sources": [[a, b] for a, b, _ in _STATES],
        },
    )


def _compute(settings: SurdSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    import numpy as np

    from redheart_core.exact.surd import decompose, decompose_samples
    from redheart_core.exact.surd_sampling import estimate, figures

    if len(chosen_tasks(inputs, TASKS)) > 1:
        raise DataError("'pmf' and samples of 'target' and 'sources' are alternatives; leave one of them out")
    if "pmf" in inputs:
        if settings.bins is not None:
            raise DataError("a 'pmf' has states already; leave the setting bins out")
        return _described(decompose(inputs["pmf"], ties=settings.ties))
    target, sources = inputs["target"], inputs["sources"]
    if settings.shuffles == 0:
        return _described(decompose_samples(target, sources, bins=settings.bins, ties=settings.ties))
    found = estimate(
        target,
        sources,
        rng=np.random.default_rng(settings.seed),
        bins=settings.bins,
        ties=settings.ties,
        shuffles=settings.shuffles,
        resamples=settings.resamples,
        block=settings.block,
        confidence=settings.confidence,
    )
    return {
        **_described(found.plain),
        "corrected": figures(found.corrected),
        "intervals": {name: one.ends for name, one in found.intervals.items()},
        "confidence": found.confidence,
    }


def _described(found: Surd) -> dict[str, Any]:
    """The plain decomposition; shares are None for a target that never varies."""
    return {
        "terms": found.terms(),
        "shares": None if found.degenerate else found.shares(),
        "mutual_information": found.mutual_information,
        "target_entropy": found.target_entropy,
        "leak": found.leak,
        "degenerate": found.degenerate,
        "samples": found.samples,
        "occupied_cells": found.cells,
        "well_sampled": found.well_sampled,
    }
