"""Pruned graphs: what is removed, that a model stays as it is, with int8, the manifest, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from front_door import refuse
from torch import Tensor, nn
from toy import Toy
from trained_toy import Trained

from redheart_cli.export import _print_pruned
from redheart_core import ActiveNode, BuildContext, DataError, PluginError, SettingsError
from redheart_core.data.store import Store
from redheart_core.models.assembly import assemble
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import Model, load_model
from redheart_core.nn.feed_forward import FeedForward, HasFeedForward, feed_forward_blocks
from redheart_core.nn.layers import Residual
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_export.activations import count_activations
from redheart_export.graph import Graph
from redheart_export.inputs import inputs_of_training, inputs_of_validation
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST, ExportManifest, GraphFile
from redheart_export.opening import exported_engine
from redheart_export.pruning import Pruning, prune_graphs
from redheart_export.writing import export_model

CPU = torch.device("cpu")
HIDDEN = 64
pytest.importorskip("onnxscript", reason="needs redheart[export]")


class _Blocks(nn.Module):
    """Chunks through two feed-forward blocks, and a value of their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Residual(16, HIDDEN, 0.1), Residual(16, HIDDEN, 0.1))
        self.last = nn.Linear(16, 1)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = inputs["mask"].unsqueeze(-1)
        mean = (self.blocks(inputs["embedding"]) * mask).sum(1) / mask.sum(1)
        return {"value": self.last(mean).sigmoid().squeeze(-1)}


class _Normed(HasFeedForward):
    """Says that it is a block, but has a norm of its hidden units."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Linear(16, 8), nn.LayerNorm(8), nn.Linear(8, 16)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.second(self.norm(self.first(x)))
        return result

    def feed_forward(self) -> tuple[FeedForward]:
        return (FeedForward(self, "first", "second"),)


def _of_blocks(node: ActiveNode) -> ActiveNode:
    def build(_: BuildContext) -> nn.Module:
        return _Blocks()

    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=build))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A group with feed-forward blocks, and one above it without; read only."""
    toy = Toy(tmp_path_factory.mktemp("blocks"))
    nodes = [_of_blocks(toy.node("a")), toy.node("high", ("a.value", "embedding"), width=48)]
    run, _ = toy.run("run", nodes, epochs=1)
    return Trained(run, toy.context(nodes, Store.open(toy.folder / "store"), epochs=1))


@pytest.fixture
def model(run: Trained, tmp_path: Path) -> Model:
    assemble(tmp_path / "model", run.run, run.context, find_sweetspot(run.run, ["a", "high"]).chosen("best"))
    return load_model(tmp_path / "model", run.context.nodes, CPU)


def _module(model: Model) -> Any:
    module: Any = model.modules["a"]
    return module.nodes["a"]


def _pruning(run: Trained, model: Model, share: float) -> Pruning:
    return Pruning(share, inputs_of_training(model, run.context), "training records")


def _graphs(model: Model) -> dict[str, Graph]:
    return {name: Graph(module).eval() for name, module in model.modules.items()}


def _answers(run: Trained, model: Model, graph: Graph) -> Tensor:
    with torch.no_grad():
        return torch.cat([graph(one.embedding, one.mask)[0] for one in inputs_of_validation(model, run.context)])


