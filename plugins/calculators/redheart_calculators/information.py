"""The calculator `exact_information`: information between real numbers by nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import ge

from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core.exact.neighbours import Estimate

Measure = Literal["mutual_information", "conditional_mutual_information", "transfer_entropy"]


def _only_for_mutual_information(instance: InformationSettings, attribute: attrs.Attribute[int], value: int) -> None:
    least = {"permutations": 1, "parts": 2}[attribute.name]
    if value != 0 and value < least:
        raise ValueError(f"'{attribute.name}' must be 0 (none) or at least {least}: {value}")
    if value and instance.measure != "mutual_information":
        raise ValueError(f"'{attribute.name}' works with measure = mutual_information alone; set it to 0")


@attrs.frozen
class InformationSettings:
    """The [plugins.exact_information] table."""

    measure: Measure = "mutual_information"
    """Transfer entropy is that from x to y."""
    k: int = attrs.field(default=5, validator=ge(1))
    """Neighbours."""
    scaling: Literal["standard", "rank", "none"] = "standard"
    """What is done to each column before distances are taken."""
    x_lags: int = attrs.field(default=1, validator=ge(1))
    """Steps of the past of x, for transfer entropy."""
    y_lags: int = attrs.field(default=1, validator=ge(1))
    """Steps of the past of y, for transfer entropy."""
    jitter: bool = False
    """Noise of 1e-10 standard deviations, for data with repeated values."""
    permutations: int = attrs.field(default=0, validator=_only_for_mutual_information)
    """Shuffles behind a p-value; 0 leaves it out."""
    parts: int = attrs.field(default=0, validator=_only_for_mutual_information)
    """Parts without common samples behind a standard error; 0 leaves it out."""
    seed: int = attrs.field(default=0, validator=ge(0))


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_information",
        meaning="mutual information, conditional mutual information or transfer entropy of real numbers, in nats",
        settings=InformationSettings,
        inputs=(
            CalculatorInput("x", "one sample a row, or the steps of a series", "(N,) or (N, D)"),
            CalculatorInput("y", "likewise", "(N,) or (N, E)"),
            CalculatorInput(
                "z", "what is known already, for conditional mutual information", "(N,) or (N, F)", required=False
            ),
        ),
        compute=_compute,
        # vector K1, which has k = 2
        example={"x": [16, 26, 15, 58, 10, 53, 47, 50], "y": [6, 23, 18, 58, 14, 57, 51, 39]},
    )


def _compute(settings: InformationSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    import numpy as np

    conditional = settings.measure == "conditional_mutual_information"
    if conditional != ("z" in inputs):
        raise DataError(
            "conditional_mutual_information needs 'z'; give it, or set measure to another one"
            if conditional
            else f"{settings.measure} uses no 'z'; leave it out, or set measure = conditional_mutual_information"
        )
    rng = np.random.default_rng(settings.seed)
    found = _estimate(settings, inputs, rng)
    if found.degenerate:
        raise DataError("'x' or 'y' never varies (zero variance), so there is nothing to estimate; leave it out")
    result = {
        "measure": settings.measure,
        "nats": found.nats,
        "bits": found.bits,
        "samples": found.samples,
        "k": found.k,
        "scaling": found.scaling,
    }
    return result | _permuted(settings, inputs, rng) | _spread(settings, inputs, rng)


def _estimate(
    settings: InformationSettings, inputs: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> Estimate:
    from redheart_core.exact import neighbours

    x, y, jitter = inputs["x"], inputs["y"], rng if settings.jitter else None
    if settings.measure == "mutual_information":
        return neighbours.mutual_information(x, y, k=settings.k, scaling=settings.scaling, jitter=jitter)
    if settings.measure == "transfer_entropy":
        return neighbours.transfer_entropy(
            x,
            y,
            source_lags=settings.x_lags,
            target_lags=settings.y_lags,
            k=settings.k,
            scaling=settings.scaling,
            jitter=jitter,
        )
    return neighbours.conditional_mutual_information(
        x, y, inputs["z"], k=settings.k, scaling=settings.scaling, jitter=jitter
    )


def _permuted(
    settings: InformationSettings, inputs: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> dict[str, Any]:
    """The p-value and the mean under independence."""
    if not settings.permutations:
        return {}
    from redheart_core.exact.neighbours_sampling import permutation_test

    test = permutation_test(
        inputs["x"], inputs["y"], rng=rng, permutations=settings.permutations, k=settings.k, scaling=settings.scaling
    )
    return {"p_value": test.p_value, "null_mean_nats": sum(test.null) / len(test.null)}


def _spread(
    settings: InformationSettings, inputs: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> dict[str, Any]:
    """The standard error."""
    if not settings.parts:
        return {}
    from redheart_core.exact.neighbours import mutual_information
    from redheart_core.exact.neighbours_sampling import subsampling_error

    def nats(rows: NDArray[np.int64]) -> float:
        return mutual_information(inputs["x"][rows], inputs["y"][rows], k=settings.k, scaling=settings.scaling).nats

    return {"standard_error_nats": subsampling_error(nats, len(inputs["x"]), rng=rng, parts=settings.parts)}
