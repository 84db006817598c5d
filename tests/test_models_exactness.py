"""The proof of exactness at assembly: how often it asks a group, and what it refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_groups_gathering import answering, named_output
from toy import Mean, Toy
from trained_toy import Trained

from redheart_core import CheckpointError, PluginError
from redheart_core.groups.group_module import GroupModule
from redheart_core.models import exactness
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext

CPU = torch.device("cpu")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many batches each group has been asked."""
    found: Counter[str] = Counter()
    forward = GroupModule.forward

    def counting(module: GroupModule, *given: Any, **named: Any) -> dict[str, torch.Tensor]:
        found[module.group.name] += 1
        return forward(module, *given, **named)

    monkeypatch.setattr(GroupModule, "forward", counting)
    return found


def batches(context: TrainingContext, split: str) -> int:
    return -(-len(context.store.rows(split)) // context.source.batch_size)


@pytest.fixture
def one_batch(monkeypatch: pytest.MonkeyPatch) -> int:
    """The sample of the exactness check is one batch, answered among the others and alone."""
    monkeypatch.setattr(exactness, "SAMPLE", 16)
    return 2


def test_an_assembly_asks_each_group_once_for_validation_beside_a_sample_and_once_for_calibration(
    trained: Trained, tmp_path: Path, asked: Counter[str], one_batch: int
) -> None:
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    assert batches(trained.context, "validation") > 1
    expected = batches(trained.context, "validation") + one_batch + batches(trained.context, "calibration")
    assert asked == dict.fromkeys(("a", "b", "high"), expected)


def test_members_of_a_fusion_are_asked_no_more_often(toy: Toy, asked: Counter[str], one_batch: int) -> None:
    nodes = [named_output(answering(toy, name)) for name in ("first", "second")]
    nodes.append(activate(load_installed("mean_fusion")))
    store = toy.store()
    run, _ = toy.run("run", nodes, store, epochs=2)
    context = toy.context(nodes, store, epochs=2)
    chosen = find_sweetspot(run, trained_groups(run)).chosen("best")
    asked.clear()
    assemble(toy.folder / "model", run, context, chosen)
    expected = batches(context, "validation") + one_batch + batches(context, "calibration")
    assert [asked[name] for name in ("first", "second")] == [expected, expected]


def test_a_group_whose_targets_some_records_lack_is_asked_once_more_for_its_readers(
    toy: Toy, asked: Counter[str], one_batch: int
) -> None:
    store = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 3 == 0))
    nodes = [toy.node("a"), toy.node("high", reads=("a.value",), target="choice_factors")]
    run, _ = toy.run("run", nodes, store, epochs=2)
    context = toy.context(nodes, store, epochs=2)
    model = load_model(_assembled(toy, run, context), nodes, CPU)
    rows = store.rows("validation")
    known = -(-int((~store.target("regret")[rows].isnan()).sum()) // context.source.batch_size)
    assert known < batches(context, "validation")
    asked.clear()
    check_exactness(model, toy.context(nodes, store, epochs=2))
    assert asked["a"] == known + batches(context, "validation") + one_batch
    assert asked["high"] == batches(context, "validation") + one_batch


class Drifting(Mean):
    """Answers otherwise with every call, or with every second one."""

    change: Callable[[int], float]

    def __init__(self, reads: tuple[str, ...]) -> None:
        super().__init__(reads)
        self.calls = 0

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.calls += 1
        outputs = super().forward(inputs)
        return {**outputs, "value": outputs["value"] + type(self).change(self.calls)}


class Alternating(Drifting):
    change = staticmethod(lambda calls: 1e-3 * (calls % 2))


class Growing(Drifting):
    change = staticmethod(lambda calls: 1e-6 * calls)


@pytest.mark.parametrize("kind", [Alternating, Growing])
@pytest.mark.parametrize("read", [True, False])
def test_a_plugin_that_answers_otherwise_the_second_time_is_refused(toy: Toy, kind: type[Drifting], read: bool) -> None:
    nodes = [toy.node("a"), toy.calculator("mean", ("a.value",))]
    if read:
        nodes.append(toy.node("top", reads=("mean.value",)))
    store = toy.store()
    run, _ = toy.run("run", nodes, store, epochs=2)
    context = toy.context(nodes, store, epochs=2)
    model = load_model(_assembled(toy, run, context), nodes, CPU)
    drifting = model.modules["mean"]
    assert isinstance(drifting, GroupModule)
    drifting.nodes["mean"] = kind(("a.value",))
    with pytest.raises(CheckpointError, match=r"'mean\.value' of group 'mean' is answered otherwise|not reproduce"):
        check_exactness(model, toy.context(nodes, store, epochs=2))


def test_an_answer_that_differs_in_the_last_batch_alone_is_refused(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    model = load_model(tmp_path / "model", trained.context.nodes, CPU)
    predict, calls, last = Model.predict, [0], batches(trained.context, "validation")
    assert last > 1

    def otherwise(model: Model, *given: Any) -> dict[str, torch.Tensor]:
        answers = predict(model, *given)
        calls[0] += 1
        if calls[0] == last:
            answers["b.value"] = answers["b.value"].clone()
            answers["b.value"][-1] = torch.nextafter(answers["b.value"][-1], torch.tensor(1.0))
        return answers

    monkeypatch.setattr(Model, "predict", otherwise)
    with pytest.raises(CheckpointError, match=r"'b\.value' of group 'b' is answered otherwise"):
        check_exactness(model, trained.context)


class Writing(Mean):
    """Writes its input past torch, so that no counter of writes notices."""

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        outputs = super().forward(inputs)
        inputs["embedding"].numpy()[:] = 0.0
        return outputs


def test_a_plugin_that_changes_what_others_read_is_refused(toy: Toy) -> None:
    nodes = [
        toy.node("a"),
        toy.calculator("mean", ("a.value",)),
        toy.node("top", ("mean.value", "embedding")),
    ]
    store = toy.store()
    run, _ = toy.run("run", nodes, store, epochs=2)
    context = toy.context(nodes, store, epochs=2)
    model = load_model(_assembled(toy, run, context), nodes, CPU)
    writing = model.modules["mean"]
    assert isinstance(writing, GroupModule)
    writing.nodes["mean"] = Writing(("a.value",))
    with pytest.raises(PluginError, match="'mean' changes embedding in place"):
        check_exactness(model, toy.context(nodes, store, epochs=2))


def _assembled(toy: Toy, run: Any, context: TrainingContext) -> Path:
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    return toy.folder / "model"
