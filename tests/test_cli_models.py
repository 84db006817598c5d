"""Trained models that packages bring: found by name, used where none is named, verified."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from front_door import Finished, flip_byte, redheart, refuse, succeed

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
SOURCE = """
from redheart_core import ModelSpec, hookimpl

@hookimpl
def redheart_provide_models():
    return [ModelSpec("{name}", "what the made-up world teaches", "package:front_door_{name}/{folder}")]
"""


def ship(site: Path, name: str, model: Path | None, folder: str = "model") -> Path:
    """Lay out a package that brings a model, as pip would leave it."""
    package = site / f"front_door_{name}"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE.format(name=name, folder=folder))
    info = site / f"front_door_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: front-door-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[redheart]\n{name} = front_door_{name}\n")
    if model is not None:
        shutil.copytree(model, package / "model")
    return package / "model"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "site"
    for module in [name for name in sys.modules if name.startswith("front_door_")]:
        del sys.modules[module]


@pytest.fixture(autouse=True)
def _no_other_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that the repository itself ships are not looked at here."""
    import redheart_registry.models as models

    found, own = models._model_names, {"ready", "ready_dilemmas"}
    monkeypatch.setattr(models, "_model_names", lambda installed: [n for n in found(installed) if n not in own])


def test_an_installed_model_answers_where_none_is_named(finished: Finished, tmp_path: Path, site: Path) -> None:
    ship(site, "small_world", finished.model)
    own = succeed("analyze", finished.model, TEXT, "--json", cwd=tmp_path)
    unnamed = succeed("analyze", TEXT, "--json", cwd=tmp_path, site=site)
    assert unnamed.json() == own.json()
    assert "answered by the model small_world (front-door-small_world 1.0)" in unnamed.err
    assert "answered by" not in own.err
    (tmp_path / "text.txt").write_text(TEXT)
    for arguments, given in (
        (["--file", "text.txt"], b""),
        (["small_world", TEXT], b""),
        (["small_world", "--file", "text.txt"], b""),
        (["small_world"], TEXT.encode()),
        (["-"], TEXT.encode()),
        ([], TEXT.encode()),
    ):
        assert succeed("analyze", *arguments, "--json", cwd=tmp_path, site=site, given=given).json() == own.json()


