"""Vectors of the reference, reproduced through the plugins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from redheart_core import CalculatorSpec, calculate
from redheart_core.settings import read_table

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
PAYOFFS = [[8, 1, 4], [5, 5, 5], [2, 9, 3]]
CHANCES = [0.5, 0.3, 0.2]


def compute(module: str, inputs: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    (spec,) = import_module(f"redheart_calculators.{module}").redheart_provide_calculators()
    assert isinstance(spec, CalculatorSpec)
    return calculate(spec, read_table(spec.settings, settings, f"[plugins.{spec.name}]"), inputs)


def bits(number: int) -> list[list[int]]:
    """All states of so many fair bits."""
    return [[state >> place & 1 for place in range(number)] for state in range(2**number)]


def near(expected: Any, tolerance: float = 1e-9) -> Any:
    return pytest.approx(expected, rel=0, abs=tolerance)


def assert_terms(found: Mapping[str, float], **expected: float) -> None:
    """The terms that are named have these values; all others are 0."""
    assert found == near({name: expected.get(name, 0.0) for name in found})
    assert expected.keys() <= found.keys()


def test_s4_and_s21_surd_of_a_distribution_and_of_all_states() -> None:
    pmf = np.zeros((2, 2, 2))
    for a, b in bits(2):
        pmf[a & b, a, b] = 1
    found = compute("surd", {"pmf": pmf})
    assert_terms(found["terms"], R12=0.311278124459, S12=0.5)
    assert found["target_entropy"] == near(0.811278124459)
    majority = {"target": [int(sum(row) > 1) for row in bits(3)], "sources": bits(3)}
    found = compute("surd", majority, shuffles=0)
    pair = 0.103759374820
    assert_terms(found["terms"], R123=0.188721875541, S12=pair, S13=pair, S23=pair, S123=0.5)
    first = compute("surd", majority, shuffles=0, ties="first")
    assert_terms(first["terms"], R123=0.188721875541, S12=0.311278124459, S123=0.5)  # S28


def test_s27_the_bias_of_independent_samples_is_subtracted() -> None:
    rng = np.random.default_rng(3)
    independent = {"target": rng.integers(4, size=1000), "sources": rng.integers(4, size=(1000, 2))}
    found = compute("surd", independent)
    assert found["mutual_information"] == near(0.0325, 4 * 0.0068)
    assert found["corrected"]["mutual_information"] == near(0.0, 4 * 0.0068)
    low, high = found["intervals"]["mutual_information"]
    assert low < found["corrected"]["mutual_information"] < high


def test_s2_samples_of_real_numbers_are_cut_into_bins() -> None:
    rng = np.random.default_rng(5)
    sources = rng.normal(size=(4000, 2))
    found = compute("surd", {"target": sources[:, 0], "sources": sources}, bins=4, shuffles=0)
    assert found["terms"]["U1"] == near(2.0, 0.05)
    assert found["leak"] == near(0.0)


def test_k1_k2_k3_information_by_nearest_neighbours() -> None:
    x, y = [16, 26, 15, 58, 10, 53, 47, 50], [6, 23, 18, 58, 14, 57, 51, 39]
    assert compute("information", {"x": x, "y": y}, k=2, scaling="none")["nats"] == near(1171 / 1680)
    table = {
        "x": [9, 47, 50, 22, 1, 42, 6, 36, 10],
        "y": [20, 51, 62, 25, 7, 39, 14, 26, 1],
        "z": [21, 42, 29, 50, 56, 24, 25, 33, 38],
    }
    measure = "conditional_mutual_information"
    assert compute("information", table, k=2, scaling="none", measure=measure)["nats"] == near(907 / 1890)
    same = {"x": list(range(100)), "y": list(range(100))}
    assert compute("information", same)["nats"] == near(3.094044184306)
    assert compute("information", same)["bits"] == near(3.094044184306 / math.log(2))


def test_k9_transfer_entropy_goes_from_x_to_y() -> None:
    rng = np.random.default_rng(7)
    x, y = np.zeros(1200), np.zeros(1200)
    for t in range(1, 1200):
        x[t] = 0.5 * x[t - 1] + rng.normal()
        y[t] = 0.4 * y[t - 1] + 0.6 * x[t - 1] + rng.normal()
    forwards = compute("information", {"x": x[200:], "y": y[200:]}, measure="transfer_entropy")
    backwards = compute("information", {"x": y[200:], "y": x[200:]}, measure="transfer_entropy")
    assert forwards["nats"] == near(0.180946929907, 0.10)
    assert backwards["nats"] == near(0.0, 0.10)
    assert forwards["samples"] == 999


def test_k5_and_k8_a_permutation_test_tells_dependence_from_chance() -> None:
    rng = np.random.default_rng(11)
    x, noise = rng.normal(size=400), rng.normal(size=400)
    settings = {"permutations": 39, "parts": 4}
    dependent = compute("information", {"x": x, "y": 0.9 * x + math.sqrt(0.19) * noise}, **settings)
    assert dependent["p_value"] == 1 / 40
    assert dependent["nats"] == near(0.830365603, 5 / math.sqrt(400))
    assert 0.01 < dependent["standard_error_nats"] < 0.15
    assert compute("information", {"x": x, "y": noise}, **settings)["p_value"] > 1 / 40


def test_p1_and_p6_pid_of_samples_and_of_a_distribution() -> None:
    found = compute("pid", {"target": [a & b for a, b in bits(2)], "sources": bits(2)})
    assert_terms(found["atoms"], **{"{1}{2}": 0.311278124459, "{12}": 0.5})
    pmf = np.zeros((2, 2, 2, 2))
    for row in bits(3):
        pmf[(int(sum(row) > 1), *row)] = 0.125
    found = compute("pid", {"pmf": pmf})
    assert_terms(found["atoms"], **{"{1}{2}{3}": 0.188721875541, "{12}{13}{23}": 0.311278124459, "{123}": 0.5})


def test_p8_states_of_any_numbers_are_counted() -> None:
    sources = [[10 * a, -b, 7 * (a ^ b)] for a, b in bits(2)]
    found = compute("pid", {"target": [row[2] for row in sources], "sources": sources})
    assert_terms(found["atoms"], **{"{3}{12}": 1.0})
    assert found["samples"] == 4


LOTS = {
    "sign": [1, -1],
    "intensity": [0.6, 0.5],
    "days": [2, 4],
    "certainty": [0.9, 0.5],
    "delay_days": [0, 1],
    "fecundity": [0.2, 0],
    "purity": [0.9, 1],
    "persons": [3, 1],
}
BURDENS = {"external_cost": 0.4, "redistribution": 0.5, "self_damage": 0.2}


def test_h8_to_h12_hedonic_value_of_an_act() -> None:
    found = compute("hedonic", {**LOTS, **BURDENS, "layers": [1.2, 0.8, 1.5, 1, 2, 0.5]})
    assert [found["net"], found["gross"], found["with_burdens"]] == near([2.564, 4.564, 2.421375])
    assert [found["context"], found["value"], found["score"]] == near([1.062658569183, 2.573094892955, 0.720130578684])
    found = compute("hedonic", LOTS, rate=0.1)
    assert [found["net"], found["gross"]] == near([2.484451084342, 3.975984875959])
    assert found["value"] == found["net"]  # no burdens, neutral layers


def test_h3_and_h7_several_acts_and_hyperbolic_discounting() -> None:
    one = {"sign": 1, "intensity": 0.8, "days": 2, "certainty": 0.5, "fecundity": 0.5, "purity": 0.9}
    assert compute("hedonic", one)["net"] == near(1.12)
    acts = {"sign": [[1], [-1]], "intensity": [[0.8], [0.8]], "days": [[2], [2]], "certainty": [[0.5], [0.5]]}
    assert compute("hedonic", acts)["net"] == near([0.8, -0.8])
    wait = {"sign": [1], "intensity": [1], "days": [2], "delay_days": [1]}
    assert compute("hedonic", wait, discount="hyperbolic", rate=0.1)["lot_values"] == near([1.670540846632])


def test_r1_to_r6_a_decision() -> None:
    found = compute("regret", {"payoffs": PAYOFFS, "probabilities": CHANCES})["decision"]
    assert found["regret"] == [[0, 8, 1], [3, 4, 0], [6, 0, 2]]
    assert found["expected_utility"] == near([5.1, 5.0, 4.3])
    assert found["expected_regret"] == near([2.6, 2.7, 3.4])
    assert [found["perfect_information"], found["best_act"], found["minimax_act"]] == [near(2.6), 0, 1]
    assert found["mixed_minimax"]["weights"] == near([0, 6 / 7, 1 / 7])
    assert found["mixed_minimax"]["value"] == near(24 / 7)
    assert found["adjusted_utility"] == near([4.13, 4.535, 3.36])
    assert found["adjusted_act"] == 1


def test_an_impossible_act_counts_nowhere_and_keeps_its_place() -> None:
    payoffs = [[8, 1, 4], [None, None, None], [5, 5, 5], [2, 9, 3]]
    found = compute("regret", {"payoffs": payoffs, "probabilities": CHANCES}, preference=True)["decision"]
    assert found["regret"] == [[0, 8, 1], [None] * 3, [3, 4, 0], [6, 0, 2]]
    assert [found["minimax_act"], found["best_act"], found["adjusted_act"]] == [2, 0, 2]
    assert found["mixed_minimax"]["weights"] == [near(0.0), None, near(6 / 7), near(1 / 7)]
    assert found["preference"][1] == [None] * 4
    assert [row[1] for row in found["preference"]] == [None] * 4
    only = compute("regret", {"payoffs": PAYOFFS})["decision"]
    assert set(only) == {"regret", "largest_regret", "minimax_act", "mixed_minimax"}


def test_r9_regret_theory_may_be_cyclic() -> None:
    acts = {"payoffs": [[1, 2, 3], [2, 3, 1], [3, 1, 2]], "probabilities": [1 / 3] * 3}
    margin = 0.425486006853
    found = compute("regret", acts, preference=True)["decision"]
    assert np.array(found["preference"]) == near(
        np.array([[0, margin, -margin], [-margin, 0, margin], [margin, -margin, 0]])
    )


def test_r10_to_r16_votes_wins_and_time() -> None:
    found = compute(
        "regret",
        {
            "stream": [3, 2, 1],
            "action": [1.5, 0.2],
            "inaction": [1, 0.05],
            "wins": [[0, 5, 3], [10, 0, 5], [12, 10, 0]],
            "votes": [[7, 3]],
        },
    )
    assert found["stream"] == {"present_value": near(5.61)}
    assert found["over_time"] == near(
        {
            "crossing_time": 2.703100720721,
            "intensity_there": 0.873580464736,
            "action_total": 7.5,
            "inaction_total": 20.0,
        }
    )
    assert found["bradley_terry"]["theta"] == near([-math.log(2), 0, math.log(2)])
    assert found["bradley_terry"]["probability_regret"] == near([0.3, 1 / 6, 0])
    assert found["votes"]["logit_gap"] == near([0.762140052047])
    plain = compute("regret", {"votes": [7, 3]}, smoothed=False)["votes"]
    assert [plain["logit_gap"], plain["probability_gap"]] == near([0.847297860387, 0.2])


def test_a_perfect_signal_leaves_the_regret_against_the_best_act() -> None:
    inputs = {"payoffs": PAYOFFS, "probabilities": CHANCES, "likelihood": np.eye(3)}
    found = compute("regret", inputs)["signal"]
    assert found["signal_probability"] == near(CHANCES)
    assert np.array(found["experienced"]) == near(np.array([[0, 8, 1], [3, 4, 0], [6, 0, 2]]))  # R1
    assert np.array(found["resolvable"]) == near(np.array(found["experienced"]))


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
        assert 0.84 <= covered <= 0.947  # section 8.2: 99.9 per cent of splits


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
