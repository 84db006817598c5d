"""How a run came about: the command line of its process and the commit of the code."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs


@attrs.frozen
class Origin:
    """What began a run. It decides no number, so runs that differ in it alone are the same."""

    command: str
    """The command line of the process."""
    commit: str | None
    """Of the code of redheart, with "+" behind it if files differ from the commit; None if it is not known."""


def find_origin() -> Origin:
    """That of this process."""
    program, *arguments = sys.argv
    return Origin(shlex.join([Path(program).name, *arguments]), find_commit())


def find_commit() -> str | None:
    """The commit that redheart is installed from, by its direct_url.json (PEP 610); None for a released package."""
    record = distribution("redheart").read_text("direct_url.json")
    if record is None:
        return None
    url = json.loads(record)
    if "vcs_info" in url:
        return str(url["vcs_info"]["commit_id"])
    folder = Path(unquote(urlsplit(url["url"]).path))
    return _commit_of(folder) if (folder / ".git").exists() else None


def _commit_of(checkout: Path) -> str | None:
    """The commit of a checkout; None where git is not installed or refuses the folder."""
    head = _git(checkout, "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+" if _git(checkout, "status", "--porcelain", "--untracked-files=no") else "")


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
