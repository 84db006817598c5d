"""An exported model answers as PyTorch does, on batches of any size, alone and as an ensemble."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import torch
from exported_toy import NAMES, assembled, export, exported_once
from torch import Tensor, nn
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import Model, load_model
from redheart_export import sharing
from redheart_export.engine import OnnxGroup
from redheart_export.inputs import ModelInputs
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST
from redheart_export.opening import exported_engine
from redheart_export.writing import export_model

__all__ = ["exported_once"]

CPU = torch.device("cpu")
pytest.importorskip("onnxscript", reason="needs redheart[export]")


def _reopened(trained: Trained, folder: Path) -> Model:
    engine = exported_engine(folder, read_manifest(folder))
    return load_model(folder, trained.context.nodes, CPU, engine=engine)


def _inputs(*sizes: tuple[int, int]) -> Iterator[ModelInputs]:
    torch.manual_seed(0)
    for texts, chunks in sizes:
        mask = torch.ones(texts, chunks, dtype=torch.bool)
        mask[0, 1:] = False
        yield ModelInputs(torch.randn(texts, chunks, 16), mask, {}, None, {}, torch.zeros(texts, dtype=torch.int64))


@pytest.mark.slow
def test_answers_are_those_of_pytorch_on_batches_of_any_size(
    trained: Trained, exported_once: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported_once, tmp_path, ignore=shutil.ignore_patterns("trained"), dirs_exist_ok=True)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    exported = _reopened(trained, tmp_path / "onnx")
    assert all(isinstance(module, OnnxGroup) for module in exported.modules.values())
    assert exported.modules.keys() == set(NAMES)
    for one in _inputs((1, 1), (7, 3), (2, 5)):
        (answers, _), (others, spreads) = one.answers(model), one.answers(exported)
        torch.testing.assert_close(others, answers, rtol=1e-5, atol=1e-6)
        assert spreads == {}
    assert {name: module.objectives.keys() for name, module in exported.modules.items()} == {
        name: module.objectives.keys() for name, module in model.modules.items()
    }
    written = EXPORT_MANIFEST.read(tmp_path / "onnx" / EXPORT_FILE)
    assert written.texts == len(trained.context.store.rows("validation"))
    assert {name.partition(".")[0] for name in written.differences} == set(NAMES)
    assert all(0 <= one.mean <= one.maximum < 1e-5 and one.numbers for one in written.differences.values())
    assert {path.suffix for path in (tmp_path / "onnx" / "groups").iterdir()} == {".onnx"}
    assert read_manifest(tmp_path / "onnx").run == ""


@pytest.mark.slow
def test_an_ensemble_is_one_graph_with_its_mean_and_spread(trained: Trained, tmp_path: Path) -> None:
    model = assembled(trained, tmp_path / "model")
    alone = model.modules["a"]
    assert isinstance(alone, GroupModule)
    first = alone.parameter_dict()
    second = {name: tensor + 0.1 for name, tensor in first.items()}
    model = attrs.evolve(model, modules={**model.modules, "a": Ensemble(alone, [first, second]).eval()})
    export(trained, model, tmp_path / "onnx")
    exported = _reopened(trained, tmp_path / "onnx")
    assert isinstance(exported.modules["a"], OnnxGroup)
    assert exported.modules["a"].graph.members == 2
    for one in _inputs((1, 1), (4, 2)):
        (answers, spreads), (others, other_spreads) = one.answers(model), one.answers(exported)
        torch.testing.assert_close(others, answers, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(other_spreads, spreads, rtol=1e-4, atol=1e-6)
        assert any(bool((tensor > 0).any()) for tensor in other_spreads.values())


class _OfThreeTexts(nn.Module):
    """Has the number of texts that it is traced with in its graph."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        given: dict[str, Tensor] = self.inner(inputs)
        return {name: tensor + (0.5 if int(inputs["mask"].shape[0]) == 3 else 0.0) for name, tensor in given.items()}


