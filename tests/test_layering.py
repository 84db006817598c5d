"""Imports point downwards: cli -> registry -> core <- plugins."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from new_python import run_python

ROOT = Path(__file__).parents[1]
CORE, REGISTRY, CLI = ROOT / "redheart_core", ROOT / "registry" / "redheart_registry", ROOT / "cli" / "redheart_cli"
SERVER, LABELLING = ROOT / "server" / "redheart_server", ROOT / "labelling" / "redheart_labelling"
EXPORT, SCALING = ROOT / "export" / "redheart_export", ROOT / "scaling" / "redheart_scaling"
PLUGINS = sorted(ROOT.glob("plugins/*/redheart_*"))
SOURCES = (CORE, REGISTRY, EXPORT, LABELLING, SCALING, SERVER, CLI, *PLUGINS)
FOLDERS = ("plugins", "registry", "export", "labelling", "scaling", "server", "cli", "tests")


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything that a module imports, wherever in it; members of `from` imports too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imported_by(path: Path) -> tuple[str, ...]:
    """What a file imports; several tests look at it."""
    return tuple(imported(ast.parse(path.read_text(encoding="utf-8"), str(path))))


def ours(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, imported name) of all imports in a folder that concern redheart."""
    for path in sorted(folder.rglob("*.py")):
        for name in imported_by(path):
            if name.startswith("redheart_") or name.partition(".")[0] in FOLDERS:
                yield str(path.relative_to(ROOT)), name


def test_the_tree_holds_what_is_checked_here() -> None:
    assert all(path.is_dir() for path in SOURCES)
    assert len(PLUGINS) >= 14


def test_the_import_contracts_hold() -> None:
    """The layers of pyproject.toml, from the contract up to the commands, each importing only what is below it."""
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_the_core_alone(folder: Path) -> None:
    wrong = [
        (file, name) for file, name in ours(folder) if name.partition(".")[0] not in ("redheart_core", folder.name)
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", [REGISTRY, LABELLING, SCALING, SERVER, CLI, *PLUGINS], ids=lambda path: path.name)
def test_nothing_outside_the_core_imports_a_name_with_an_underscore(folder: Path) -> None:
    private = [
        (file, name)
        for file, name in ours(folder)
        if name.startswith("redheart_core.") and any(part.startswith("_") for part in name.split("."))
    ]
    assert private == []


OTHER_MEANINGS = {
    "calculators": "what a plugin may offer; a module of the contract",
    "goemotions": "a field of the catalogue, named after its taxonomy",
    "kote": "a field of the catalogue, named after its taxonomy",
    "hierarchical": "a sweep by stages",
    "consistency": "of answers, a kind of layer",
    "limits": "of intervals, of thresholds, and of what a model knows",
    "linear": "maps, layers and baselines",
    "series": "numbers in order of time",
    "reasons": "why something is as it is, or failed",
    "pettingzoo": "the library whose interface environments have",
    "ready": "prepared; the extra with pretrained encoders",
    "everyday": "sentences of everyday life",
    "scenarios": "of a person, in the meaning of a field",
    "scruples": "published posts, which signs of a crisis are fitted on",
    "tables": "of settings and of reports",
}
"""Names of plugins that are words of the core too."""


def test_the_core_names_no_plugin() -> None:
    paths = [path for path in sorted(CORE.rglob("*")) if path.suffix not in ("", ".pyc", ".bin", ".npz")]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    for name in project["entry-points"]["redheart"]:
        as_a_plugin = rf"redheart_{name}\b|plugins?[. ]['\"]?{name}\b|\b{name}(\.\w+)+=|load_installed\(.{name}\b"
        pattern = re.compile(as_a_plugin if name in OTHER_MEANINGS else rf"redheart_{name}\b|\b{name}\b")
        found += [(name, file) for file, text in texts.items() if name in text and pattern.search(text)]
    assert found == []


def test_no_module_is_reached_through_its_folder() -> None:
    folders = [CORE, *(ROOT / name for name in FOLDERS)]
    wrong = [(file, name) for folder in folders for file, name in ours(folder) if name.partition(".")[0] in FOLDERS]
    assert wrong == []


def test_a_wrong_import_would_be_seen() -> None:
    source = "import plugins.village\ndef f():\n    from redheart_core.contract.nodes import NodeSpec\n"
    names = list(imported(ast.parse(source)))
    assert names == ["plugins.village", "redheart_core.contract.nodes", "redheart_core.contract.nodes.NodeSpec"]


def modules_after(code: str) -> set[str]:
    done = run_python(f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)", with_path=True)
    return set(done.err.split())


def test_a_child_that_fails_is_shown_with_all_that_it_printed() -> None:
    with pytest.raises(AssertionError, match=r"ended with 1 and printed\nbefore\n(.|\n)*ValueError: reason"):
        modules_after("print('before'); raise ValueError('reason')")


def test_help_imports_neither_torch_nor_a_plugin_nor_a_command() -> None:
    loaded = modules_after("from redheart_cli.main import cli\ncli(['--help'], standalone_mode=False)")
    heavy = {"torch", "numpy", "sklearn", "scipy", "matplotlib", "rich"}
    commands = {f"redheart_cli.{path.stem}" for path in CLI.glob("*.py")} - {
        "redheart_cli.interruption",
        "redheart_cli.main",
        "redheart_cli.streams",
        "redheart_cli.__init__",
    }
    plugins = {point.module for point in entry_points(group="redheart")}
    assert loaded & (heavy | commands | plugins) == set()


def test_the_public_core_and_every_first_party_plugin_import_without_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    modules = sorted(project["entry-points"]["redheart"].values())
    loaded = modules_after(f"import redheart_core, {', '.join(modules)}")
    assert loaded & {"torch", "sklearn", "scipy", "transformers", "sentence_transformers"} == set()
