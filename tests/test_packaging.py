"""Folders, package list, entry points and the built wheel agree."""

from __future__ import annotations

import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from wheels import ROOT, make_environment, run

PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


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
def test_the_wheel_holds_redheart_packages_and_the_default_file_alone(
    redheart_wheel: Path, project: dict[str, Any]
) -> None:
    packages = {Path(path).name for path in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    with zipfile.ZipFile(redheart_wheel) as archive:
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
def test_the_wheel_holds_the_templates_words_styles_and_scripts_of_the_pages(redheart_wheel: Path) -> None:
    pages = ROOT / "server" / "redheart_server" / "pages"
    wanted = {path.relative_to(ROOT / "server").as_posix() for path in pages.rglob("*.*") if path.suffix != ".pyc"}
    with zipfile.ZipFile(redheart_wheel) as archive:
        assert wanted <= set(archive.namelist())
    assert {Path(name).suffix for name in wanted} == {".py", ".toml", ".j2", ".css", ".js", ".svg"}


@pytest.mark.slow
def test_the_installed_wheel_lists_its_plugins_from_an_empty_folder(redheart_wheel: Path, tmp_path: Path) -> None:
    installed = make_environment(tmp_path / "venv", redheart_wheel)
    empty = tmp_path / "empty"
    empty.mkdir()
    code = "import redheart_registry; print(redheart_registry.__file__)"
    origin = run(str(installed.python), "-c", code, cwd=empty).stdout
    assert Path(origin.strip()).is_relative_to(installed.packages)
    assert installed.redheart("--version", cwd=empty).stdout.split()[-1] == version("redheart")
    listed = installed.redheart("plugins", "list", cwd=empty).stdout
    shipped = installed.packages / "redheart_registry" / "plugins.toml"
    assert f"listed in {shipped}" in listed
    active = tomllib.loads(shipped.read_text(encoding="utf-8"))["active"]
    assert [line.split()[0] for line in listed.splitlines()[1 : 1 + len(active)]] == active
    assert "broken" not in listed
