"""A reader who follows a document: writes its files, runs its commands in this process, servers in another one, and
executes its Python."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import attrs
import click
import httpx
import pytest
from fenced_blocks import ROOT, RUN, Block, Command, commands, expand_braces, fenced_blocks
from front_door import succeed
from own_process import run_and_die
from process_state import importable

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
OTHERS = ("python3", "source", "mkdocs", "pre-commit", "lint-imports", "docker", "npx", "torchrun")
"""Programs that are not run here."""


@attrs.frozen
class Reader:
    """Follows one page in a folder of their own."""

    folder: Path
    ask: Callable[[httpx.Request], httpx.Response]
    """Sends a request to a server in this process."""
    serve: Callable[[Path, Sequence[str]], AbstractContextManager[object]]
    """From a folder and what stands behind `redheart serve` to a server that is ready inside the block."""
    names: dict[str, Any] = attrs.field(factory=lambda: {"__name__": "__main__"})
    """What the Python of the page has defined so far."""

    @property
    def site(self) -> Path:
        """Where pip installs."""
        return self.folder / "site"

    def follow_page(self, page: Path) -> None:
        """Do what a page says, from top to bottom."""
        for block in fenced_blocks(page):
            if block.file or block.language in RUN:
                self.follow(block)

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.file:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            code = compile(block.text, block.where, "exec")
            if block.not_run:
                return
            with contextlib.chdir(self.folder), importable(self.site), contextlib.redirect_stdout(io.StringIO()):
                exec(code, self.names)
        else:
            with contextlib.ExitStack() as serving:
                for command in commands(block):
                    words = [part for word in shlex.split(command.line, comments=True) for part in expand_braces(word)]
                    program, arguments = "".join(words[:1]).removeprefix(".venv/bin/"), words[1:]
                    if program == "redheart" and arguments[:1] == ["serve"] and arguments[1:2] != ["keys"]:
                        serving.close()  # answers until the next one, or to the end of the block
                        serving.enter_context(self.serve(self.folder, arguments[1:]))
                    elif words:
                        self.run(block, command, program, arguments)

    def run(self, block: Block, command: Command, program: str, arguments: Sequence[str]) -> None:
        """Run a command, or parse it where the page says so."""
        known = {"redheart": self.redheart, "pip": self.pip, "pytest": self.pytest, "curl": self.curl}
        if block.not_run:
            assert program in (*known, *OTHERS), f"{block.where}: nothing here checks a command of {program}"
            if program == "torchrun":
                program, arguments = "redheart", arguments[list(arguments).index("redheart_cli") + 1 :]
            if program == "redheart":
                with contextlib.chdir(self.folder):
                    parse_options(arguments)
            elif program == "pip":
                check_extras(arguments)
            return
        assert program in known, f"{block.where}: nothing here runs a command of {program}"
        output = known[program](arguments)
        if command.output is not None:
            check_output(command.output, output, block.where)

    def redheart(self, arguments: Sequence[str]) -> str:
        """One of redheart's commands."""
        return succeed(*arguments, cwd=self.folder, site=self.site).shown

    def pip(self, arguments: Sequence[str]) -> str:
        """Install a package of the page's own, so that it stays editable."""
        options = ("--no-deps", "--no-index", "--no-build-isolation", "--target", str(self.site))
        output = self.python("pip", "install", "-q", *options, "-e", f"./{arguments[-1]}")
        # A path in a .pth file counts in folders of the interpreter alone; here the package itself is linked.
        for path in self.site.glob("*.pth"):
            for package in Path(path.read_text(encoding="utf-8").strip()).glob("*/__init__.py"):
                (self.site / package.parent.name).symlink_to(package.parent)
        return output

    def pytest(self, arguments: Sequence[str]) -> str:
        """The tests of that package."""
        shown = self.folder / "pytest.txt"
        code = run_and_die(_pytest, self.folder, self.site, shown, arguments)
        output = shown.read_text(encoding="utf-8")
        assert code == 0, output
        return output

    def python(self, module: str, *arguments: str) -> str:
        """A module in a process of its own."""
        command = [sys.executable, "-m", module, *arguments]
        env = {"PYTHONPATH": str(self.site)}
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def curl(self, arguments: Sequence[str]) -> str:
        """A request as curl makes it: an address, `--json BODY`, `-H "NAME: VALUE"`."""
        parts = list(arguments)
        address = parts.pop(0)
        body: Any = None
        headers: dict[str, str] = {}
        while parts:
            option, value = parts.pop(0), parts.pop(0)
            if option == "--json":
                body = json.loads(value)
            elif option == "-H":
                name, _, content = value.partition(": ")
                headers[name] = content
            else:
                raise AssertionError(f"nothing here knows curl's {option}")
        response = self.ask(httpx.Request("GET" if body is None else "POST", address, json=body, headers=headers))
        assert response.status_code == 200, response.text
        return response.text


def _pytest(folder: Path, site: Path, shown: Path, arguments: Sequence[str]) -> None:
    """In a new process: what `python -m pytest` does there, with its output in a file."""
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    with shown.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(site)]
    # schemathesis, which comes with redheart[dev] alone, takes seconds to import, and no page needs it
    without = ("-p", "no:cacheprovider", "-p", "no:schemathesis")
    sys.exit(pytest.main(["-q", *without, "--import-mode=importlib", *arguments]))


def parse_options(arguments: Sequence[str]) -> None:
    """Parse a command line of redheart, to where it would begin to do something."""
    from redheart_cli.main import cli

    command: click.Command = cli
    context = click.Context(cli, info_name="redheart")
    rest = list(arguments)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"redheart has no command {name}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.make_context(context.info_name, rest, parent=context.parent)


def check_extras(arguments: Sequence[str]) -> None:
    """Extras that are installed have to exist."""
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = [extra for word in arguments for found in re.findall(r"\[(.+)\]", word) for extra in found.split(",")]
    assert set(named) <= offered.keys(), f"pyproject.toml offers no extra {sorted(set(named) - offered.keys())}"


def check_output(shown: str, real: str, where: str) -> None:
    """Output that a page shows is that of the command; numbers to within 0.03, and bars follow from numbers."""

    def words(text: str) -> list[str]:
        return NUMBER.sub("N", re.sub(r" *#+ *", " ", text)).split()

    assert words(shown) == words(real), f"{where} shows another output than the command has now:\n{real}"
    for one, other in zip(NUMBER.findall(shown), NUMBER.findall(real), strict=True):
        near = math.isclose(float(one), float(other), abs_tol=0.03, rel_tol=0.03)
        assert near, f"{where} shows {one} where the command now says {other}"