def test_units_that_are_there_twice_or_do_nothing_are_removed_at_no_cost(run: Trained, model: Model) -> None:
    for block in feed_forward_blocks(_module(model)):
        first, second = block.maps()
        with torch.no_grad():
            first.weight[: HIDDEN // 4] = first.weight[HIDDEN // 2 : 3 * HIDDEN // 4]
            first.bias[: HIDDEN // 4] = first.bias[HIDDEN // 2 : 3 * HIDDEN // 4]
            second.weight[:, HIDDEN // 4 : HIDDEN // 2] = 0
    graphs, before = _graphs(model), copy.deepcopy(_module(model).state_dict())
    pruned = prune_graphs(model, graphs, _pruning(run, model, 0.5))
    assert pruned["high"] is graphs["high"]
    sizes = [block.maps()[0].out_features for block in feed_forward_blocks(pruned["a"])]
    assert sizes == [HIDDEN // 2, HIDDEN // 2]
    torch.testing.assert_close(_answers(run, model, pruned["a"]), _answers(run, model, graphs["a"]), rtol=0, atol=1e-5)
    after = _module(model).state_dict()
    assert all(after[name].equal(tensor) for name, tensor in before.items()), "the model that is exported stays"


def test_padding_does_not_count(run: Trained, model: Model) -> None:
    graphs = {"a": _graphs(model)["a"]}
    together = list(inputs_of_training(model, run.context))
    assert any(not bool(one.mask.all()) for one in together)
    found = count_activations(model, graphs, together)["a"]
    chunks = sum(int(one.mask.sum()) for one in together)
    assert [one.rows for one in found] == [chunks, chunks]
    alone = [
        attrs.evolve(
            one,
            embedding=one.embedding[row : row + 1, : int(one.mask[row].sum())],
            mask=one.mask[row : row + 1, : int(one.mask[row].sum())],
            terms=None,
            language=one.language[row : row + 1],
        )
        for one in together
        for row in range(len(one))
    ]
    for one, other in zip(found, count_activations(model, graphs, alone)["a"], strict=True):
        np.testing.assert_allclose(one.mean(), other.mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
def test_a_pruned_model_with_int8_says_what_was_removed_and_what_it_costs(
    run: Trained, model: Model, tmp_path: Path
) -> None:
    inputs, pruning = inputs_of_validation(model, run.context), _pruning(run, model, 0.3)
    export_model(model, tmp_path / "small", inputs, "validation", False, True, run.context, pruning)
    written = EXPORT_MANIFEST.read(tmp_path / "small" / EXPORT_FILE)
    assert (written.pruned, written.pruned_on) == (0.3, "training records")
    assert {name: (one.hidden_units, one.left_units) for name, one in written.graphs.items()} == {
        "a": (2 * HIDDEN, 2 * (HIDDEN - 19)),
        "high": (0, 0),
    }
    graph, cost = written.graphs["a"], written.costs["a"]
    assert graph.precision == "int8 weights"
    assert graph.bytes < graph.float32_bytes
    assert cost.pytorch == model.manifest.groups["a"].validation_loss != cost.exported
    low, high = cost.difference.ends
    assert low <= cost.difference.number <= high
    engine = exported_engine(tmp_path / "small", read_manifest(tmp_path / "small"))
    reopened = load_model(tmp_path / "small", run.context.nodes, CPU, engine=engine)
    expected = _answers(run, model, prune_graphs(model, _graphs(model), _pruning(run, model, 0.3))["a"])
    found = torch.cat([one.answers(reopened)[0]["a.value"] for one in inputs_of_validation(model, run.context)])
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-3)


def test_groups_without_a_block_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    graph = GraphFile("a.onnx", "", 1, {}, "float32", 1, 1, 1, 64, 48, (), ())
    graphs = {"a": graph, "b": attrs.evolve(graph, hidden_units=0, left_units=0)}
    found = ExportManifest("", graphs, {}, {}, 0, {}, 0.25, "training records of run", "nothing", {})
    _print_pruned(found)
    out = capsys.readouterr().out
    assert "pruned: 0.25 of the hidden units" in out
    assert "chosen on training records of run" in out
    assert "nothing to prune, as there is no feed-forward block: b\n" in out


def test_pruning_again_gives_the_same_bits(run: Trained, model: Model) -> None:
    once, again = (prune_graphs(model, _graphs(model), _pruning(run, model, 0.3))["a"].state_dict() for _ in range(2))
    assert once.keys() == again.keys()
    assert all(once[name].equal(tensor) for name, tensor in again.items())


@pytest.mark.parametrize("share", [-0.1, 0.0, 1.0, 1.5, float("nan")])
def test_a_share_that_cannot_be_removed_is_refused(run: Trained, model: Model, share: float) -> None:
    with pytest.raises(SettingsError, match="above 0 and below 1"):
        prune_graphs(model, _graphs(model), _pruning(run, model, share))


def test_the_command_refuses_such_a_share(tmp_path: Path) -> None:
    for share in ("0", "1"):
        refuse("export", "none", "-o", "out", "--prune", share, cwd=tmp_path, says=["0<x<1"], code=2)


def test_too_few_records_to_prune_on_are_refused(run: Trained, model: Model) -> None:
    few = list(inputs_of_training(model, run.context))[:1]
    with pytest.raises(DataError, match=rf"group 'a'.* {HIDDEN} hidden units.*at least {2 * HIDDEN}.*give more"):
        prune_graphs(model, _graphs(model), Pruning(0.5, few, "few"))


def test_a_block_whose_units_depend_on_each_other_is_refused(run: Trained, model: Model) -> None:
    _module(model).blocks.append(_Normed())
    with pytest.raises(PluginError, match=r"group 'a': _Normed declares 'first' and 'second'.*depends on other units"):
        prune_graphs(model, _graphs(model), _pruning(run, model, 0.5))


def test_maps_that_are_none_are_refused() -> None:
    module = _Normed()
    with pytest.raises(PluginError, match=r"'norm' as a linear map .* it is a LayerNorm"):
        FeedForward(module, "first", "norm").maps()
    with pytest.raises(PluginError, match="gives 8 units, and 'first', which reads 16"):
        FeedForward(module, "first", "first").maps()
