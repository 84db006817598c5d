"""Changes of files stand in the guard, everywhere; an error under way is not hidden by the cleaning that follows."""

from __future__ import annotations

import ast
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest

from redheart_core.storage.files import FileError, write_atomically
from redheart_core.storage.guard import cleaning_up
from redheart_core.storage.locks import locked, updating
from redheart_core.storage.new_folder import new_folder

ROOT = Path(__file__).parents[1]
SOURCES = ("redheart_core", "labelling", "server", "registry", "cli", "export")
EXEMPT = {
    "redheart_core/safety/fitting.py": "makes files of the package in a checkout",
    "redheart_core/safety/needles.py": "makes files of the package in a checkout",
    "redheart_core/testing/data_checks.py": "damages files of its own in tests of plugins",
    "registry/redheart_registry/cache.py": "a cache that cannot be written costs time alone",
}
OF_MODULES = {"remove", "link", "symlink", "replace", "rename", "truncate", "fsync", "makedirs", "removedirs", "mkdir"}
OF_MODULES |= {"unlink", "rmdir", "rmtree", "move", "copyfile", "copyfileobj", "copytree", "copy", "copy2"}
OF_PATHS = {"unlink", "rmdir", "mkdir", "touch", "write_text", "write_bytes", "symlink_to", "hardlink_to", "rename"}


def changes(call: ast.Call) -> bool:
    """Whether a call makes, changes or removes a file."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner, name = call.func.value, call.func.attr
    if isinstance(owner, ast.Name) and owner.id in ("os", "shutil"):
        return name in OF_MODULES
    if name == "replace":  # that of texts has two arguments, that of times has keywords
        return len(call.args) == 1 and not call.keywords
    if name == "open":
        modes = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return any(set(mode) & set("wax+") and set(mode) <= set("rwax+bt") for mode in modes)
    return name in OF_PATHS


def unguarded(node: ast.AST, guarded: bool = False) -> Iterator[int]:
    """Lines with a change of a file that stands in no `with writing(...)` and no `except OSError`."""
    for child in ast.iter_child_nodes(node):
        inside = guarded and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
        if isinstance(child, ast.With):
            names = {one.id for item in child.items for one in ast.walk(item.context_expr) if isinstance(one, ast.Name)}
            inside = inside or "writing" in names or {"suppress", "OSError"} <= names
        if isinstance(child, ast.Try):
            caught = [one for handler in child.handlers if handler.type for one in ast.walk(handler.type)]
            inside = inside or any(isinstance(one, ast.Name) and one.id == "OSError" for one in caught)
        if isinstance(child, ast.Call) and changes(child) and not inside:
            yield child.lineno
        yield from unguarded(child, inside)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("path.unlink()", [1]),
        ("os.replace(a, b)", [1]),
        ("path.open('ab')", [1]),
        ("with writing(path):\n    path.rename(other)", []),
        ("with writing(path):\n    def later():\n        path.rmdir()", [3]),
        ("text.replace('a', 'b')\ntime.replace(tzinfo=UTC)\npath.open('rb')", []),
    ],
)
def test_the_search_finds_what_it_has_to(source: str, lines: list[int]) -> None:
    assert list(unguarded(ast.parse(source))) == lines


def test_every_change_of_a_file_stands_in_the_guard() -> None:
    files = [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in files
        if path.relative_to(ROOT).as_posix() not in EXEMPT
        for line in unguarded(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert len(files) > 300
    assert found == set()


def failing(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("owner", "name", "work"), [(os, "unlink", locked), (os, "unlink", updating), (shutil, "rmtree", new_folder)]
)
def test_a_clean_up_that_fails_is_a_note_of_the_error_under_way(
    tmp_path: Path, owner: ModuleType, name: str, work: Callable[[Path], AbstractContextManager[object]]
) -> None:
    folder = tmp_path / "made" if work is new_folder else tmp_path
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ZeroDivisionError) as found, work(folder):  # noqa: PT012
        patch.setattr(owner, name, failing)
        raise ZeroDivisionError
    assert any("Input/output error" in note for note in found.value.__notes__)


def test_a_write_that_fails_on_a_disk_that_fails_says_the_first_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(os, "unlink", failing)
    with pytest.raises(FileError, match="No space left on device") as found:
        write_atomically(tmp_path / "a", lambda file: file.write(b"x"))
    assert "Input/output error" in "".join(getattr(found.value.__cause__, "__notes__", ()))


def test_a_clean_up_that_fails_alone_is_the_error() -> None:
    def clean() -> None:
        raise FileError("cannot")

    with pytest.raises(FileError, match="cannot"), cleaning_up(clean):
        pass
