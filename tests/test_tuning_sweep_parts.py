"""A sweep whose groups several processes do."""

from __future__ import annotations

import pytest
from toy import Toy

from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import FileError
from redheart_core.storage.locks import locked_groups
from redheart_core.tuning.sweep import SweepSettings, sweep, sweep_part


def test_parts_that_several_processes_do_are_the_sweep_of_one(toy: Toy) -> None:
    nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value", "b.value"))]
    store, settings = toy.store(), SweepSettings(rates=(1e-3, 1e-2), epochs=2)
    parts, whole = RunFolder(toy.folder / "parts"), RunFolder(toy.folder / "whole")
    for only in (["b"], ["a"], ["high"]):
        sweep_part(parts, toy.context(nodes, store), settings, only)
        assert not (parts.path / "sweep.json").exists()
    pieces = {path: path.stat().st_mtime_ns for path in (parts.path / "sweep").glob("*/*")}
    assert len(pieces) == 3 * 2 * 3
    for run in (parts, whole):
        sweep(run, toy.context(nodes, store), settings)
    assert {path: path.stat().st_mtime_ns for path in pieces} == pieces
    assert (parts.path / "sweep.json").read_bytes() == (whole.path / "sweep.json").read_bytes()
    with locked_groups(parts.path / "sweep", ["a"]), pytest.raises(FileError, match="on group 'a'"):
        sweep_part(parts, toy.context(nodes, store), settings, ["a"])
