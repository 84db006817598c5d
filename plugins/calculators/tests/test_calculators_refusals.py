"""Inputs and settings that a calculator cannot use are refused by name, and never by an accident on the way."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import attrs
import pytest

from redheart_core import CalculatorSpec, DataError, SettingsError, calculate
from redheart_core.storage.settings import read_table
from redheart_core.testing import CALCULATOR_CHECKS, CalculatorSubject, load_installed

MODULES = ("surd", "information", "pid", "hedonic", "regret", "kalman", "trajectory", "conformal", "trend", "votes")

ROWS = [[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]
OTHER_INPUTS: Mapping[str, list[dict[str, Any]]] = {
    "surd": [{"pmf": [[[0.25, 0.25], [0.25, 0]], [[0, 0], [0, 0.25]]]}],
    "pid": [{"pmf": [[[0.25, 0.25], [0.25, 0]], [[0, 0], [0, 0.25]]]}],
    "hedonic": [
        {
            "sign": [[1], [-1]],
            "intensity": [[1], [1]],
            "days": [[1], [2]],
            "layers": [[1] * 6] * 2,
            "external_cost": [0, 1],
        }
    ],
    "regret": [
        {"payoffs": [[1, 2], [2, 1]], "probabilities": [0.5, 0.5], "likelihood": [[0.9, 0.1], [0.2, 0.8]]},
        {"wins": [[0, 7, 2], [3, 0, 6], [8, 4, 0]], "votes": [[7, 3], [1, 1]]},
        {"stream": [3, 2, 1], "action": [1.5, 0.2], "inaction": [1, 0.05]},
    ],
    "kalman": [
        {
            "observations": [[1, 2], [3, 4]],
            "transition": [[1]],
            "observation": [[1], [1]],
            "process_noise": [[1]],
            "observation_noise": [[1, 0], [0, 4]],
            "initial_mean": [0],
            "initial_cov": [[2]],
        }
    ],
    "conformal": [
        {"probabilities": ROWS, "labels": [0, 2, 1], "test": ROWS, "test_labels": [0, 1, 1]},
        {"truth": [1, 2, 3], "prediction": [1, 2, 2], "scale": [1, 1, 2], "test_prediction": [1], "test_scale": [1]},
        {"truth": [1, 2, 3], "low": [1, 1, 1], "high": [2, 2, 2], "test_low": [1], "test_high": [2]},
        {"confidence": [0.5, 0.9], "correct": [0, 1], "logits": [[1, 0], [0, 2]], "labels": [0, 1]},
    ],
    "trajectory": [{"trajectory": [1, 0] * 8, "combs": [[0.5, 3]], "allpasses": [[0.4, 2]], "resonator": [0.9, 1.0]}],
    "trend": [{"series": [3, 2, 1.5, 1.4], "x": [0, 1, 2, 3], "losses": [[3, 2], [2, 1]]}],
    "votes": [{"votes": [[3, 1], [2, 2]], "prediction": [[0.5, 0.5], [0.1, 0.9]], "alpha": [1, 2]}],
}


def spec_of(module: str) -> CalculatorSpec:
    spec = import_module(f"redheart_calculators.{module}").spec()
    assert isinstance(spec, CalculatorSpec)
    return spec


def compute(module: str, inputs: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    spec = spec_of(module)
    return calculate(spec, read_table(spec.settings, settings, f"[plugins.{spec.name}]"), inputs)


@pytest.mark.parametrize(
    ("module", "inputs"), [(module, inputs) for module, sets in OTHER_INPUTS.items() for inputs in sets]
)
def test_every_other_set_of_inputs_passes_the_checks_of_an_example(module: str, inputs: dict[str, Any]) -> None:
    spec = attrs.evolve(spec_of(module), example=inputs)
    for check in CALCULATOR_CHECKS:
        check(CalculatorSubject(load_installed(spec.name), spec))


def test_examples_and_other_inputs_use_every_declared_input() -> None:
    for module in MODULES:
        spec = spec_of(module)
        used = {name for inputs in (spec.example, *OTHER_INPUTS.get(module, [])) for name in inputs}
        assert {given.name for given in spec.inputs} - used <= {"z", "layer_weights"}, module


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        ("surd", {}, "there is nothing to compute; give one of: pmf; target with sources"),
        ("surd", {"sources": [1, 2]}, "'sources' is used only together with 'target'"),
        ("surd", {"target": [1, 2]}, "'target' needs 'sources' beside it"),
        ("surd", {"target": [1], "sources": [1], "pmf": [[1]]}, "are alternatives"),
        ("surd", {"target": [1, 2], "sources": [1, 2, 3]}, "same number of samples, got target 2, sources 3"),
        ("surd", {"target": [1, 0.5], "sources": [1, 2]}, "not whole"),
        ("surd", {"pmf": [[1, -1], [0, 1]]}, "'exact_surd'.*-1"),
        ("pid", {"target": [1, 2], "sources": [[1] * 4] * 2}, "at most 3 sources"),
        ("pid", {"target": [1, 2], "sources": [1, 2, 3]}, r"got \(2,\) and \(3,\)"),
        ("information", {"x": [1, 1, 1, 1, 1, 1], "y": [1, 2, 3, 4, 5, 6]}, "never varies .zero variance"),
        ("information", {"x": [1, 2, 3], "y": [3, 1, 2]}, "k = 5 neighbours need more than 5 samples, got 3"),
        ("information", {"x": [1, 2] * 6, "y": [1, 2] * 6}, "samples coincide"),
        ("information", {"x": [1, 2], "y": [1, 2], "z": [1, 2]}, "mutual_information uses no 'z'"),
        ("hedonic", {"sign": [2], "intensity": [1], "days": [1]}, "sign must be .1 .pleasure. or -1"),
        ("hedonic", {"sign": [1], "intensity": [1.5], "days": [1]}, "intensity must lie in 0..1, got 1.5"),
        ("hedonic", {"sign": [1], "intensity": [1], "days": [1], "layers": [1, 1]}, "6 numbers"),
        ("regret", {"payoffs": [[1, None], [2, 3]]}, "needs every number of act 0"),
        ("regret", {"payoffs": [[None, None]]}, "no possible act"),
        ("regret", {"payoffs": [[1, 2]], "probabilities": [0.5, 0.6]}, "sum to 1"),
        ("regret", {"payoffs": [[1, 2]], "probabilities": 1}, r"'probabilities' needs the shape \(2,\)"),
        ("regret", {"wins": [[0, 1], [0, 0]]}, "no finite maximum of likelihood"),
        ("regret", {"votes": [0, 0]}, "votes"),
        ("kalman", {"observations": [1], "observation_noise": 0}, "observation_noise is singular"),
        ("kalman", {"observations": [[1, 2]], "transition": [[1]]}, "transition needs the shape"),
        ("trajectory", {"trajectory": [1, 2, 3]}, "a frame needs 16 steps, the trajectory has 3"),
        ("trajectory", {"emotions": [0.5, 0.5]}, "7"),
        ("trajectory", {"combs": [[0.5, 3]]}, "'combs' needs 'trajectory' beside it"),
        ("trajectory", {"trajectory": [1] * 16, "combs": [0.5, 3]}, r"'combs' needs the shape \(n, 2\)"),
        ("trajectory", {"trajectory": [1] * 16, "combs": [[1, 3]]}, "or the filter never fades"),
        ("trajectory", {"trajectory": [1] * 16, "resonator": [0.5]}, "needs a radius and an angle"),
        ("conformal", {"probabilities": [[0.5, 0.5]], "labels": [2]}, "labels"),
        ("conformal", {"probabilities": [[0.5, 0.4]], "labels": [0]}, "sum to 1"),
        ("conformal", {"truth": [1], "prediction": [1], "test_scale": [1]}, "'test_scale' is needed where"),
        ("conformal", {"truth": [1]}, "'truth' is used only together with 'prediction' or 'low'"),
        ("conformal", {"logits": [[1, 1]], "labels": [0]}, "no temperature changes anything"),
        ("trend", {"series": [1]}, r"needs the shape \(n >= 2,\)"),
        ("trend", {"series": [1, 2, 3], "x": [0, 0, 1]}, "steps of x"),
        ("trend", {"losses": [[1, 2]]}, "seeds >= 2"),
        ("votes", {"votes": [[0, 0]]}, "votes per item must be above 0"),
        ("votes", {"votes": [[1, 2]], "alpha": [1]}, r"'alpha' needs the shape \(2,\)"),
        ("votes", {"votes": [[1, 2]], "prediction": [0.3, 0.3]}, "sum to 1"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(module: str, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        compute(module, inputs)
    assert f"calculator 'exact_{module}'" in str(caught.value)


def test_a_vocabulary_without_places_is_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"known for trust \(known: anger, .*exact_trajectory.places=\{trust = "):
        compute("trajectory", {"emotions": [0.5, 0.5]}, labels=["joy", "trust"])


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        ("surd", {"shuffles": 3}, "'shuffles' must be 0 .no correction. or at least 50"),
        ("surd", {"bins": 1}, "'bins' must be >= 2"),
        ("information", {"measure": "transfer_entropy", "permutations": 9}, "works with measure = mutual_information"),
        ("information", {"scaling": "ranks"}, "one of 'standard', 'rank', 'none'"),
        ("hedonic", {"half": 0.0}, "'half' must be > 0"),
        ("regret", {"delta": 1.5}, "'delta' must be <= 1"),
        ("kalman", {"observation_variance": 0.0}, "'observation_variance' must be > 0"),
        ("trajectory", {"places": {"trust": [0.5]}}, "'places' needs valence and arousal, two numbers, for trust"),
        ("conformal", {"alpha": 1.0}, "'alpha' must be < 1"),
        ("trend", {"least_length": 0}, "'least_length' must be >= 1"),
        ("votes", {"fit": 1}, "expects true or false"),
    ],
)
def test_settings_that_make_no_sense_are_refused(module: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        compute(module, {}, **settings)


def test_too_large_weights_of_burdens_are_refused() -> None:
    with pytest.raises(DataError, match="sum to at most 1"):
        compute("hedonic", {"sign": 1, "intensity": 1, "days": 1}, external_cost_weight=0.9, self_damage_weight=0.9)


def test_pid_of_too_many_states_names_the_remedy() -> None:
    numbers = list(range(300))
    with pytest.raises(DataError, match="set bins, such as 8"):
        compute("pid", {"target": numbers, "sources": [[n, n, n] for n in numbers]})
