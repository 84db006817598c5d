"""Features of another group beside the embedding: what a node gets, that islands hold, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from toy import Toy

from redheart_core import ActiveNode, CheckpointError, Output, PluginError
from redheart_core.config.tables import GroupSettings
from redheart_core.groups.graph import plan_groups
from redheart_core.models.assembly import assemble
from redheart_core.models.model import load_model
from redheart_core.nn.chunks import beside_chunks
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups

FilesOf = Callable[[RunFolder, str], dict[str, str]]
CPU = torch.device("cpu")


class WithState(nn.Module):
    """A node that gives its mean vector as features too."""

    def __init__(self, node: nn.Module) -> None:
        super().__init__()
        self.node = node

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        mask = inputs["mask"].unsqueeze(-1)
        state = (inputs["embedding"] * mask).sum(1) / mask.sum(1)
        return {**self.node(dict(inputs)), "state": 3 * state}


def source(toy: Toy, name: str = "source") -> ActiveNode:
    node = toy.node(name, target="choice_factors")
    state = Output("state", "The mean vector.", "features", (16,))
    build = node.spec.build
    spec = attrs.evolve(node.spec, gives=(*node.spec.gives, state), build=lambda context: WithState(build(context)))
    return attrs.evolve(node, spec=spec)


def reader(toy: Toy, *names: str, **more: Any) -> ActiveNode:
    return attrs.evolve(toy.node("reader", **more), beside=names or ("source.state",))


def test_the_features_stand_at_length_one_beside_every_chunk() -> None:
    chunks, state = torch.rand(2, 3, 4), torch.rand(2, 5)
    given = beside_chunks(chunks, [state, torch.zeros(2, 1)])
    assert given.shape == (2, 3, 10)
    assert torch.equal(given[..., :4], chunks)
    for chunk in range(3):
        torch.testing.assert_close(given[:, chunk, 4:9], state / state.norm(dim=1, keepdim=True))
    assert not given[..., 9].any()


def test_a_node_gets_a_wider_embedding_and_answers_by_it(toy: Toy) -> None:
    context = toy.context([source(toy), reader(toy)])
    below, group = context.groups
    assert (below.name, group.name, group.tier, group.external) == ("source", "reader", 1, ("source.state",))
    module = context.module(group)
    assert module.parameter_dict()["reader.hidden.weight"].shape[1] == 32
    batch = context.source.batch(context.store.rows("validation"))
    known = {**batch.inputs, "source.state": torch.rand(batch.size, 16, requires_grad=True)}
    one = module.eval()(attrs.evolve(batch, inputs=known))["reader.value"]
    other = module(attrs.evolve(batch, inputs={**known, "source.state": torch.rand(batch.size, 16)}))["reader.value"]
    assert not torch.equal(one, other)
    one.sum().backward()
    assert known["source.state"].grad is None


def test_islands_hold(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    alone, _ = toy.run("alone", [source(toy)], store)
    both, stopped = toy.run("both", [source(toy), reader(toy)], store)
    assert stopped == {}
    assert files_of(alone, "source") == files_of(both, "source")
    without, _ = toy.run("without", [source(toy), attrs.evolve(reader(toy), beside=())], store)
    assert files_of(without, "source") == files_of(both, "source")
    assert files_of(without, "reader") != files_of(both, "reader")


def test_a_model_is_assembled_with_it_and_keeps_it(toy: Toy) -> None:
    store, nodes = toy.store(), [source(toy), reader(toy)]
    run, _ = toy.run("run", nodes, store)
    context = toy.context(nodes, store)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    model = load_model(toy.folder / "model", nodes, CPU)
    assert model.manifest.nodes["reader"].beside == ("source.state",)
    with pytest.raises(CheckpointError, match=r"beside was \('source.state',\), is \(\)"):
        load_model(toy.folder / "model", [nodes[0], toy.node("reader")], CPU)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("absent.state",), "'absent.state' is of a plugin that is not active; --enable absent"),
        (("embedding",), "'embedding' is of a plugin that is not active"),
        (("source.value",), r"'source.value' is no output of features of a whole text \(there is: source.state\)"),
        (("near.state",), "'near.state' is of its own group 'reader'; features come from another group"),
    ],
)
def test_other_names_are_refused(toy: Toy, names: tuple[str, ...], expected: str) -> None:
    near = attrs.evolve(source(toy, "near"), group="reader")
    with pytest.raises(PluginError, match=r"\[plugins.reader\] beside: " + expected):
        plan_groups([source(toy), near, reader(toy, *names)])


def test_who_reads_no_embedding_or_is_fitted_is_refused(toy: Toy) -> None:
    blind = reader(toy, reads=("source.value",))
    with pytest.raises(PluginError, match="only a plugin that reads the embedding and descends its losses has it"):
        plan_groups([source(toy), blind])


def test_features_that_are_absent_for_some_languages_are_not_read_for_others(toy: Toy) -> None:
    with pytest.raises(PluginError, match=r"reads source.state, which is answered for texts in en alone; write lang"):
        plan_groups([source(toy), reader(toy)], {"source": GroupSettings(languages=("en",))})
    groups = plan_groups(
        [source(toy), reader(toy)], {name: GroupSettings(languages=("en",)) for name in ("source", "reader")}
    )
    assert groups[1].nodes[0].absent == ()
