"""Messages of nodes do not name the node: a copy has another name, and the engine says which one it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[1] / "plugins"
NAMED = re.compile(r"(?:\[plugins\.|plugin '|--disable )(\w+)")
"""A table, a plugin or an option with a name written out."""
DATASET = re.compile(r"DatasetSpec\(\s*(?:name=)?\"(\w+)\"")
"""A data set, which has no copies; where a package offers one beside nodes, its messages may name it."""


def node_packages() -> list[Path]:
    """Packages that offer nodes."""
    found = {file.parent for file in PLUGINS.glob("*/redheart_*/*.py") if "NodeSpec(" in file.read_text("utf-8")}
    return sorted(found)


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that is no docstring, with its line."""
    tree = ast.parse(file.read_text("utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


@pytest.mark.parametrize("package", node_packages(), ids=lambda package: str(package.name))
def test_no_message_of_a_node_names_it(package: Path) -> None:
    files = list(package.glob("*.py"))
    datasets = {name for file in files for name in DATASET.findall(file.read_text("utf-8"))}
    found = [(f"{file}:{line}", name) for file in files for line, text in texts(file) for name in NAMED.findall(text)]
    assert not [where for where, name in found if name not in datasets]


def test_names_are_found_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('"""The [plugins.x] table."""\nTABLE = "[plugins.x]"\nraise ValueError(f"plugin \'x\' {TABLE}")\n')
    assert [line for line, text in texts(file) if NAMED.search(text)] == [2, 3]
