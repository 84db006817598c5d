"""Folders, package list, entry points and the built wheel agree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", str(folder), str(ROOT))
    (built,) = folder.glob("redheart-*.whl")
    return built


def run(*command: str, cwd: Path | None = None) -> str:
    """Output of a command, without this process's Python settings; fails with what it printed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=clean, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_each_plugin_folder_is_a_whole_plugin(folder: Path, project: dict[str, Any]) -> None:
    (package,) = folder.glob("redheart_*")
    assert package.name == f"redheart_{folder.name}"
    assert f"plugins/{folder.name}/{package.name}" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    modules = [module.partition(".")[0] for module in project["project"]["entry-points"]["redheart"].values()]
    assert package.name in modules
    for needed in (package / "py.typed", package / "__init__.py", folder / "README.md"):
        assert needed.is_file(), needed
    tests = list((folder / "tests").glob("test_*.py"))
    assert tests
    assert all(path.name.startswith(f"test_{folder.name}_") for path in tests)
    assert not list(folder.rglob("conftest.py"))


def test_every_listed_package_and_entry_point_is_in_the_tree(project: dict[str, Any]) -> None:
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert len(set(packages)) == len(packages)
    for package in packages:
        assert (ROOT / package / "py.typed").is_file(), package
    roots = {Path(package).name: ROOT / package for package in packages}
    for module in project["project"]["entry-points"]["redheart"].values():
        first, *rest = module.split(".")
        path = roots[first].joinpath(*rest)
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), module


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for folder in (ROOT / "tests", ROOT / "plugins") for path in folder.rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.slow
def test_the_wheel_holds_redheart_packages_and_the_default_file_alone(wheel: Path, project: dict[str, Any]) -> None:
    packages = {Path(path).name for path in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        shipped = archive.read("redheart_registry/plugins.toml")
    tops = {name.partition("/")[0] for name in names}
    assert tops == packages | {f"redheart-{version('redheart')}.dist-info"}
    assert shipped == (ROOT / "plugins.toml").read_bytes()
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    templates = ROOT / "cli" / "redheart_cli" / "templates"
    assert {
        f"redheart_cli/templates/{path.relative_to(templates).as_posix()}"
        for path in templates.rglob("*")
        if path.is_file()
    } <= set(names)
    assert [name for name in names if Path(name).name.startswith("test_") and name.endswith(".py")] == []


@pytest.mark.slow
def test_the_installed_wheel_lists_its_plugins_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    python = home / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    # The dependencies come from this environment. A path in a .pth file is added as it is, without reading
    # the .pth files there, so this environment's own editable redheart brings no folder of the checkout.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    origin = run(str(python), "-c", "import redheart_registry; print(redheart_registry.__file__)", cwd=empty)
    assert Path(origin.strip()).is_relative_to(home)
    redheart = str(home / "bin" / "redheart")
    assert run(redheart, "--version", cwd=empty).split()[-1] == version("redheart")
    listed = run(redheart, "plugins", "list", cwd=empty)
    shipped = Path(paths["purelib"], "redheart_registry", "plugins.toml")
    assert f"listed in {shipped}" in listed
    active = tomllib.loads(shipped.read_text(encoding="utf-8"))["active"]
    assert [line.split()[0] for line in listed.splitlines()[1 : 1 + len(active)]] == active
    assert "broken" not in listed
