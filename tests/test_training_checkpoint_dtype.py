"""Epochs stored in bfloat16: a file holds what was validated, and training goes on as if nothing were rounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
import torch
from residual_toy import ResidualToy
from torch import Tensor, nn
from toy import StopAfter, Toy, hooks
from turns import Tight

from redheart_core import ActiveNode, BuildContext, CheckpointError, PluginError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.validation import evaluate
from redheart_core.runs.describe import describe
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch
from redheart_core.training.finished_epoch import finish_epoch
from redheart_core.training.loop import train
from redheart_core.training.memory_plan import plan_memory
from redheart_core.training.progress import GroupProgress
from redheart_core.training.step_memory import bytes_of
from redheart_core.tuning.trial import Trained, train_group

FilesOf = Callable[[RunFolder, str], dict[str, str]]
HALF: dict[str, Any] = {"checkpoint_dtype": "bfloat16"}
AVERAGE = {"a": GroupSettings(ema=0.8)}
NAMES = ("line", "a", "b", "mixed", "high")


class Mixed(nn.Module):
    """A toy module beside numbers of other types, and a parameter that nothing trains."""

    count: Tensor
    exact: Tensor
    scale: Tensor

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("count", torch.tensor([3, 257]))
        self.register_buffer("exact", torch.tensor([1 / 3], dtype=torch.float64))
        self.register_buffer("scale", torch.tensor([1 / 3]))
        self.fixed = nn.Parameter(torch.tensor([1 / 7]), requires_grad=False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = self.inner(inputs)
        value = outputs["value"] * (0.5 + self.scale + self.fixed + self.exact.float() + 0 * self.count[0])
        return {"value": value.clamp(max=1.0)}


def mixed(toy: Toy, name: str, **settings: Any) -> ActiveNode:
    node = toy.node(name, **settings)
    build = node.spec.build

    def wrapped(context: BuildContext) -> nn.Module:
        return Mixed(build(context))

    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=wrapped))


def nodes_of(toy: Toy) -> list[ActiveNode]:
    """A closed form, two groups that begin at it, one with other types of numbers, and one above."""
    residual = ResidualToy(toy)
    return [
        residual.line("regret", scale=0.5),
        residual.deep("a", "regret"),
        residual.deep("b", "regret", more=("choice_factors",)),
        mixed(toy, "mixed"),
        toy.node("high", reads=("a.regret", "embedding")),
    ]


def run_of(toy: Toy, name: str, store: Store, **more: Any) -> RunFolder:
    run, stopped = toy.run(name, nodes_of(toy), store, groups=AVERAGE, **more)
    assert not stopped
    return run


def types(tensors: Mapping[str, Tensor]) -> set[torch.dtype]:
    return {tensor.dtype for tensor in tensors.values()}


def expect_rounded(half: Mapping[str, Tensor], plain: Mapping[str, Tensor]) -> None:
    assert half.keys() == plain.keys()
    for name, tensor in plain.items():
        expected = tensor.bfloat16() if tensor.dtype == torch.float32 else tensor
        assert half[name].dtype == expected.dtype
        assert torch.equal(half[name], expected)


def test_files_hold_rounded_weights_of_the_same_training(toy: Toy) -> None:
    """Of all groups that read no other that learns; of one above, what it reads is the rounded one's answers."""
    store = toy.store()
    plain, half = run_of(toy, "plain", store), run_of(toy, "half", store, **HALF)
    for name in ("a", "b", "mixed"):
        ours, theirs = half.group(name), plain.group(name)
        mine, other = ours.read(), theirs.read()
        assert len(mine.candidates) == len(other.candidates) > 3
        for one, two in zip(mine.candidates, other.candidates, strict=True):
            expect_rounded(ours.weights(one), theirs.weights(two))
        for one, two in zip(mine.epochs[-2:], other.epochs[-2:], strict=True):
            assert (one.train_loss, one.gradient) == (two.train_loss, two.gradient)
            assert one.validation_loss != two.validation_loss
            state, exact = ours.optimizer(one), theirs.weights(two)
            optimizer = theirs.optimizer(two)
            for key, tensor in state.items():
                kind, _, weight = key.partition("/")
                expected = exact[weight] if kind == "master" else optimizer.pop(key)
                assert torch.equal(tensor, expected)
            assert not optimizer
            masters = {key.removeprefix("master/") for key in state if key.startswith("master/")}
            assert masters == {key for key, tensor in exact.items() if tensor.dtype == torch.float32}
    assert types(half.group("mixed").weights(half.group("mixed").read().best)) == {
        torch.bfloat16,
        torch.float64,
        torch.int64,
    }


