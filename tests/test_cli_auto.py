"""redheart auto at the front door."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from front_door import SMALL, hashes, refuse, succeed

from redheart_core.runs.run import RunFolder

pytest.importorskip("optuna", reason="needs redheart[search]")

SPACE = """
[groups.neural_surd.learning_rate]
low = 3e-3
high = 3e-2
log = true
[groups.neural_surd.residual]
choices = [true, false]
[groups.neural_regret.dropout]
low = 0.0
high = 0.4
[plugins.neural_regret."reads.history"]
choices = [false]
"""
OPTIONS = ("-o", "run", *SMALL, "--epochs", "1", "--trials", "2", "--space", "space.toml")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder beside a search, and what it answered as JSON; tests only look at it."""
    beside = tmp_path_factory.mktemp("auto")
    (beside / "space.toml").write_text(SPACE)
    return beside, succeed("auto", *OPTIONS, "--json", cwd=beside).json()


@pytest.mark.slow
def test_a_run_takes_up_what_was_chosen(searched: tuple[Path, Any]) -> None:
    beside, found = searched
    assert {group["group"]: group["trials"] for group in found["groups"]} == {"neural_regret": 2, "neural_surd": 2}
    document = tomllib.loads((beside / found["files"]["plugins"]).read_text())
    assert document["training"]["epochs"] == 1
    regret = next(group for group in found["groups"] if group["group"] == "neural_regret")
    assert regret["chosen"] >= 0
    assert document["plugins"]["neural_regret"]["ignores"] == ["history"]
    succeed("train", "-o", "taken", "--store", "run/store", "--plugins", found["files"]["plugins"], cwd=beside)
    run = RunFolder(beside / "taken")
    assert run.read().nodes["neural_regret"].ignores == ("history",)
    succeed("train", "--resume", "-o", "taken", cwd=beside)  # finds the same plugins by the run's description
    for group in found["groups"]:
        chosen = next(one for one in group["candidates"] if one["number"] == group["chosen"])
        losses = run.group(group["group"]).read().epochs
        assert min(entry.validation_loss for entry in losses) == pytest.approx(chosen["loss"], rel=1e-12)


@pytest.mark.slow
def test_the_same_command_again_changes_nothing_and_prints_tables(searched: tuple[Path, Any]) -> None:
    beside, _ = searched
    before = hashes(beside / "run")
    answer = succeed("auto", *OPTIONS, cwd=beside)
    out, said = answer.out, "searching neural_regret, neural_surd: up to 2 candidates of each beside its own settings"
    assert f"{said}, so at most 3 trainings of the model\n" in answer.err
    assert hashes(beside / "run") == before
    assert "neural_surd: 2 candidates; 0 stopped early, 0 failed" in out
    assert "corrected for having chosen on validation" in out
    assert "it takes 10" in out
    assert "for --plugins: run/auto/plugins.toml" in out
    assert "report: run/auto/auto.html" in out
    assert '<section id="neural_surd">' in (beside / "run/auto/auto.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_space_that_is_none_says_everything_that_is_wrong(searched: tuple[Path, Any], tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(
        "[training.epochs]\nlow = 1\nhigh = 2\n[groups.nobody.ema]\nlow = 0.1\nhigh = 0.2\n"
        '[groups.backbone.scale]\nchoices = ["huge"]\n[plugins.neural_regret]\nwidth = 3\n'
    )
    store = ("--store", searched[0] / "run" / "store")
    says = ["wrong.toml is no search space", "no table 'training'", "[groups.nobody]", "plugins.neural_regret.width"]
    refuse("auto", *SMALL, *store, "-o", "run", "--space", "wrong.toml", cwd=tmp_path, says=says)
    (tmp_path / "wrong.toml").write_text("\x00\xff not toml")
    refuse("auto", *SMALL, *store, "-o", "run", "--space", "wrong.toml", cwd=tmp_path, says=["is not TOML"])
    refuse(
        "auto", *SMALL, *store, "-o", "run", "--from", "nowhere", cwd=tmp_path, says=["holds no search to begin from"]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--time", "soon"), "--time expects a time above 0 such as 90s, 30m or 2h, got 'soon'"),
        (("--time", "0s"), "--time expects a time above 0"),
        (("--objectives", "latency"), "--objectives expects loss, then latency, memory or both"),
        (("--objectives", "loss,speed"), "--objectives expects loss"),
        (("--trials", "0"), "trials"),
    ],
)
def test_options_that_are_none_are_wrong_usage(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    refuse("auto", *options, cwd=tmp_path, says=[says], code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_plugin_does_without_a_field_only_if_it_can(tmp_path: Path) -> None:
    refuse(
        "audit", *SMALL, "--meta", "--set", 'neural_regret.ignores=["regret"]', cwd=tmp_path,
        says=["[plugins.neural_regret] ignores: 'regret' is no field that it can do without (such fields: history)"],
    )  # fmt: skip
