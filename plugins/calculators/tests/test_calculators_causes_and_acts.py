"""Vectors by hand for causes and acts: information, hedonic value, regret."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from redheart_core import CalculatorSpec, calculate
from redheart_core.storage.settings import read_table

PAYOFFS = [[8, 1, 4], [5, 5, 5], [2, 9, 3]]
CHANCES = [0.5, 0.3, 0.2]
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


def compute(module: str, inputs: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    spec = import_module(f"redheart_calculators.{module}").spec()
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
