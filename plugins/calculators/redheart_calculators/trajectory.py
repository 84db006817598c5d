"""The calculator `exact_trajectory`: spectrum, envelopes, reverb, resonance, valence and arousal of a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import and_, ge, gt, le, min_len

from redheart_calculators.results import nullable
from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = (
    Task("bands", ("trajectory",)),
    Task("envelope", ("times",)),
    Task("reverb", ("combs", "trajectory"), ("allpasses",)),
    Task("resonance", ("resonator", "trajectory")),
    Task("affect", ("emotions",)),
)


@attrs.frozen
class TrajectorySettings:
    """The [plugins.exact_trajectory] table; times are in steps, frequencies in cycles per step."""

    frame: int = attrs.field(default=16, validator=ge(1))
    """Steps of a frame."""
    hop: int = attrs.field(default=8, validator=ge(1))
    """Steps from one frame to the next."""
    window: Literal["hann", "rectangular"] = "hann"
    edges: tuple[float, ...] = attrs.field(default=(0.0, 0.125, 0.25, 0.5), validator=min_len(2))
    """Of the bands, ascending within 0..0.5."""
    attack: float = attrs.field(default=2.0, validator=gt(0.0))
    decay: float = attrs.field(default=4.0, validator=gt(0.0))
    sustain: float = attrs.field(default=0.5, validator=and_(ge(0.0), le(1.0)))
    release: float = attrs.field(default=5.0, validator=gt(0.0))
    gate: float = attrs.field(default=10.0, validator=gt(0.0))
    """Steps that the event lasts."""
    labels: tuple[str, ...] = attrs.field(
        default=("joy", "anger", "surprise", "disgust", "sadness", "shame", "fear"), validator=min_len(1)
    )
    """Emotions in the order of the columns."""
    places: Mapping[str, tuple[float, ...]] = attrs.field(factory=dict)
    """Valence and arousal of further emotions, such as {trust = [0.5, 0.1]}; those of Russell & Mehrabian are known."""

    @places.validator
    def _check_places(self, attribute: attrs.Attribute[Any], value: Mapping[str, tuple[float, ...]]) -> None:
        wrong = [label for label, place in value.items() if len(place) != 2]
        if wrong:
            raise ValueError(f"'places' needs valence and arousal, two numbers, for {', '.join(sorted(wrong))}")


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_trajectory",
        meaning="energy by frequency band, ADSR envelope, reverb, resonance, valence and arousal of emotions",
        settings=TrajectorySettings,
        inputs=(
            CalculatorInput("trajectory", "one value a step, any unit", "(T,) or (series, T)", required=False),
            CalculatorInput("times", "steps since the event, where the envelope is wanted", "(n,)", required=False),
            CalculatorInput("combs", "gain, -1..1, and delay in steps of each echo", "(combs, 2)", required=False),
            CalculatorInput("allpasses", "the same of what the echoes pass through", "(n, 2)", required=False),
            CalculatorInput(
                "resonator",
                "radius, 0..1, and angle in radians per step; gain 1 there",
                "(2,)",
                required=False,
            ),
            CalculatorInput("emotions", "probabilities, row sum 1", "(labels,) or (T, labels)", required=False),
        ),
        compute=_compute,
        # vectors D2, D4, D14 and D15
        example={
            "trajectory": [round(2 * cos(2 * pi * 4 * n / 16), 12) for n in range(16)],
            "times": [0, 0.5, 1, 2, 3, 4, 6, 8, 10, 11, 12.5, 15, 16],
            "emotions": [[1 / 7] * 7, [1, 0, 0, 0, 0, 0, 0]],
        },
    )


def _compute(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    computed = {
        "bands": _bands,
        "envelope": _envelope,
        "reverb": _reverb,
        "resonance": _resonance,
        "affect": _affect,
    }
    return {name: computed[name](settings, inputs) for name in chosen_tasks(inputs, TASKS)}


def _bands(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.trajectory import band_energies, spectrum

    found = spectrum(inputs["trajectory"], settings.frame, settings.hop, settings.window)
    bands = band_energies(found, settings.edges)
    return {"edges": settings.edges, "bands": bands, "frequency": found.frequency, "energy": found.energy}


def _envelope(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.trajectory import Adsr

    adsr = Adsr(settings.attack, settings.decay, settings.sustain, settings.release, settings.gate)
    return {"level": adsr.at(inputs["times"]), "area": adsr.area}


def _reverb(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.filters import schroeder_reverb

    combs, allpasses = (_gains_and_delays(name, inputs) for name in ("combs", "allpasses"))
    return {"signal": schroeder_reverb(inputs["trajectory"], combs, allpasses)}


def _gains_and_delays(name: str, inputs: Mapping[str, NDArray[np.float64]]) -> list[tuple[float, float]]:
    rows = inputs.get(name)
    if rows is None:
        return []
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise DataError(f"'{name}' needs the shape (n, 2), a gain and a delay in each row, got {rows.shape}")
    return [(gain, delay) for gain, delay in rows.tolist()]


def _resonance(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.filters import unit_gain_resonator

    if inputs["resonator"].shape != (2,):
        raise DataError(f"'resonator' needs a radius and an angle, the shape (2,), got {inputs['resonator'].shape}")
    found = unit_gain_resonator(*inputs["resonator"].tolist())
    return {"signal": found.filter(inputs["trajectory"]), "gain": found.b0, "peak_frequency": found.peak_frequency}


def _affect(settings: TrajectorySettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.trajectory import COORDINATES, affect

    places = {label: (place[0], place[1]) for label, place in settings.places.items()}
    unknown = sorted(set(settings.labels) - COORDINATES.keys() - places.keys())
    if unknown:
        raise DataError(
            f"no valence and arousal are known for {', '.join(unknown)} (known: {', '.join(sorted(COORDINATES))}); "
            f"give a sourced place, as in --set 'exact_trajectory.places={{{unknown[0]} = [0.5, 0.1]}}'"
        )
    found = affect(inputs["emotions"], settings.labels, {**COORDINATES, **places})
    return {
        "valence": found.valence,
        "arousal": found.arousal,
        "angle_deg": nullable(found.angle_deg),
        "radius": found.radius,
    }
