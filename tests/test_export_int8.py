"""int8 graphs: which are kept, how far they are from PyTorch, and what they cost on the run's validation records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor
from toy import Toy
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.groups.group_module import Answering
from redheart_core.groups.validation import evaluate
from redheart_core.models.assembly import assemble
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_export.comparing import compare_models
from redheart_export.inputs import inputs_of_validation
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST
from redheart_export.opening import exported_engine
from redheart_export.quality import quality_costs
from redheart_export.quantizing import quantize_graph
from redheart_export.session import open_session, run_session
from redheart_export.writing import export_model

CPU = torch.device("cpu")
pytest.importorskip("onnxscript", reason="needs redheart[export]")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Three groups that are wide enough for int8 graphs to be smaller; read only."""
    toy = Toy(tmp_path_factory.mktemp("wide"))
    reads = {"a": ("embedding",), "b": ("embedding",), "high": ("a.value", "embedding")}
    targets = {"a": "regret", "b": "choice_factors", "high": "regret"}
    nodes = [toy.node(name, reads[name], targets[name], width=512) for name in reads]
    run, _ = toy.run("run", nodes, epochs=2)
    return Trained(run, toy.context(nodes, Store.open(toy.folder / "store"), epochs=2))


@pytest.fixture(scope="module")
def model(wide: Trained, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return _assembled(wide, tmp_path_factory.mktemp("assembled") / "model")


@pytest.fixture(scope="module")
def int8(wide: Trained, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with int8 graphs, measured on validation records; read only."""
    folder = tmp_path_factory.mktemp("exported") / "int8"
    inputs = inputs_of_validation(model, wide.context)
    export_model(model, folder, inputs, "validation", int8=True, context=wide.context)
    return folder


def _assembled(trained: Trained, folder: Path) -> Model:
    assemble(folder, trained.run, trained.context, find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best"))
    return load_model(folder, trained.context.nodes, CPU)


def _graph(file: Path, *sizes: int) -> np.ndarray[Any, Any]:
    """Writes a graph that multiplies its input x with weights of some sizes; returns the weights."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(0).normal(size=sizes).astype(np.float32)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [*sizes[:-2], "B", sizes[-2]])
    found = helper.make_tensor_value_info("y", TensorProto.FLOAT, [*sizes[:-2], "B", sizes[-1]])
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    graph = helper.make_graph([node], "graph", [given], [found], [numpy_helper.from_array(weights, "w")])
    opset = [helper.make_opsetid("", 18)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=10), file)
    return weights


def _answers(file: Path, **given: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: list[np.ndarray[Any, Any]] = run_session(open_session(file, threads=1), ["y"], given)
    return found[0]


def test_only_a_graph_that_gets_smaller_is_replaced(tmp_path: Path) -> None:
    large, small, stacked = (tmp_path / f"{name}.onnx" for name in ("large", "small", "stacked"))
    sizes = {large: (512, 256), small: (2, 2), stacked: (3, 64, 64)}
    weights = {file: _graph(file, *some) for file, some in sizes.items()}
    before = {file: file.read_bytes() for file in sizes}
    assert [quantize_graph(file) for file in sizes] == ["int8 products", "float32", "int8 weights"]
    assert small.read_bytes() == before[small]
    assert {file.name for file in tmp_path.iterdir()} == {"large.onnx", "small.onnx", "stacked.onnx"}
    for file in (large, stacked):
        assert file.stat().st_size < len(before[file]) / 3.5
        x = np.random.default_rng(1).normal(size=(*sizes[file][:-2], 5, sizes[file][-2])).astype(np.float32)
        y, expected = _answers(file, x=x), x @ weights[file]
        assert 0 < np.abs(y - expected).max() < 0.03 * np.abs(expected).max()


def test_each_channel_has_a_step_of_its_own_and_no_number_is_further_off_than_half(tmp_path: Path) -> None:
    file = tmp_path / "stacked.onnx"
    weights = _graph(file, 2, 32, 16)
    scale = (10.0 ** np.arange(-8, 8)).astype(np.float32)
    _change_weights(file, weights * scale)
    assert quantize_graph(file) == "int8 weights"
    found = _answers(file, x=np.broadcast_to(np.eye(32, dtype=np.float32), (2, 32, 32)))
    step = np.abs(weights * scale).max(axis=1, keepdims=True) / 127
    assert bool((np.abs(found - weights * scale) <= 0.501 * step).all())


@pytest.mark.parametrize("rows", [256, 300])
def test_each_block_of_a_long_channel_has_a_step_of_its_own(tmp_path: Path, rows: int) -> None:
    file = tmp_path / "long.onnx"
    weights = _graph(file, rows, 4)
    weights[0] = 100.0
    weights[200:, 1] = 0.0
    _change_weights(file, weights)
    assert quantize_graph(file) == "int8 weights"
    found = _answers(file, x=np.eye(rows, dtype=np.float32))
    assert found.shape == weights.shape
    for start in range(0, rows, 128):
        part = weights[start : start + 128]
        step = np.abs(part).max(axis=0) / 127
        assert bool((np.abs(found[start : start + 128] - part) <= 0.501 * step).all())
    opened = tmp_path / "opened.onnx"
    _optimized(file, opened)
    assert _operators(opened) == ["MatMul"]


def test_rows_of_a_table_are_int8_in_the_graph_that_is_computed(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    file, table = tmp_path / "table.onnx", np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    table[7] = 0.0
    given = helper.make_tensor_value_info("x", TensorProto.INT64, ["B"])
    found = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 8])
    node = helper.make_node("Gather", ["w", "x"], ["y"], name="rows")
    graph = helper.make_graph([node], "graph", [given], [found], [numpy_helper.from_array(table, "w")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    assert quantize_graph(file) == "int8 weights"
    rows = np.array([0, 7, 299, 7])
    step = np.abs(table[rows]).max(axis=1, keepdims=True) / 127
    assert bool((np.abs(_answers(file, x=rows) - table[rows]) <= 0.501 * step).all())
    opened = tmp_path / "opened.onnx"
    _optimized(file, opened)
    assert opened.stat().st_size < table.nbytes


def _change_weights(file: Path, weights: np.ndarray[Any, Any]) -> None:
    from onnx import load, numpy_helper, save

    model = load(file)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w"))
    save(model, file)


def _operators(file: Path) -> list[str]:
    from onnx import load

    return [node.op_type for node in load(file).graph.node]


def _optimized(file: Path, output: Path) -> None:
    """Writes the graph that ONNX Runtime makes of a file when it opens it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(output), 4
    onnxruntime.InferenceSession(str(file), options)


@pytest.mark.slow
def test_the_cost_on_validation_is_that_of_the_models_own_losses(wide: Trained, model: Model, int8: Path) -> None:
    folder, context = int8, wide.context
    written = EXPORT_MANIFEST.read(folder / EXPORT_FILE)
    assert any(one.precision != "float32" for one in written.graphs.values())
    for one in written.graphs.values():
        assert one.bytes == (folder / one.file).stat().st_size
        assert (one.bytes < one.float32_bytes) == (one.precision != "float32")
        assert one.precision != "float32" or one.bytes == one.float32_bytes
    recorded = {name: group.validation_loss for name, group in model.manifest.groups.items()}
    assert {name: one.pytorch for name, one in written.costs.items()} == recorded
    assert any(one.exported != one.pytorch for one in written.costs.values())
    for cost in written.costs.values():
        low, high = cost.difference.ends
        assert low <= cost.difference.number <= high
        assert cost.difference.number == pytest.approx(cost.exported - cost.pytorch, abs=1e-9)
    metrics = {one.metric for cost in written.costs.values() for one in cost.points}
    assert metrics == {"a.explained_variance", "b.explained_variance", "high.explained_variance"}
    for name, cost in written.costs.items():
        (points,) = cost.points
        result = evaluate(model.modules[name], context.source, context.store.rows("validation"))
        value = result.metrics[points.metric]
        assert value is not None
        assert name == "high" or points.pytorch == pytest.approx(100 * value)  # it reads what was last computed
        assert points.difference.number == pytest.approx(points.exported - points.pytorch)
    engine = exported_engine(folder, read_manifest(folder))
    reopened = load_model(folder, context.nodes, CPU, engine=engine)
    assert quality_costs(model, reopened, context) == written.costs
    none = quality_costs(model, model, context)
    assert {(one.difference.value, one.difference.low, one.difference.high) for one in none.values()} == {(0, 0, 0)}


@pytest.mark.slow
def test_without_int8_nothing_is_quantized_and_without_a_run_no_cost_is_measured(
    wide: Trained, model: Model, tmp_path: Path
) -> None:
    inputs = list(inputs_of_validation(model, wide.context))
    plain = export_model(model, tmp_path / "plain", inputs, "made up", context=wide.context)
    assert plain.costs == {}
    assert all(one.precision == "float32" and one.bytes == one.float32_bytes for one in plain.graphs.values())
    on_texts = export_model(model, tmp_path / "texts", inputs, "made up", int8=True)
    assert on_texts.costs == {}
    assert on_texts.differences.keys() == plain.differences.keys()
    largest = [max(one.maximum for one in found.differences.values()) for found in (plain, on_texts)]
    assert largest[0] < 1e-5 < largest[1]


@pytest.mark.slow
def test_an_answer_does_not_depend_on_the_records_beside_it(wide: Trained, int8: Path) -> None:
    engine = exported_engine(int8, read_manifest(int8))
    exported = load_model(int8, wide.context.nodes, CPU, engine=engine)
    embedding, mask = torch.randn(7, 2, 16, generator=torch.Generator().manual_seed(0)), torch.ones(7, 2).bool()
    together = exported.predict(embedding * torch.arange(1, 8).view(-1, 1, 1), mask, {})
    for row in range(7):
        alone = exported.predict(embedding[row : row + 1] * (row + 1), mask[:1], {})
        torch.testing.assert_close(
            {name: one[row] for name, one in together.items()},
            {name: one[0] for name, one in alone.items()},
            rtol=1e-5,
            atol=1e-6,
        )


@attrs.frozen(eq=False)
class _WithHoles:
    """A group whose first number of each output is missing."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, batch: Batch, compare: bool = False) -> dict[str, Tensor]:
        return self.with_disagreement(batch, compare)[0]

    def with_disagreement(self, batch: Batch, compare: bool = False) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        answers, spreads = self.inner.with_disagreement(batch, compare)
        for tensor in answers.values():
            tensor.view(-1)[0] = torch.nan
        return answers, spreads


def test_numbers_that_are_missing_in_one_engine_alone_are_refused(trained: Trained, tmp_path: Path) -> None:
    model = _assembled(trained, tmp_path / "model")
    holes: Answering = _WithHoles(model.modules["b"])
    other = attrs.evolve(model, modules={**model.modules, "b": holes})
    with pytest.raises(CheckpointError, match=r"'b\..*missing \(NaN\)"):
        compare_models(model, other, inputs_of_validation(model, trained.context))
