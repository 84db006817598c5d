"""What an assembly reads, draws and hashes: each file once, and nothing that it knows already."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from toy import Toy
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.assembly import Assembled, assemble
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.storage.files import hash_tensors

CPU = torch.device("cpu")


def made(trained: Trained, folder: Path, **options: Any) -> Assembled:
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    return assemble(folder, trained.run, trained.context, chosen, **options)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each file is opened, to hash it or to read it, by its inode."""
    found, real = Counter[int](), Path.open

    def counting(path: Path, mode: str = "r", *given: Any, **named: Any) -> Any:
        file = real(path, mode, *given, **named)
        found[os.fstat(file.fileno()).st_ino] += mode == "rb"
        return file

    monkeypatch.setattr(Path, "open", counting)
    return found


def weight_files(folder: Path) -> list[int]:
    return [path.stat().st_ino for path in sorted((folder / "groups").iterdir())]


def test_weights_are_read_once_when_a_model_is_assembled_and_once_when_it_is_loaded(
    trained: Trained, tmp_path: Path, opened: Counter[int]
) -> None:
    made(trained, tmp_path / "model")
    files = weight_files(tmp_path / "model")
    assert [opened[inode] for inode in files] == [1, 1, 1]
    opened.clear()
    load_model(tmp_path / "model", trained.context.nodes, CPU)
    assert [opened[inode] for inode in files] == [1, 1, 1]


def test_weights_that_were_read_from_a_file_are_not_hashed_in_memory(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = list[int]()

    def counting(tensors: Any) -> str:
        hashed.append(len(tensors))
        return hash_tensors(tensors)

    monkeypatch.setattr("redheart_core.groups.weights_digest.hash_tensors", counting)
    made(trained, tmp_path / "model")
    assert hashed  # of honest answers, of which there are none
    assert not any(hashed)


def test_the_digest_of_weights_is_that_of_their_file_until_they_are_written(trained: Trained) -> None:
    group = trained.context.groups[0]
    module, entry = trained.context.module(group), trained.run.group(group.name).read().best
    weights = trained.run.group(group.name).weights(entry)
    assert module.digests != (entry.sha256,)
    module.load(weights)
    assert module.digests == (entry.sha256,)
    module.load(weights, entry.sha256)
    assert module.digests == (entry.sha256,)
    with torch.no_grad():
        next(module.parameters()).flatten()[0] += 1e-3
    assert module.digests != (entry.sha256,)
    module.load(weights, entry.sha256)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert module.digests != (entry.sha256,)


def test_modules_whose_weights_are_read_draw_none_and_others_draw_all(trained: Trained, tmp_path: Path) -> None:
    made(trained, tmp_path / "model")
    drawn = Counter[str]()

    class Counting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            drawn[func.__name__] += 1
            return func(*args, **(kwargs or {}))

    with Counting():
        load_model(tmp_path / "model", trained.context.nodes, CPU)
    assert not {"uniform_", "normal_", "kaiming_uniform_"} & set(drawn)
    with Counting():
        trained.context.module(trained.context.groups[0])
    assert "uniform_" in drawn


def test_the_model_that_an_assembly_gives_is_the_one_that_is_loaded(trained: Trained, tmp_path: Path) -> None:
    given = made(trained, tmp_path / "model").model
    loaded = load_model(tmp_path / "model", trained.context.nodes, CPU)
    assert (given.folder, given.manifest, given.calibration, given.limits) == (
        loaded.folder, loaded.manifest, loaded.calibration, loaded.limits
    )  # fmt: skip
    assert given.engine == loaded.engine
    for name, module in loaded.modules.items():
        own = given.modules[name]
        assert isinstance(own, GroupModule)
        assert isinstance(module, GroupModule)
        assert not own.training
        found, expected = own.parameter_dict(), module.parameter_dict()
        assert found.keys() == expected.keys()
        assert all(found[key].equal(tensor) for key, tensor in expected.items())
    answers, others = answers_of(given), answers_of(loaded)
    assert all(answers[name].equal(tensor) for name, tensor in others.items())


def answers_of(model: Model) -> dict[str, torch.Tensor]:
    embedding = torch.linspace(-1, 1, 3 * 2 * 16).reshape(3, 2, 16)
    return model.predict(embedding, torch.ones(3, 2, dtype=torch.bool), {})


def test_every_step_is_timed_and_shown_to_its_end(trained: Trained, tmp_path: Path) -> None:
    told = dict[str, tuple[int, int]]()

    def progress(what: str, done: int, total: int) -> None:
        told[what] = done, total

    seconds = made(trained, tmp_path / "model", progress=progress).seconds
    assert [*seconds] == ["link", "open", "validate", "compare", "rank", "calibrate", "limits"]
    assert all(taken >= 0.0 for taken in seconds.values())
    assert {"open", "validate", "compare", "calibrate"} <= set(told)
    assert all(done == total for done, total in told.values())


def no_links(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "no links here")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("kind", ["weights", "encoder", "terms"])
def test_a_damaged_file_of_the_run_is_named_and_makes_no_model_and_a_whole_one_does(
    toy: Toy, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    folder = trained.run.group("b").path if kind == "weights" else trained.context.store.folder / kind
    name = trained.run.group("b").read().best.file if kind == "weights" else "*"
    file = max((path for path in folder.rglob(name) if path.is_file()), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    for damaged in (whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:], whole[:-1], b""):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=f"{file} is damaged") as raised:
            made(trained, tmp_path / "models" / "model")
        assert hashlib.sha256(whole).hexdigest() in str(raised.value)
        assert list((tmp_path / "models").iterdir()) == []
        assert file.read_bytes() == damaged
    file.unlink()
    with pytest.raises(CheckpointError, match=f"{file} is missing"):
        made(trained, tmp_path / "models" / "model")
    file.write_bytes(whole)
    made(trained, tmp_path / "models" / "model")
    shutil.copytree(tmp_path / "models" / "model", tmp_path / "copy")
    load_model(tmp_path / "copy", trained.context.nodes, CPU)
