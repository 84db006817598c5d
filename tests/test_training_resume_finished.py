"""A finished run that is resumed asks no group for what nobody will read."""

from __future__ import annotations

import pytest
from test_groups_gathering import answering, named_output
from toy import Toy, group_files

from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.groups.group_module import GroupModule
from redheart_core.testing import activate, load_installed


def test_a_finished_fusion_reads_nothing_more(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [named_output(answering(toy, "first")), activate(load_installed("linear"))]
    nodes.append(activate(load_installed("stacking_fusion")))
    run, stopped = toy.run("run", nodes, toy.store(toy.records(200)), epochs=1)
    assert stopped == {}
    names = ("first", "linear", "stacking_fusion")
    before, store = [group_files(run, name) for name in names], Store.open(toy.folder / "store")
    calls: list[str] = []
    forward = GroupModule.forward

    def counting(module: GroupModule, batch: Batch, compare: bool = False) -> object:
        if not module.training:  # the audit asks in training mode
            calls.append(module.group.name)
        return forward(module, batch, compare)

    monkeypatch.setattr(GroupModule, "forward", counting)
    toy.run("run", nodes, store, epochs=1)
    assert set(calls) == {"linear"}  # which the audit of the network above it reads
    assert [group_files(run, name) for name in names] == before

    (run.group("stacking_fusion").manifest_file).unlink()
    toy.run("run", nodes, store, epochs=1)
    assert {"first", "linear"} < set(calls)
    assert [group_files(run, name) for name in names] == before