def test_a_closed_form_stays_float32(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    plain, half = run_of(toy, "plain", store), run_of(toy, "half", store, **HALF)
    assert files_of(half, "line") == files_of(plain, "line")
    with pytest.raises(SettingsError, match=r"\[groups\.line\]: it is fitted in closed form"):
        toy.context(nodes_of(toy), store, {"line": GroupSettings(checkpoint_dtype="bfloat16")})


def recorded(run: RunFolder, context: TrainingContext, name: str, entry: EpochEntry) -> bool:
    """Whether the file of an epoch gives what the manifest says, record by record."""
    group = next(group for group in context.groups if group.name == name)
    module = context.module(group)
    module.load(run.group(name).weights(entry))
    assert types(module.parameter_dict()) <= {torch.float32, torch.float64, torch.int64}
    found = evaluate(module, context.source, context.store.rows("validation"))
    same = torch.equal(found.losses, run.group(name).losses(entry))
    return same and (found.loss, found.metrics) == (entry.validation_loss, dict(entry.metrics))


def test_every_number_of_an_epoch_is_that_of_its_file(toy: Toy) -> None:
    store = toy.store()
    run = run_of(toy, "half", store, **HALF)
    context = toy.context(nodes_of(toy), store, AVERAGE, **HALF)
    for group in context.groups:
        for entry in run.group(group.name).read().candidates:
            assert recorded(run, context, group.name, entry), (group.name, entry.name)
        module = context.module(group)
        best = run.group(group.name).read().best
        module.read(run.group(group.name).path / best.file, best.sha256)
        context.add_outputs(group, module)


@pytest.mark.parametrize("after", [3, 6, 9, 12, 18])
def test_interrupted_and_resumed_is_uninterrupted(toy: Toy, files_of: FilesOf, after: int) -> None:
    store = toy.store()
    whole = run_of(toy, "whole", store, **HALF)
    with pytest.raises(KeyboardInterrupt):
        run_of(toy, "broken", store, listeners=[StopAfter(after)], background_saving=after == 9, **HALF)
    again = {"background_saving": True} if after == 9 else {}
    broken = run_of(toy, "broken", store, **again, **HALF)
    assert {name: files_of(broken, name) for name in NAMES} == {name: files_of(whole, name) for name in NAMES}


@pytest.mark.parametrize("more", [{"interleave": "batch"}, {"plan": Tight(turn_steps=3)}, {"background_saving": True}])
def test_neither_turns_nor_saving_in_the_background_change_a_bit(
    toy: Toy, files_of: FilesOf, more: dict[str, Any]
) -> None:
    store = toy.store()
    whole, other = run_of(toy, "whole", store, **HALF), run_of(toy, "other", store, **more, **HALF)
    assert {name: files_of(other, name) for name in NAMES} == {name: files_of(whole, name) for name in NAMES}


def test_a_group_whose_rounded_weights_did_not_change_is_linked_and_goes_on(toy: Toy, files_of: FilesOf) -> None:
    store, nodes = toy.store(), [toy.node("a", learning_rate_scale=1e-6)]
    whole, _ = toy.run("whole", nodes, store, **HALF)
    with pytest.raises(KeyboardInterrupt):
        toy.run("broken", nodes, store, [StopAfter(3)], **HALF)
    broken, _ = toy.run("broken", nodes, store, **HALF)
    manifest = broken.group("a").read()
    assert {entry.file for entry in manifest.epochs} == {"epoch-0001.safetensors"}
    assert len({entry.state.sha256 for entry in manifest.epochs if entry.state is not None}) == 2
    assert files_of(broken, "a") == files_of(whole, "a")


def test_the_setting_of_a_group_comes_before_that_of_training(toy: Toy) -> None:
    store, nodes = toy.store(), [toy.node("a"), toy.node("b")]
    run, _ = toy.run("run", nodes, store, groups={"a": GroupSettings(checkpoint_dtype="float32")}, **HALF)
    kept = {name: types(run.group(name).weights(run.group(name).read().best)) for name in ("a", "b")}
    assert kept == {"a": {torch.float32}, "b": {torch.bfloat16}}
    with pytest.raises(CheckpointError, match=r"checkpoint_dtype was 'bfloat16', is 'float32'"):
        toy.run("run", nodes, store)


def test_numbers_that_the_type_cannot_hold_stop_the_group_alone(toy: Toy) -> None:
    large = mixed(toy, "large")
    build = large.spec.build

    def filled(context: BuildContext) -> nn.Module:
        module = build(context)
        module.register_buffer("most", torch.tensor([torch.finfo(torch.float32).max]))
        return module

    nodes = [attrs.evolve(large, spec=attrs.evolve(large.spec, build=filled)), toy.node("other")]
    run, stopped = toy.run("run", nodes, **HALF)
    assert list(stopped) == ["large"]
    assert "'large.most' has numbers that bfloat16 cannot hold; write checkpoint_dtype" in stopped["large"]
    assert run.group("other").read().status == "finished"


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_weights_of_another_type_are_refused(toy: Toy, dtype: torch.dtype) -> None:
    context = toy.context([toy.node("a")])
    module = context.module(context.groups[0])
    own = {name: tensor.clone() for name, tensor in module.parameter_dict().items()}
    module.load({name: tensor.bfloat16() for name, tensor in own.items()})
    with pytest.raises(PluginError, match=rf"a\.hidden\.bias: {str(dtype).removeprefix('torch.')} instead of float32"):
        module.load({name: tensor.to(dtype) for name, tensor in own.items()})
    with pytest.raises(PluginError, match=r"a\.last\.bias: bfloat16 instead of float32"):
        module.load({**own, "a.last.bias": own["a.last.bias"].bfloat16()})
    widened = module.in_own_types({name: tensor.bfloat16() for name, tensor in own.items()})
    assert types(widened) == {torch.float32}


def test_a_state_without_the_float32_weights_is_refused(toy: Toy) -> None:
    store, nodes = toy.store(), [toy.node("a")]
    with pytest.raises(KeyboardInterrupt):
        toy.run("run", nodes, store, [StopAfter(2)])
    run = RunFolder(toy.folder / "run")
    context = toy.context(nodes, store, **HALF)
    one = GroupProgress(context.trainer(context.groups[0]), run.group("a"), run.group("a").read())
    with pytest.raises(CheckpointError, match=r"does not fit checkpoint_dtype = .bfloat16.*a\.hidden\.bias"):
        one.restore(run)


def started(toy: Toy, name: str, store: Store, starts: Mapping[str, Mapping[str, Tensor]], **more: Any) -> RunFolder:
    """A run that begins at some weights."""
    run, context = RunFolder(toy.folder / name), toy.context([toy.node("a")], store, AVERAGE, **more)
    found = {group: run.add_start(group, tensors) for group, tensors in starts.items()}
    description = describe(run.path, context.nodes, context.groups, context.settings, context.store)
    run.begin(attrs.evolve(description, starts=found))
    return run


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_run_begins_at_the_numbers_of_a_rounded_file_and_survives_an_interruption(
    toy: Toy, files_of: FilesOf, dtype: str, after: int
) -> None:
    store, more = toy.store(), dict[str, Any](checkpoint_dtype=dtype)
    first, _ = toy.run("first", [toy.node("a")], store, groups=AVERAGE, **HALF)
    best = first.group("a").read().best
    weights = first.group("a").weights(best)
    runs = [started(toy, name, store, {"a": weights}, **more) for name in ("whole", "broken")]
    context = toy.context([toy.node("a")], store, AVERAGE, **more)
    assert train(runs[0], context, hooks()) == {}
    with pytest.raises(KeyboardInterrupt):
        train(runs[1], context, hooks(StopAfter(after)))
    assert train(runs[1], context, hooks()) == {}
    zero = runs[0].group("a").read().epochs[0]
    assert (zero.epoch, zero.validation_loss) == (0, best.validation_loss)
    assert (zero.sha256 == best.sha256) == (dtype == "bfloat16")
    assert files_of(runs[0], "a") == files_of(runs[1], "a")


def test_a_group_goes_on_from_the_weights_of_its_epoch_zero(toy: Toy) -> None:
    """A machine that draws others, in their last bits, goes on too; rounded ones do not say what began them."""
    for dtype in ("float32", "bfloat16"):
        store, nodes = toy.store(), nodes_of(toy)[:2]
        with pytest.raises(KeyboardInterrupt):
            toy.run(dtype, nodes, store, [StopAfter(2)], checkpoint_dtype=dtype)
        run, context = RunFolder(toy.folder / dtype), toy.context(nodes, store, AVERAGE, seed=1, checkpoint_dtype=dtype)
        folder = run.group("a")
        (zero,) = folder.read().epochs
        assert zero.epoch == 0
        group = next(group for group in context.groups if group.name == "a")
        one = GroupProgress(context.trainer(group), folder, folder.read())
        if dtype == "bfloat16":
            with pytest.raises(CheckpointError, match="group 'a' begins at other weights than those of its epoch 0"):
                one.restore(run)
            continue
        one.restore(run)
        for name, tensor in folder.weights(zero).items():
            assert torch.equal(one.trainer.module.parameter_dict()[name], tensor)
            assert one.trainer.average is not None
            if name in one.trainer.average.weights:
                assert torch.equal(one.trainer.average.weights[name], tensor)


@pytest.mark.parametrize("groups", [{}, AVERAGE], ids=["plain", "average"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_copy_that_is_saved_in_the_background_has_the_planned_bytes(
    toy: Toy, dtype: str, groups: dict[str, GroupSettings]
) -> None:
    context = toy.context([mixed(toy, "a", width=100)], groups=groups, checkpoint_dtype=dtype)
    (planned,) = plan_memory(context).groups
    trainer, folder = context.trainer(context.groups[0]), RunFolder(toy.folder / "run").group("a")
    (trained,) = train_epoch(context, [trainer], 1)
    finished = finish_epoch(context, GroupProgress(trainer, folder, folder.read()), 1, trained).copied()
    held = [*finished.weights.values(), *finished.state.values()]
    held += finished.average[1].values() if finished.average is not None else ()
    assert planned.step.copied == pytest.approx(bytes_of(held), abs=32)


def test_a_search_sees_the_numbers_that_the_training_records(toy: Toy) -> None:
    store = toy.store()
    run, _ = toy.run("run", [toy.node("a")], store, **HALF)
    context, seen = toy.context([toy.node("a")], store, **HALF), list[float]()
    (group,) = context.groups

    def report(epoch: int, loss: float) -> bool:
        seen.append(loss)
        return False

    found = train_group(context, group, context.module(group), report, keep=True)
    assert isinstance(found, Trained)
    entries = run.group("a").read().epochs
    assert seen == [entry.validation_loss for entry in entries]
    best = GroupModule.in_own_types(context.module(group), run.group("a").weights(run.group("a").read().best))
    assert all(torch.equal(tensor, best[name]) for name, tensor in found.weights.items())
