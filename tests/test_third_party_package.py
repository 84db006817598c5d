"""A third party's package, installed with pip beside redheart, does all that a first-party plugin does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from front_door import succeed
from toy import group_files
from wheels import Environment, build_wheel, make_environment, run

from redheart_core.runs.run import RunFolder

pytestmark = pytest.mark.slow

ACTIVE = ("village", "lsa", "backbone", "regret_head", "neural_regret")
"""Of the plugins that come with redheart; the others are left out to save time."""
SMALL = (
    "--set=village.english=100",
    "--set=village.korean=60",
    "--set=lsa.width=48",
    "--scale=tiny",
    "--epochs=2",
    "--set=training.threads=1",
)
RIVAL = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "rival"
version = "2.5"

[project.entry-points.redheart]
my_mood = "rival"
""",
    "rival.py": "raise ImportError('nobody imports a package whose name is in doubt')\n",
}

Hashes = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as `redheart plugins new` writes it."""
    folder = tmp_path_factory.mktemp("package")
    succeed("plugins", "new", "my_mood", cwd=folder)
    return folder / "my_mood"


@pytest.fixture(scope="module")
def wheel(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(package, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(redheart_wheel: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with redheart and the package."""
    return make_environment(tmp_path_factory.mktemp("installed") / "venv", redheart_wheel, wheel)


@pytest.fixture(scope="module")
def home(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that begins with nothing but a short plugins.toml."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "plugins.toml").write_text(f"active = {json.dumps(ACTIVE)}\n")
    return folder


@pytest.fixture(scope="module")
def joined(installed: Environment, home: Path) -> tuple[Hashes, Hashes]:
    """Files of a run of first-party groups, when it was finished and after the package's group joined it."""
    installed.redheart("train", "-o", "joined", *SMALL, cwd=home)
    before = hashes(home / "joined")
    installed.redheart("train", "--resume", "-o", "joined", "--enable", "my_mood", cwd=home)
    return before, hashes(home / "joined")


def hashes(folder: Path) -> Hashes:
    """Group to its files, each with its SHA-256."""
    names = sorted(path.name for path in (folder / "groups").iterdir())
    return {name: group_files(RunFolder(folder), name) for name in names}


def test_the_package_is_listed_with_its_distribution_and_described(installed: Environment, tmp_path: Path) -> None:
    rows = json.loads(installed.redheart("plugins", "list", "--json", cwd=tmp_path).stdout)
    (row,) = [row for row in rows if row["name"] == "my_mood"]
    assert (row["distribution"], row["version"], row["kind"]) == ("redheart-my-mood", "0.1.0", "analyzer")
    assert (row["active"], row["broken"]) == (False, "")
    assert {row["distribution"] for row in rows} == {"redheart", "redheart-my-mood"}
    details = json.loads(installed.redheart("plugins", "info", "my_mood", "--json", cwd=tmp_path).stdout)
    assert (details["distribution"], details["targets"]) == ("redheart-my-mood", ["regret"])
    # Linear layers 768 -> 16, 16 -> 1 without a bias, 16 -> 16, 16 -> 1
    assert details["scales"]["tiny"]["parameters"] == 769 * 16 + 16 + 17 * 16 + 17


@pytest.mark.thorough
def test_the_tests_of_the_package_pass_as_they_come(installed: Environment, package: Path) -> None:
    # Isolated, Python does not look for the package in the working directory, so it is the installed one.
    pytest_of_package = ("-Im", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".")
    printed = run(str(installed.python), *pytest_of_package, cwd=package).stdout
    assert "passed" in printed


def test_the_package_is_trained_assembled_and_analyzes(
    installed: Environment, home: Path, joined: tuple[Hashes, Hashes]
) -> None:
    trained = joined[1]
    assert set(trained) == {"backbone", "neural_regret", "my_mood"}
    assert {"epoch-0001.safetensors", "epoch-0002.safetensors", "manifest.json"} <= set(trained["my_mood"])
    nodes = json.loads((home / "joined" / "run.json").read_text())["nodes"]
    assert (nodes["my_mood"]["distribution"], nodes["my_mood"]["version"]) == ("redheart-my-mood", "0.1.0")
    crossover = json.loads(installed.redheart("crossover", "joined", "--json", cwd=home).stdout)
    assert {check["group"] for check in crossover["groups"]} == set(trained)
    assert [check for check in crossover["groups"] if check["assembled"] != check["recorded"]] == []
    findings = json.loads(
        installed.redheart("analyze", crossover["model"], "I told my neighbour the truth.", "--json", cwd=home).stdout
    )["findings"]
    (finding,) = [finding for finding in findings if finding["plugin"] == "my_mood"]
    assert (finding["field"], finding["group"]) == ("regret", "my_mood")
    (value,) = finding["values"]
    assert 0 < value["value"] < 1
    assert {finding["plugin"] for finding in findings} == {"regret_head", "neural_regret", "my_mood"}


def test_the_package_joins_a_finished_run_and_changes_no_file_of_another_group(
    joined: tuple[Hashes, Hashes],
) -> None:
    before, after = joined
    assert set(before) == {"backbone", "neural_regret"}
    assert all(len(files) >= 3 for files in before.values())
    assert set(after) == {*before, "my_mood"}
    assert {group: after[group] for group in before} == before


@pytest.mark.thorough
def test_joining_later_gives_the_same_files_as_being_there_from_the_start(
    installed: Environment, home: Path, joined: tuple[Hashes, Hashes]
) -> None:
    arguments = ("-o", "together", "--store", "joined/store", "--enable", "my_mood", *SMALL)
    installed.redheart("train", *arguments, cwd=home)
    assert hashes(home / "together") == joined[1]


@pytest.mark.thorough  # with packages that are not built and installed, tests/test_registry_loading.py proves it too
def test_two_packages_that_offer_one_name_are_an_error_that_names_both(
    redheart_wheel: Path, wheel: Path, tmp_path: Path
) -> None:
    (tmp_path / "rival").mkdir()
    for name, text in RIVAL.items():
        (tmp_path / "rival" / name).write_text(text)
    rival = build_wheel(tmp_path / "rival", tmp_path / "wheels")
    both = make_environment(tmp_path / "venv", redheart_wheel, wheel, rival)
    complaint = (
        "Error: plugin 'my_mood' is offered by several packages: redheart-my-mood 0.1.0 (module redheart_my_mood), "
        "rival 2.5 (module rival); uninstall all but one\n"
    )
    for command in (("train", "--enable", "my_mood"), ("plugins", "info", "my_mood")):
        assert both.redheart(*command, cwd=tmp_path, code=1).stderr == complaint
    (row,) = [
        row
        for row in json.loads(both.redheart("plugins", "list", "--json", cwd=tmp_path).stdout)
        if row["name"] == "my_mood"
    ]
    assert row["distribution"] == "redheart-my-mood"
    assert "rival 2.5" in row["broken"]
