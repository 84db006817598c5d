"""What computes the groups of a model is chosen by whoever opens it; all else stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import attrs
import pytest
import torch
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering, GroupModule, Surroundings
from redheart_core.models.assembly import assemble
from redheart_core.models.engine import TorchEngine
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import load_model
from redheart_core.selection.sweetspot import find_sweetspot

CPU = torch.device("cpu")


@attrs.frozen
class _Zeroed:
    """PyTorch with every parameter of one group at zero, and files of its own."""

    real: TorchEngine
    group: str
    files: Mapping[str, str]

    def read_files(self, group: str) -> Collection[str]:
        return self.real.read_files(group)

    def open_group(self, group: Group, surroundings: Surroundings, device: torch.device) -> Answering:
        module = self.real.open_group(group, surroundings, device)
        if group.name == self.group:
            assert isinstance(module, GroupModule)
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.zero_()
        return module


def _assembled(trained: Trained, folder: Path) -> Path:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(folder, trained.run, trained.context, chosen)
    return folder


def test_a_model_answers_with_the_engine_that_it_is_given(trained: Trained, tmp_path: Path) -> None:
    folder = _assembled(trained, tmp_path / "model")
    engine = TorchEngine(folder, read_manifest(folder))
    torch.manual_seed(0)
    given = torch.randn(3, 2, 16), torch.ones(3, 2, dtype=torch.bool)
    usual = load_model(folder, trained.context.nodes, CPU).predict(*given, {})
    same = load_model(folder, trained.context.nodes, CPU, engine=engine).predict(*given, {})
    other = load_model(folder, trained.context.nodes, CPU, engine=_Zeroed(engine, "b", engine.files))
    assert all(same[name].equal(tensor) for name, tensor in usual.items())
    found = other.predict(*given, {})
    assert found["b.value"].equal(torch.full_like(found["b.value"], 0.5))
    assert found["a.value"].equal(usual["a.value"])


def test_files_of_an_engine_are_verified_in_place_of_the_weights(trained: Trained, tmp_path: Path) -> None:
    folder = _assembled(trained, tmp_path / "model")
    engine = TorchEngine(folder, read_manifest(folder))
    wrong = _Zeroed(engine, "b", {**engine.files, "groups/b.onnx": "0" * 64})
    with pytest.raises(CheckpointError, match=r"b\.onnx"):
        load_model(folder, trained.context.nodes, CPU, engine=wrong)


def test_loading_one_group_touches_the_file_of_that_group_alone(trained: Trained, tmp_path: Path) -> None:
    folder = _assembled(trained, tmp_path / "model")
    manifest, groups = read_manifest(folder), {group.name: group for group in trained.context.groups}
    before = load_model(folder, trained.context.nodes, CPU).modules["b"]
    opened, listens = list[str](), [True]

    def listen(event: str, values: tuple[object, ...]) -> None:
        if listens[0] and event == "open":
            opened.append(str(values[0]))

    sys.addaudithook(listen)  # for good
    for name, group in manifest.groups.items():
        for file in group.files if name != "b" else ():
            (folder / file.file).unlink()  # a library that opens files without Python would miss them
    opened.clear()
    module = TorchEngine(folder, manifest).open_group(groups["b"], trained.context.surroundings, CPU)
    listens[0] = False
    assert {Path(name).name for name in opened if name.startswith(str(folder))} == {"b.safetensors"}
    assert isinstance(module, GroupModule)
    assert isinstance(before, GroupModule)
    found, whole = module.parameter_dict(), before.parameter_dict()
    assert found.keys() == whole.keys()
    assert all(found[name].equal(tensor) for name, tensor in whole.items())
