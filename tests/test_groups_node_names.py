"""A plugin may be named as an attribute of the module that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from residual_toy import ResidualToy
from toy import Toy

from redheart_core.groups.group_module import module_name, stored_name
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups

NAMES = ("keys", "pop", "training", "forward", "plain")


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_name_the_plugin_as_the_user_does(toy: Toy, name: str) -> None:
    context = toy.context([toy.node(name)])
    trainer = context.trainer(context.groups[0])
    names = list(trainer.module.parameter_dict())
    assert names == [f"{name}.{part}.{kind}" for part in ("hidden", "last") for kind in ("weight", "bias")]
    assert [stored_name(module_name(one)) for one in names] == names
    assert {account.plugin for account in context.audit(trainer)} == {name}


def test_such_plugins_are_trained_assembled_and_answer(toy: Toy, tmp_path: Path) -> None:
    residual = ResidualToy(toy)
    nodes = [residual.line("regret"), residual.deep("pop", "regret"), toy.node("keys", reads=("pop.regret",))]
    store = toy.store()
    run, stopped = toy.run("run", nodes, store, epochs=2, learning_rate=3e-2)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=2, learning_rate=3e-2)
    assemble(tmp_path / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    model = load_model(tmp_path / "model", context.nodes, torch.device("cpu"))
    assert {check.group for check in check_exactness(model, context)} == {"line", "pop", "keys"}
    assert any(name.startswith("pop.gate/") for name in run.group("pop").weights(run.group("pop").read().best))
