"""A run remembers the command line and the commit that began it, whatever resumes it."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

import attrs
import pytest
from toy import Toy

from redheart_core.runs import origin
from redheart_core.runs.origin import Origin, find_commit, find_origin


class Installed(Distribution):
    """As pip leaves it, with this direct_url.json."""

    def __init__(self, record: object) -> None:
        self.record = record

    def read_text(self, filename: str) -> str | None:
        return None if self.record is None else json.dumps(self.record)

    def locate_file(self, path: object) -> Path:
        raise AssertionError


@pytest.mark.parametrize(
    ("record", "commit"),
    [
        (None, None),
        ({"url": "https://example.org/redheart", "vcs_info": {"vcs": "git", "commit_id": "f" * 40}}, "f" * 40),
        ({"url": "file:///no/such/checkout", "dir_info": {"editable": True}}, None),
    ],
)
def test_the_commit_is_what_pip_recorded(monkeypatch: pytest.MonkeyPatch, record: object, commit: str | None) -> None:
    monkeypatch.setattr(origin, "distribution", lambda _: Installed(record))
    assert find_commit() == commit


def test_the_command_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/redheart", "train", "--set", "a.b=two words"])
    found = find_origin()
    assert found.command == "redheart train --set 'a.b=two words'"
    assert found.commit is None or re.fullmatch(r"[0-9a-f]{40}\+?", found.commit)


def test_what_began_a_run_stays_when_another_command_goes_on(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["redheart", "train"])
    run, _ = toy.run("run", [toy.node("a")], epochs=1)
    begun = run.read()
    monkeypatch.setattr(sys, "argv", ["redheart", "train", "--resume"])
    run.begin(attrs.evolve(begun, origin=Origin("another", None)))
    assert run.read() == begun
    assert begun.origin is not None
    assert begun.origin.command == "redheart train"