def test_python_loads_it_by_name_or_without_one(
    finished: Finished, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redheart as api

    ship(site, "small_world", finished.model)
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    expected = api.load(finished.model).analyze(TEXT).answers
    assert api.load().analyze(TEXT).answers == expected
    assert api.load("small_world").analyze(TEXT).answers == expected
    assert api.load().title == "small_world (front-door-small_world 1.0)"


def test_a_folder_comes_before_a_model_of_that_name(finished: Finished, tmp_path: Path, site: Path) -> None:
    ship(site, "small_world", finished.model)
    (tmp_path / "small_world").mkdir()
    refuse("analyze", "small_world", TEXT, cwd=tmp_path, site=site, says=["small_world holds no model"])


def test_without_any_model_the_message_says_how_to_get_one(tmp_path: Path) -> None:
    for arguments in (["analyze", TEXT], ["models", "verify"]):
        refuse(
            *arguments,
            cwd=tmp_path,
            says=["no model is named and none is installed that answers", "redheart run trains one"],
        )
    assert "no model is installed" in succeed("models", "list", cwd=tmp_path).out


def test_of_several_models_one_has_to_be_named(finished: Finished, tmp_path: Path, site: Path) -> None:
    ship(site, "one_world", finished.model)
    ship(site, "two_worlds", finished.model)
    says = ["several are installed: one_world, two_worlds; name one of them"]
    refuse("analyze", TEXT, cwd=tmp_path, site=site, says=says)
    succeed("analyze", "two_worlds", TEXT, cwd=tmp_path, site=site)
    names = [model["name"] for model in succeed("models", "list", "--json", cwd=tmp_path, site=site).json()]
    assert names == ["one_world", "two_worlds"]


def test_one_argument_that_looks_like_a_folder_is_not_taken_for_a_text(tmp_path: Path) -> None:
    for typo in ("runs/vilage/model", "./model", "/tmp/no/such/model"):
        refuse("analyze", typo, cwd=tmp_path, code=2, says=[f"there is no folder '{typo}'"])
    refuse("analyze", "a", "text", "unquoted", cwd=tmp_path, code=2, says=["quote the text"])


@pytest.mark.parametrize("length", [300, 5000])
def test_a_text_longer_than_any_path_is_a_text(finished: Finished, tmp_path: Path, site: Path, length: int) -> None:
    ship(site, "small_world", finished.model)
    succeed("analyze", "word " * (length // 5), cwd=tmp_path, site=site)
    succeed("analyze", "neighbour" + "r" * length, cwd=tmp_path, site=site)


def test_a_model_is_verified_and_damage_is_named(finished: Finished, tmp_path: Path, site: Path) -> None:
    model = ship(site, "small_world", finished.model)
    said = succeed("models", "verify", cwd=tmp_path, site=site).out
    assert "small_world (front-door-small_world 1.0)" in said
    assert "files as recorded" in said
    damaged = next((model / "groups").glob("*.safetensors"))
    flip_byte(damaged)
    refuse("models", "verify", cwd=tmp_path, site=site, says=[damaged.name, "is damaged"])
    refuse("analyze", TEXT, cwd=tmp_path, site=site, says=[damaged.name, "is damaged"])


def test_a_package_without_its_folder_is_named(tmp_path: Path, site: Path) -> None:
    ship(site, "small_world", None)
    refuse("analyze", TEXT, cwd=tmp_path, site=site, says=["front_door_small_world holds no 'model'"])


def test_a_broken_model_beside_one_that_answers_is_a_warning(finished: Finished, tmp_path: Path, site: Path) -> None:
    ship(site, "broken_world", None)
    ship(site, "small_world", finished.model)
    answer = succeed("analyze", TEXT, cwd=tmp_path, site=site)
    assert "answered by the model small_world" in answer.err
    assert "warning: the model 'broken_world' cannot be used: " in answer.err
    assert "front_door_broken_world holds no 'model'" in answer.err
    assert "warning" not in succeed("analyze", "small_world", TEXT, cwd=tmp_path, site=site).err


def test_plugins_list_and_info_and_check_know_models(finished: Finished, tmp_path: Path, site: Path) -> None:
    model = ship(site, "small_world", finished.model)
    listed = succeed("plugins", "list", cwd=tmp_path, site=site).out
    (row,) = [line for line in listed.splitlines() if line.startswith("small_world ")]
    assert row.split()[1] == "model"
    assert "what the made-up world teaches" in succeed("plugins", "info", "small_world", cwd=tmp_path, site=site).out
    assert " failed 0" in succeed("plugins", "check", "small_world", cwd=tmp_path, site=site).out
    (model / "notes.txt").write_text("a sentence of a record")
    answer = redheart("plugins", "check", "small_world", cwd=tmp_path, site=site)
    assert answer.code == 1
    assert "notes.txt" in answer.out


def test_a_model_names_data_sets_licences_command_and_commit(finished: Finished, tmp_path: Path) -> None:
    said = succeed("models", "info", finished.model, "--json", cwd=tmp_path).json()
    assert {row["dataset"]: row["licence"] for row in said["groups"]["backbone"]["learnt_from"]} == {"village": "MIT"}
    assert said["data"]["provenance"] == {"village": {"licence": "MIT", "source": "made by this plugin"}}
    assert said["origin"]["command"]
    shown = succeed("models", "info", finished.model, cwd=tmp_path).out
    for part in ("village", "MIT", "made by:", "commit:", "answers: "):
        assert part in shown


def test_a_packed_model_answers_alone_is_measured_and_leads_nowhere(finished: Finished, tmp_path: Path) -> None:
    own = succeed("analyze", finished.model, TEXT, "--json", cwd=tmp_path).json()
    run = finished.copy(tmp_path)
    succeed("models", "pack", run / "model", "-o", "given", cwd=tmp_path)
    shutil.rmtree(run)
    assert succeed("analyze", "given", TEXT, "--json", cwd=tmp_path).json() == own
    said = succeed("models", "info", "given", "--json", cwd=tmp_path).json()
    assert (said["run"], said["data"]["store"]) == ("", "")
    figures = {(one["output"], one["metric"]): one for one in said["groups"]["neural_regret"]["measured"]}
    figure = figures["neural_regret.regret", "mean_absolute_error"]
    assert (figure["dataset"], figure["split"], figure["field"]) == ("village", "test", "regret")
    assert figure["low"] < figure["value"] < figure["high"]
    card = succeed("models", "info", "given", "--card", cwd=tmp_path).out
    for part in ("# given", "| `neural_regret` |", "MIT", "mean_absolute_error", f"{figure['value']:.3f}"):
        assert part in card
    assert "in 90 % of all texts like the" in card
    assert all(f"limit_of_{what}" in card for what in ("distance", "length", "terms"))
    assert "Texts beyond a limit are not answered; of the calibration texts these are" in card
    refuse("evaluate", "given", cwd=tmp_path, says=["was packed", "no run"])


def test_figures_of_a_packed_model_are_those_of_the_evaluation(finished: Finished, tmp_path: Path) -> None:
    succeed("models", "pack", finished.model, "-o", "given", cwd=tmp_path)
    said = succeed("models", "info", "given", "--json", cwd=tmp_path).json()
    tables = finished.answer.json()["evaluation"]["tables"]
    recorded = {table["metric"]: table["figures"]["crossover"]["value"] for table in tables}
    for group in said["groups"].values():
        for one in group["measured"]:
            assert recorded[f"{one['output'].partition('.')[0]}.{one['metric']}"] == one["value"]


def test_a_group_is_left_out_by_name_and_the_others_keep_their_files(finished: Finished, tmp_path: Path) -> None:
    succeed("models", "pack", finished.model, "-o", "whole", cwd=tmp_path)
    succeed("models", "pack", "whole", "-o", "part", "--without", "neural_regret", cwd=tmp_path)
    files = {path.name: path.read_bytes() for path in (tmp_path / "whole/groups").iterdir()}
    kept = {path.name: path.read_bytes() for path in (tmp_path / "part/groups").iterdir()}
    assert kept == {name: data for name, data in files.items() if not name.startswith("neural_regret")}
    answer = succeed("analyze", "part", TEXT, "--json", cwd=tmp_path)
    assert "group neural_regret, it was left out when the model was packed" in answer.err
    assert "neural_regret" not in {finding["plugin"] for finding in answer.json()["findings"]}
    whole = succeed("analyze", "whole", TEXT, "--json", cwd=tmp_path).json()["findings"]
    assert answer.json()["findings"] == [one for one in whole if one["plugin"] != "neural_regret"]
    refuse("models", "pack", "whole", "-o", "other", "--without", "nobody", cwd=tmp_path,
           says=["no group nobody (groups: backbone"])  # fmt: skip
    refuse("models", "pack", "whole", "-o", "part", cwd=tmp_path, says=["part exists"])
