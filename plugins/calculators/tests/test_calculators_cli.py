"""Every calculator from the command line, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from redheart_core import CalculatorSpec
from redheart_core.testing import load_installed

REDHEART = (sys.executable, "-m", "redheart_cli", "calculate")


def redheart(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*REDHEART, *arguments], input=given, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "settings", "place", "expected"),
    [
        ("exact_surd", ("shuffles=0",), "terms.S12", 0.531004406411),  # S11
        ("exact_information", ("k=2", "scaling=none"), "nats", 1171 / 1680),  # K1
        ("exact_pid", (), "atoms.{12}", 0.5),  # P1
        ("exact_hedonic", (), "score", 0.720130578684),  # H12
        ("exact_regret", (), "decision.mixed_minimax.value", 24 / 7),  # R5
        ("exact_kalman", (), "log_likelihood", -6.556581453950),  # F6
        ("exact_trajectory", (), "envelope.area", 7.25),  # D5
        ("exact_conformal", ("alpha=0.2",), "sets.threshold", 0.9),  # C2
        ("exact_trend", (), "trend.z", -3.502303389522),  # W3
        ("exact_votes", (), "agreement.kappa", 0.209930704422),  # V2
    ],
)
def test_the_example_computes_to_its_vector(name: str, settings: tuple[str, ...], place: str, expected: float) -> None:
    spec = load_installed(name).spec
    assert isinstance(spec, CalculatorSpec)
    options = [part for setting in settings for part in ("--set", f"{name}.{setting}")]
    done = redheart(name, "-", "--json", *options, given=json.dumps(spec.example))
    assert (done.returncode, done.stderr) == (0, "")
    value = json.loads(done.stdout)
    for key in place.split("."):
        value = value[key]
    assert value == pytest.approx(expected, rel=0, abs=1e-9)


def test_the_printed_example_is_what_the_calculator_reads() -> None:
    example = redheart("exact_pid", "--example")
    assert (example.returncode, example.stderr) == (0, "")
    done = redheart("exact_pid", "-", given=example.stdout)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:3] == ["atoms", "  {1}{2}  0.311278", "  {1}     0"]


def test_a_table_of_votes_reads_from_csv_and_prints_for_people(tmp_path: Path) -> None:
    table = tmp_path / "votes.csv"
    table.write_text("item,votes.1,votes.2\nfence,3,0\ndog,0,3\ndebt,2,1\nlie,1,2\n", encoding="utf-8")
    done = redheart("exact_votes", str(table))
    assert done.returncode == 0
    assert done.stderr == "votes.csv: column 'item' holds text and is left out\n"
    assert done.stdout.splitlines()[-4:] == [
        "agreement",
        "  observed  0.666667",
        "  chance    0.5",
        "  kappa     0.333333",
    ]  # V3


def test_an_input_that_cannot_be_used_ends_with_exit_code_1_and_a_message(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"observations": [1, 2], "observation_noise": [[0]]}', encoding="utf-8")
    done = redheart("exact_kalman", str(wrong))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: calculator 'exact_kalman': observation_noise is singular")
