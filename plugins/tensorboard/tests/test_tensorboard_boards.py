"""What is written is read back with TensorBoard's own reader."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import redheart_tensorboard
from redheart_core import EpochFinished, RedheartError, RunFinished, RunStarted
from redheart_core.storage.files import FileError
from redheart_registry import load_registry
from redheart_tensorboard import boards

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="TensorBoard is not installed: pip install 'redheart[tensorboard]'",
)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    redheart_tensorboard.redheart_after_run(RunFinished(Path(), ()))


def begin(run: Path, done: Mapping[str, int]) -> None:
    redheart_tensorboard.redheart_before_run(RunStarted(run, tuple(done), dict.fromkeys(done, 9), done))


def epoch(group: str, number: int, train_loss: float) -> None:
    """An epoch with figures of its own."""
    redheart_tensorboard.redheart_after_epoch(
        EpochFinished(
            group=group,
            epoch=number,
            epochs=9,
            train_loss=train_loss,
            validation_loss=train_loss + 0.1,
            metrics={f"{group}.mean_absolute_error": train_loss / 3},
            learning_rate=1e-3 / number,
            seconds=2.5,
        )
    )


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag to steps and values: what the reader behind TensorBoard's pages and the one for programs both see."""
    from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
    from tensorboard.util import tensor_util

    pages = plugin_event_accumulator.EventAccumulator(str(folder)).Reload()
    shown = {
        tag: [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in pages.Tensors(tag)]
        for tag in pages.Tags()["tensors"]
    }
    programs = event_accumulator.EventAccumulator(str(folder)).Reload()
    tags = programs.Tags()["scalars"]
    assert shown == {tag: [(event.step, event.value) for event in programs.Scalars(tag)] for tag in tags}
    return shown


def as_stored(value: float) -> float:
    return float(np.float32(value))


@needs_tensorboard
def test_each_group_has_its_figures_epoch_by_epoch(tmp_path: Path) -> None:
    begin(tmp_path, {"first": 0, "후회_분석": 0})
    for number in (1, 2, 3):
        epoch("first", number, 1.0 / number)
        epoch("후회_분석", number, 2.0 / number)
    redheart_tensorboard.redheart_after_run(RunFinished(tmp_path, ()))
    for group, scale in (("first", 1.0), ("후회_분석", 2.0)):
        losses = [scale / number for number in (1, 2, 3)]
        expected = {
            "loss/train": losses,
            "loss/validation": [loss + 0.1 for loss in losses],
            f"metrics/{group}.mean_absolute_error": [loss / 3 for loss in losses],
            "learning_rate": [1e-3, 1e-3 / 2, 1e-3 / 3],
            "seconds": [2.5, 2.5, 2.5],
        }
        assert read(tmp_path / "tensorboard" / group) == {
            tag: [(number, as_stored(value)) for number, value in enumerate(values, 1)]
            for tag, values in expected.items()
        }


@needs_tensorboard
def test_an_agent_has_returns_in_place_of_losses(tmp_path: Path) -> None:
    begin(tmp_path, {"agent_0": 0})
    event = EpochFinished("agent_0", 1, 4, 0.5, 2.5, {}, 1e-3, 0.1, agent_return=-2.5)
    redheart_tensorboard.redheart_after_epoch(event)
    shown = read(tmp_path / "tensorboard" / "agent_0")
    assert shown["return"] == [(1, -2.5)]
    assert "loss/validation" not in shown


@needs_tensorboard
def test_an_epoch_is_on_disk_before_the_next_one_begins(tmp_path: Path) -> None:
    begin(tmp_path, {"first": 0})
    epoch("first", 1, 0.5)
    assert read(tmp_path / "tensorboard" / "first")["loss/train"] == [(1, 0.5)]


def test_a_file_begins_in_another_second_than_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read by name, in which the ninth of a second comes after the tenth."""
    (tmp_path / "events.out.tfevents.0000000100.host.1.9").touch()
    clock = iter([100.2, 100.9, 101.0])
    monkeypatch.setattr(boards, "time", SimpleNamespace(time=lambda: next(clock), sleep=lambda seconds: None))
    boards._await_next_second(tmp_path)
    assert next(clock, None) is None


@needs_tensorboard
def test_a_resumed_run_goes_on_and_a_step_that_is_trained_again_stands_once(tmp_path: Path) -> None:
    begin(tmp_path, {"first": 0, "second": 0})
    for number in (1, 2, 3):
        epoch("first", number, 1.0)
        epoch("second", number, 1.0)
    begin(tmp_path, {"first": 3, "second": 1})  # after a kill, and after the loss of two epochs of the second
    epoch("first", 4, 0.5)
    for number in (2, 3, 4):
        epoch("second", number, 0.25)
    assert read(tmp_path / "tensorboard" / "first")["loss/train"] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.5)]
    assert read(tmp_path / "tensorboard" / "second")["loss/train"] == [(1, 1.0), (2, 0.25), (3, 0.25), (4, 0.25)]


@needs_tensorboard
def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with pytest.raises(FileError, match="choose another folder; a"):
        begin(tmp_path, {"first": 0})


def test_without_the_library_the_run_is_refused_at_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("tensorboard", "torch.utils.tensorboard")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(RedheartError, match=r"pip install 'redheart\[tensorboard\]', or leave the plugin out"):
        begin(tmp_path, {"first": 0})
    assert list(tmp_path.iterdir()) == []


def test_it_listens_where_it_is_enabled_and_nowhere_else() -> None:
    assert load_registry({"active": ["lsa"]}, enable=["tensorboard"]).plugins["tensorboard"].kind == "events"
    assert "tensorboard" not in load_registry().plugins
