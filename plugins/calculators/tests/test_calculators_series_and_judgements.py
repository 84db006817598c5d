"""Vectors by hand for series and judgements: filter, trajectory, prediction sets, trend, votes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from redheart_core import CalculatorSpec, calculate
from redheart_core.storage.settings import read_table

FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
CALIBRATION = {
    "probabilities": [
        [0.7, 0.2, 0.1],
        [0.5, 0.3, 0.2],
        [0.1, 0.6, 0.3],
        [0.25, 0.25, 0.5],
        [0.4, 0.35, 0.25],
        [0.05, 0.15, 0.8],
        [0.34, 0.33, 0.33],
        [0.9, 0.06, 0.04],
        [0.2, 0.5, 0.3],
    ],
    "labels": [0, 1, 1, 2, 2, 2, 0, 0, 2],
    "test": [[0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.95, 0.03, 0.02]],
}


def compute(module: str, inputs: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    spec = import_module(f"redheart_calculators.{module}").spec()
    assert isinstance(spec, CalculatorSpec)
    return calculate(spec, read_table(spec.settings, settings, f"[plugins.{spec.name}]"), inputs)


def near(expected: Any, tolerance: float = 1e-9) -> Any:
    return pytest.approx(expected, rel=0, abs=tolerance)


def test_f4_to_f8_filter_smoother_and_steady_state() -> None:
    found = compute("kalman", {"observations": [1, 2, 0, 1]}, steady_state=True)
    assert np.ravel(found["gain"]) == near(np.array([1 / 2, 3 / 5, 8 / 13, 21 / 34]))
    assert np.ravel(found["mean"]) == near(np.array([1 / 2, 7 / 5, 7 / 13, 14 / 17]))
    assert found["log_likelihood"] == near(-6.556581453950)
    assert np.ravel(found["smoothed_mean"]) == near(np.array([12 / 17, 19 / 17, 11 / 17, 14 / 17]))
    assert np.ravel(found["smoothed_cov"]) == near(np.array([13 / 34, 15 / 34, 8 / 17, 21 / 34]))
    assert np.ravel(found["steady_state"]["predicted_cov"]) == near(np.array([1.618033988750]))


def test_f1_two_sensors_of_one_state() -> None:
    inputs = {
        "observations": [[1, 2]],
        "transition": 1,
        "observation": [[1], [1]],
        "process_noise": 1,
        "observation_noise": [[1, 0], [0, 4]],
        "initial_mean": 0,
        "initial_cov": 2,
    }
    found = compute("kalman", inputs)
    assert [found["mean"][0][0], found["cov"][0][0][0]] == near([6 / 7, 4 / 7])
    assert found["log_likelihood"] == near(-3.514548588360)


def test_a_missing_observation_is_a_prediction_alone() -> None:
    found = compute("kalman", {"observations": [1, None]}, smoother=False)
    assert np.ravel(found["mean"]) == near(np.array([0.5, 0.5]))
    assert np.ravel(found["cov"]) == near(np.array([0.5, 1.5]))
    assert found["log_likelihoods"][1] == 0


def test_d1_and_d2_energy_by_frequency() -> None:
    steps = np.arange(16)
    wave = 2 * np.cos(2 * np.pi * 3 * steps / 16 + 0.7) + 1
    found = compute("trajectory", {"trajectory": wave}, window="rectangular", edges=[0, 0.125, 0.25, 0.5])["bands"]
    assert found["energy"][0] == near([16, 0, 0, 32, 0, 0, 0, 0, 0])
    assert found["bands"][0] == near([16, 32, 0])
    hann = compute("trajectory", {"trajectory": 2 * np.cos(2 * np.pi * 4 * steps / 16)})["bands"]
    assert hann["energy"][0][3:6] == near([2, 8, 2])


def test_d4_d5_d14_and_d15_envelope_and_affect() -> None:
    times = [0, 0.5, 1, 2, 3, 4, 6, 8, 10, 11, 12.5, 15, 16]
    emotions = [[1 / 7] * 7, [1, 0, 0, 0, 0, 0, 0]]
    found = compute("trajectory", {"times": times, "emotions": emotions})
    assert found["envelope"]["level"] == near([0, 0.25, 0.5, 1, 0.875, 0.75, 0.5, 0.5, 0.5, 0.4, 0.25, 0, 0])
    assert found["envelope"]["area"] == near(7.25)
    affect = found["affect"]
    assert [affect["valence"][0], affect["arousal"][0]] == near([-0.255714285714, 0.347142857143])
    assert [affect["angle_deg"][1], affect["radius"][1]] == near([32.28, 0.8989], 0.005)


def test_an_emotion_of_ones_own_takes_its_place_from_the_settings() -> None:
    settings = {"labels": ["joy", "trust"], "places": {"trust": [-0.76, -0.48]}}
    found = compute("trajectory", {"emotions": [0.5, 0.5]}, **settings)["affect"]
    assert found == {"valence": 0.0, "arousal": 0.0, "angle_deg": None, "radius": 0.0}


@pytest.mark.parametrize(
    ("settings", "threshold", "sets"),
    [
        ({"alpha": 0.2}, 0.9, [[0, 1], [0, 1], []]),  # C2, C3
        ({"alpha": 0.05}, None, [[0, 1, 2]] * 3),  # C2, C4
        ({"alpha": 0.2, "score": "raps"}, 0.9, [[0], [0, 1], []]),  # C5, C6
        ({"alpha": 0.2, "score": "lac"}, 0.7, [[0, 1], [0, 1], [0]]),  # C7, C8
    ],
)
def test_c2_to_c8_prediction_sets(settings: dict[str, Any], threshold: float | None, sets: list[list[int]]) -> None:
    found = compute("conformal", CALIBRATION, **settings)["sets"]
    assert found["sets"] == sets
    assert found["threshold"] == (None if threshold is None else near(threshold))
    assert found["mean_size"] == near(sum(map(len, sets)) / 3)


def test_d8_d9_and_d12_echoes_and_resonance_of_an_impulse() -> None:
    inputs = {"trajectory": np.eye(1, 16)[0], "combs": [[0.5, 3]], "resonator": [0.9, np.pi / 3]}
    found = compute("trajectory", inputs)
    assert found["reverb"]["signal"][:13:3] == near(np.array([1, 0.5, 0.25, 0.125, 0.0625]))
    assert found["resonance"]["gain"] == near(0.164620776332)
    response = np.array(found["resonance"]["signal"][:6]) / found["resonance"]["gain"]
    assert response == near(np.array([1, 0.9, 0, -0.729, -0.6561, 0]))


def test_the_accepted_shares_hold_the_covered_one() -> None:
    """Scores 1 - p of 500 records, alpha = 0.1: 840 to 947 of 1000 are no evidence against the coverage."""
    p = np.random.default_rng(0).random(1500)
    rows, labels = np.stack([p, 1 - p], 1), (np.random.default_rng(1).random(1500) > p).astype(float)
    inputs = {"probabilities": rows[:500], "labels": labels[:500], "test": rows[500:], "test_labels": labels[500:]}
    found = compute("conformal", inputs, score="lac")["sets"]
    low, high = found["coverage"]["accepted"]
    assert (low, high) == (0.84, 0.947)
    assert low <= found["covered"] <= high


def test_c9_and_c10_intervals_and_their_coverage() -> None:
    residuals = [0.3, 1.2, 0.5, 0.8, 0.1, 2, 0.9, 0.4, 0.7]
    inputs = {"truth": residuals, "prediction": [0.0] * 9, "test_prediction": [10.0]}
    found = compute("conformal", inputs, alpha=0.1)["intervals"]
    assert [found["threshold"], found["coverage"]["mean"]] == near([2, 0.9])
    assert found["test_intervals"] == near(np.array([[8, 12]]))
    endless = compute("conformal", inputs, alpha=0.05)["intervals"]
    assert [endless["threshold"], endless["coverage"], endless["test_intervals"]] == [None, None, [None]]
    scaled = {**inputs, "scale": [2.0] * 9, "test_scale": [3.0]}
    assert compute("conformal", scaled, alpha=0.2)["intervals"]["test_intervals"] == near(np.array([[8.2, 11.8]]))
    quantiles = {"truth": [0, 1, 5, 2], "low": [1, 0, 0, 0], "high": [2, 2, 3, 3], "test_low": [0], "test_high": [1]}
    found = compute("conformal", quantiles, alpha=0.3)["quantile_intervals"]
    assert found["scores"] == [1, -1, 2, -1]
    assert found["test_intervals"] == [[-2, 3]]


def test_c12_to_c14_calibration_and_temperature() -> None:
    judged = {
        "confidence": [0.95, 0.85, 0.8, 0.75, 0.65, 0.6, 0.55, 0.35, 0.9, 0.5],
        "correct": [1, 1, 0, 1, 1, 0, 1, 0, 1, 0],
    }
    found = compute("conformal", judged, bins=5)["calibration"]
    assert [found["expected_error"], found["largest_error"]] == near([0.15, 0.35])
    assert compute("conformal", judged, bins=10)["calibration"]["expected_error"] == near(0.22)
    logits = {"logits": [[3, 0]] * 4, "labels": [0, 0, 0, 1]}
    assert compute("conformal", logits)["temperature"]["temperature"] == near(3 / math.log(3))


def test_the_coverage_of_drawn_records_is_what_it_is_said_to_be() -> None:
    rng = np.random.default_rng(13)
    probabilities = rng.dirichlet([1.0, 1.0, 1.0], size=1500)
    labels = [int(rng.choice(3, p=row)) for row in probabilities]
    inputs = {
        "probabilities": probabilities[:500],
        "labels": labels[:500],
        "test": probabilities[500:],
        "test_labels": labels[500:],
    }
    for settings in ({"randomised": True}, {"score": "lac"}, {"per_class": True, "randomised": True}):
        covered = compute("conformal", inputs, **settings)["sets"]["covered"]
        assert 0.84 <= covered <= 0.947  # 99.9 per cent of splits


def test_w1_w3_and_w13_trend_and_one_standard_error() -> None:
    found = compute("trend", {"series": [1, 2, 3, 4, 5]})["trend"]
    assert [found["score"], found["slope"]] == [10, 1]
    assert [found["variance"], found["p"], found["exact_p"]] == near([50 / 3, 0.027486336112, 1 / 60])
    found = compute("trend", {"series": [1, 0.8, 0.7, 0.75, 0.6, 0.58, 0.59, 0.55, 0.54, 0.54]}, block=2)["trend"]
    assert [found["score"], found["variance"]] == [-40, 124]
    assert [found["z"], found["slope"]] == near([-3.502303389522, -0.037142857143])
    assert 1 / 1000 <= found["block_permutation_p"] < 0.1
    losses = [
        [0.90, 0.60, 0.45, 0.42, 0.40, 0.41, 0.43],
        [0.94, 0.62, 0.49, 0.40, 0.41, 0.44, 0.46],
        [0.86, 0.64, 0.47, 0.44, 0.42, 0.41, 0.45],
    ]
    found = compute("trend", {"losses": losses})["one_standard_error"]
    assert [found["best"], found["choice"], found["error"]] == [4, 4, near(0.005773502692)]


def test_w6_w8_w10_and_w14_plateau_knee_and_minimum() -> None:
    constant = compute("trend", {"series": [2, 2, 2, 2]})
    assert [constant["trend"]["score"], constant["trend"]["z"], constant["trend"]["p"]] == [0, 0, 1]
    assert constant["knee"] is None
    curve = [1, 0.6, 0.4, 0.3, 0.26, 0.25, 0.24, 0.25, 0.26, 0.24, 0.30, 0.38]
    assert compute("trend", {"series": curve})["plateau"] == [4, 9]
    assert compute("trend", {"series": curve}, least_length=8)["plateau"] is None
    x = np.linspace(0, 1, 10)
    knee = compute("trend", {"series": 5 - 1 / (x + 0.1), "x": x}, curve="concave", direction="increasing")["knee"]
    assert knee["x"] == near(2 / 9)
    wave = [0.9, 0.6, 0.5, 0.2, 0.48, 0.44, 0.42, 0.41, 0.43, 0.47]
    assert compute("trend", {"series": wave})["minimum"]["index"] == 4


def test_v1_and_v2_cross_entropy_and_agreement() -> None:
    found = compute("votes", {"votes": [0.6, 0.3, 0.1], "prediction": [0.5, 0.25, 0.25]})
    assert [found["entropy"][0], found["cross_entropy"][0]] == near([0.897945724857, 0.970406052784])
    assert found["excess"] == near([0.072460327927])
    assert found["agreement"] is None  # a single vote in all
    agreement = compute("votes", {"votes": FLEISS})["agreement"]
    assert agreement == near({"observed": 0.378021978022, "chance": 0.212755102041, "kappa": 0.209930704422})


def test_v4_to_v10_the_best_that_votes_allow() -> None:
    counts = [[8, 2], [1, 9], [5, 5], [10, 0]]
    assert compute("votes", {"votes": counts, "alpha": [1, 1]})["best"]["log_likelihood"] == near(-21.230257761469)
    one = compute("votes", {"votes": [7, 3], "alpha": [1, 1]})["best"]
    assert [one["cross_entropy"][0], one["fresh_entropy"][0]] == near([45383 / 69300, 1103 / 1848])
    assert one["accuracy"] == near([227 / 256])
    three = compute("votes", {"votes": [3, 1, 0], "alpha": [1, 1, 1]})["best"]
    assert three["largest_class"][0] == near([757 / 972, 685 / 3888, 175 / 3888])
    fitted = compute("votes", {"votes": [*counts, [3, 7], [6, 4]]}, fit=True)["best"]
    assert fitted["alpha"] == near([1.32415, 1.03339], 1e-4)
    assert fitted["log_likelihood"] == near(-36.016395051, 1e-4)


def test_a_prediction_of_nothing_where_votes_fell_has_no_finite_cross_entropy() -> None:
    found = compute("votes", {"votes": [[3, 1], [4, 0]], "prediction": [[1, 0], [1, 0]]})
    assert found["cross_entropy"] == [None, 0]
    assert found["mean_cross_entropy"] is None
    unanimous = compute("votes", {"votes": [[4, 0], [4, 0]]})["agreement"]
    assert unanimous == {"observed": 1.0, "chance": 1.0, "kappa": None}
