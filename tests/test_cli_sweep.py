"""redheart sweep, search and train --groups."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from front_door import GROUPS, SMALL, Answer, hashes, redheart, refuse, succeed
from sealed_files import contents

SWEEP = ("--rates", "1e-3,1e-2", "--sweep-epochs", "2", "--seeds", "1")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """The folder beside a run that was swept, and what the command answered; tests only look at it."""
    beside = tmp_path_factory.mktemp("sweep")
    return beside, succeed("sweep", "-o", "run", *SMALL, *SWEEP, "--json", cwd=beside)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_sweep_prints_and_writes_one_document(swept: tuple[Path, Answer]) -> None:
    beside, answer = swept
    document = answer.json()
    kept = contents(beside / "run" / "sweep.json")
    assert {key: value for key, value in document.items() if key not in ("chosen", "cost")} == kept
    assert [group["group"] for group in document["groups"]] == list(GROUPS)
    assert set(document["chosen"]) == set(GROUPS)
    assert set(document["chosen"].values()) <= {1e-3, 1e-2}
    assert document["short"][0]["epochs"] == 2
    tables = tomllib.loads((beside / "run" / "groups.toml").read_text())["groups"]
    assert tables == {name: {"learning_rate": rate} for name, rate in document["chosen"].items()}
    assert not (beside / "run" / "run.json").exists()


def test_the_same_sweep_again_changes_no_byte_and_prints_tables(swept: tuple[Path, Answer]) -> None:
    beside, _ = swept
    before = hashes(beside / "run")
    out = succeed("sweep", "-o", "run", *SMALL, *SWEEP, cwd=beside).out
    assert hashes(beside / "run") == before
    assert out.splitlines()[0].split() == ["validation", "loss", "0.001", "0.01", "chosen", "within", "noise"]
    assert "short runs of all groups" in out
    assert "rates: run/groups.toml" in out


def test_a_training_takes_the_rates_up_and_records_them(swept: tuple[Path, Answer]) -> None:
    beside, answer = swept
    options = ("--store", "run/store", "--groups", "run/groups.toml", "--epochs", "1")
    succeed("train", "-o", "taken", *SMALL, *options, cwd=beside)
    recorded = read(beside / "taken" / "run.json")["groups"]
    rates = {name: group["settings"]["learning_rate"] for name, group in recorded.items()}
    assert rates == answer.json()["chosen"]
    succeed("train", "--resume", "-o", "taken", cwd=beside)
    refuse(
        "train", "--resume", "-o", "taken", "--groups", "run/groups.toml", cwd=beside,
        says=["--resume takes data and settings from the run"], code=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[groups.nobody]\nema = 0.9\n", ["[groups.nobody]: there is no such group", "backbone"]),
        ("[groups.backbone]\nrate = 1.0\n", ["[groups.backbone] has no key 'rate'", "learning_rate"]),
        ("[training]\nepochs = 3\n", ["no key or table 'training'", "expected tables such as [groups.backbone]"]),
        ("[groups]\nbackbone = 1e-3\n", ["groups.backbone expects a table"]),
        ("[groups.backbone", ["is not TOML"]),
    ],
)
def test_a_groups_file_that_fits_nothing_is_refused(
    swept: tuple[Path, Answer], tmp_path: Path, text: str, says: list[str]
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    store = ("--store", swept[0] / "run" / "store")
    refuse("train", "-o", "new", *SMALL, *store, "--groups", file, cwd=tmp_path, says=says)
    assert not (tmp_path / "new" / "run.json").exists()


def test_a_sweep_under_other_options_is_refused(swept: tuple[Path, Answer]) -> None:
    beside, _ = swept
    before = hashes(beside / "run")
    refuse("sweep", "-o", "run", *SMALL, *SWEEP, "--seeds", "2", cwd=beside, says=["was begun with", "take another"])
    refuse("sweep", "-o", "run", *SMALL, "--sweep-epochs", "9", cwd=beside, says=["1 to 3 epochs", "got 9"])
    assert hashes(beside / "run") == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--rates", "fast"), "--rates expects numbers"),
        (("--rates", "1e-3,0"), "above 0"),
        (("--rates", "1e-3,0.001"), "each once"),
        (("--rates", "1e-3", "--hierarchical"), "--hierarchical tries rates of its own"),
    ],
)
def test_rates_that_are_none_are_wrong_usage(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    refuse("sweep", *options, cwd=tmp_path, says=[says], code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_search_of_four_trials_writes_settings_that_a_training_takes_up(
    swept: tuple[Path, Answer], tmp_path: Path
) -> None:
    pytest.importorskip("optuna", reason="needs redheart[search]")
    store = ("--store", str(swept[0] / "run" / "store"))
    common = ("--group", "neural_surd", "-o", "run", *SMALL, *store)
    found = succeed("search", *common, "--trials", "4", "--json", cwd=tmp_path).json()
    assert (found["group"], found["trials"]) == ("neural_surd", 4)
    again = succeed("search", *common, "--trials", "4", "--json", cwd=tmp_path).json()
    assert again == found
    file = tmp_path / found["files"]["plugins"]
    document = tomllib.loads(file.read_text())
    assert document["groups"]["neural_surd"] == found["settings"]["groups"]["neural_surd"]
    # the file holds what --set and --disable said at the search, so that these need not be said again
    training = ("--plugins", str(file), *store, "--scale", "tiny", "--epochs", "3", "--set", "training.threads=1")
    succeed("train", "-o", "taken", *training, cwd=tmp_path)
    run = read(tmp_path / "taken" / "run.json")
    assert (
        run["groups"]["neural_surd"]["settings"]["learning_rate"]
        == (found["settings"]["groups"]["neural_surd"]["learning_rate"])
    )
    entries = read(tmp_path / "taken" / "groups" / "neural_surd" / "manifest.json")["epochs"]
    assert min(entry["validation_loss"] for entry in entries) == pytest.approx(found["best"], rel=1e-12)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("search", "--group", "nobody"), ["there is no group 'nobody' (groups: backbone, linear"]),
        (("search", "--group", "linear"), ["group 'linear' is fitted in closed form"]),
        (
            ("search", "--group", "neural_regret"),
            ["group 'neural_regret' reads linear", "redheart train -o run --only linear trains them"],
        ),
        (
            ("train", "--enable", "goemotions_pooled"),
            ["plugin 'goemotions_pooled' learns 'goemotions', which the data"],
        ),
        (("run", "--enable", "goemotions_pooled"), ["plugin 'goemotions_pooled' learns 'goemotions', which the data"]),
    ],
    ids=lambda given: given[2] if len(given) == 3 else None,
)
def test_what_is_known_before_is_refused_before_data_are_prepared(
    tmp_path: Path, given: tuple[str, ...], says: list[str]
) -> None:
    refuse(*given, "-o", "run", "--data", "village", cwd=tmp_path, says=says)
    assert list(tmp_path.iterdir()) == []


def test_a_search_says_what_it_cannot_do(swept: tuple[Path, Answer], tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs redheart[search]")
    common = ("-o", "run", *SMALL, "--store", str(swept[0] / "run" / "store"))
    refuse("search", "--group", "nobody", *common, cwd=tmp_path, says=["there is no group 'nobody'", "backbone"])
    space = tmp_path / "space.toml"
    space.write_text("[groups.backbone.ema]\nlow = 0.1\nhigh = 0.9\n")
    says = ["space.toml is no search space", "not of group 'neural_surd'"]
    refuse("search", "--group", "neural_surd", "--space", space, *common, cwd=tmp_path, says=says)
    assert redheart("search", cwd=tmp_path).code == 2