class _WithTable(nn.Module):
    """Adds a product with a constant."""

    def __init__(self, inner: nn.Module, table: Tensor) -> None:
        super().__init__()
        self.inner, self.table = inner, nn.Buffer(table)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        given: dict[str, Tensor] = self.inner(inputs)
        added = (inputs["embedding"] @ self.table).sum((1, 2)) * 1e-4
        return {name: tensor + added.view(-1, *[1] * (tensor.dim() - 1)) for name, tensor in given.items()}


@pytest.mark.slow
def test_a_group_without_a_graph_is_named_or_stays_on_pytorch(trained: Trained, tmp_path: Path) -> None:
    model = assembled(trained, tmp_path / "model")
    module = model.modules["b"]
    assert isinstance(module, GroupModule)
    kept = module.nodes["b"]
    module.nodes["b"] = _OfThreeTexts(kept)
    inputs = list(_inputs((4, 2)))
    with pytest.raises(CheckpointError, match=r"(?s)--allow-partial.*\bb: ") as caught:
        export_model(model, tmp_path / "onnx", inputs, "made up")
    assert " a: " not in str(caught.value)
    assert not (tmp_path / "onnx").exists()
    written = export_model(model, tmp_path / "onnx", inputs, "made up", allow_partial=True)
    assert written.kept.keys() == {"b"}
    assert {path.name for path in (tmp_path / "onnx" / "groups").iterdir()} == {
        "a.onnx", "high.onnx", "b.safetensors",
    }  # fmt: skip
    module.nodes["b"] = kept
    exported = _reopened(trained, tmp_path / "onnx")
    assert isinstance(exported.modules["b"], GroupModule)
    torch.testing.assert_close(inputs[0].answers(exported), inputs[0].answers(model), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_what_is_damaged_or_does_not_fit_is_refused(trained: Trained, exported_once: Path, tmp_path: Path) -> None:
    shutil.copytree(exported_once, tmp_path, ignore=shutil.ignore_patterns("trained"), dirs_exist_ok=True)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    folder = tmp_path / "onnx"
    with pytest.raises(CheckpointError, match="--texts"):
        export_model(model, tmp_path / "nothing", [], "nothing")
    with pytest.raises(CheckpointError, match="exists"):
        export(trained, model, folder)
    with pytest.raises(CheckpointError, match="exported already"):
        export(trained, _reopened(trained, folder), tmp_path / "again")
    with pytest.raises(CheckpointError, match="computes on the CPU"):
        load_model(folder, trained.context.nodes, torch.device("meta"), engine=exported_engine(folder, model.manifest))
    graph = folder / "groups" / "a.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckpointError, match=r"a\.onnx"):
        _reopened(trained, folder)
    (folder / "manifest.json").write_bytes((tmp_path / "model" / "manifest.json").read_bytes())
    with pytest.raises(CheckpointError, match=r"export\.json belongs to another manifest\.json"):
        _reopened(trained, folder)
    assert exported_engine(tmp_path / "model", model.manifest) is None


@pytest.mark.slow
def test_a_constant_of_several_graphs_is_in_one_file_that_is_verified(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = assembled(trained, tmp_path / "model")
    for name in ("a", "b"):
        module = model.modules[name]
        assert isinstance(module, GroupModule)
        table = torch.arange(4.0 * 16).view(16, 4)  # the same in both groups
        module.nodes[name] = _WithTable(module.nodes[name], table)
    monkeypatch.setattr(sharing, "LEAST", 256)
    folder = tmp_path / "onnx"
    inputs = list(_inputs((4, 2)))
    written = export_model(model, folder, inputs, "made up")
    (file,) = written.graphs["a"].shared
    assert written.graphs["a"].shared == written.graphs["b"].shared
    assert written.graphs["high"].shared == {}
    assert (folder / file).stat().st_size == 256
    for found in written.differences.values():
        assert found.maximum < 1e-4
    exported = exported_engine(folder, read_manifest(folder))
    assert exported is not None
    assert file in exported.files
    (folder / file).write_bytes(bytes(256))
    with pytest.raises(CheckpointError, match="shared-"):
        _reopened(trained, folder)
