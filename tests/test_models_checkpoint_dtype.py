"""Models of a run whose epochs are stored in bfloat16: the files of the run, float32 modules, the recorded numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toy import Toy
from trained_toy import Trained

from redheart_core import ActiveNode
from redheart_core.config.tables import GroupSettings
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.assembly import assemble
from redheart_core.models.blending import blend_groups
from redheart_core.models.exactness import check_exactness
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import load_model
from redheart_core.models.packing import pack_model
from redheart_core.models.starting import starts
from redheart_core.models.verifying import verify_model, verify_run
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.storage.files import load_tensors, sha256
from redheart_export.opening import exported_files

CPU = torch.device("cpu")
AVERAGE = {"a": GroupSettings(ema=0.8)}


def nodes(toy: Toy) -> list[ActiveNode]:
    return [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value", "embedding"))]


@pytest.fixture
def half(toy: Toy) -> Trained:
    """Three groups, one above another, whose epochs are in bfloat16."""
    store, more = toy.store(), dict[str, Any](epochs=8, learning_rate=3e-2, checkpoint_dtype="bfloat16")
    run, stopped = toy.run("run", nodes(toy), store, groups=AVERAGE, **more)
    assert not stopped
    return Trained(run, toy.context(nodes(toy), store, AVERAGE, **more))


def test_a_model_holds_the_files_of_its_run_and_float32_modules_of_their_numbers(half: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(half.run, trained_groups(half.run)).chosen("best")
    assemble(tmp_path / "model", half.run, half.context, chosen)
    pack_model(tmp_path / "model", tmp_path / "packed")
    for folder in (tmp_path / "model", tmp_path / "packed"):
        model = load_model(folder, half.context.nodes, CPU)
        for name, entry in chosen.items():
            file = folder / "groups" / f"{name}.safetensors"
            assert sha256(file) == entry.sha256 == model.manifest.groups[name].files[0].sha256
            stored, module = load_tensors(file, entry.sha256), model.modules[name]
            assert isinstance(module, GroupModule)
            assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
            for key, tensor in module.parameter_dict().items():
                assert tensor.dtype == torch.float32
                assert torch.equal(tensor, stored[key].float())
        assert all(check.equal for check in check_exactness(model, half.context))
    assert verify_run(half.run.path, exported_files).damaged == []
    assert verify_model(tmp_path / "model", exported_files).damaged == []


@pytest.mark.parametrize("method", ["neighbour average", "top ensemble"])
def test_a_blend_is_of_the_stored_numbers_and_float32(half: Trained, tmp_path: Path, method: str) -> None:
    chosen, blends = blend_groups(half.run, half.context, method)
    assert blends
    assemble(tmp_path / "model", half.run, half.context, chosen, blends)
    model = load_model(tmp_path / "model", half.context.nodes, CPU)
    assert all(check.equal for check in check_exactness(model, half.context))
    for name in blends:
        for one in read_manifest(tmp_path / "model").groups[name].files:
            tensors = load_tensors(tmp_path / "model" / one.file, one.sha256)
            assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_members_of_an_ensemble_compute_in_float32(half: Trained) -> None:
    pool = half.pool("a")
    built = pool.build(Pick.together("two", pool.ranked[:2]))
    assert isinstance(built, Ensemble)
    assert {tensor.dtype for member in built.members for tensor in member.values()} == {torch.float32}


def test_answers_that_are_known_from_a_comparison_are_those_of_the_model(half: Trained, tmp_path: Path) -> None:
    """The same epoch has the same digest wherever it is read, so that nothing is asked twice."""
    chosen = find_sweetspot(half.run, trained_groups(half.run)).chosen("best")
    assemble(tmp_path / "model", half.run, half.context, chosen)
    model = load_model(tmp_path / "model", half.context.nodes, CPU)
    for name, entry in chosen.items():
        built = half.pool(name).build(Pick.single("best", entry))
        assert tuple(built.digests) == tuple(model.modules[name].digests) == (entry.sha256,)


def test_groups_begin_at_the_numbers_of_the_model(half: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(half.run, trained_groups(half.run)).chosen("best")
    assemble(tmp_path / "model", half.run, half.context, chosen)
    found = list(starts(half.context, tmp_path / "model", read_manifest(tmp_path / "model")))
    assert {one.group: one.why for one in found} == {"a": "", "b": "", "high": ""}
    for one, group in zip(found, half.context.groups, strict=True):
        module = half.context.module(group)
        module.load(one.weights)
        expected = half.run.group(one.group).weights(chosen[one.group])
        assert all(torch.equal(tensor, expected[name].float()) for name, tensor in module.parameter_dict().items())
