"""What is lent to a plugin must come back unchanged; a write is found wherever the plugin is called."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs
import pytest
import torch
from torch import Tensor, nn
from toy import Toy

from redheart_core import ActiveNode, Metric, PluginError
from redheart_core.data.fitting import StorePart
from redheart_core.groups.objective import record_losses
from redheart_core.groups.plugin_calls import lending
from redheart_core.groups.validation import evaluate
from redheart_core.models.engine import Engine
from redheart_core.models.manifest import ModelManifest
from redheart_core.models.model import Model

Write = Callable[[dict[str, Tensor]], object]
"""What a plugin does to its inputs before it computes."""

WRITES: Mapping[str, Write] = {
    "relu_": lambda inputs: inputs["embedding"].relu_(),
    "inplace module": lambda inputs: nn.ReLU(inplace=True)(inputs["embedding"]),
    "a view": lambda inputs: inputs["embedding"][:, 0].zero_(),
    "a detached view": lambda inputs: inputs["embedding"].detach().mul_(2.0),
    "an item": lambda inputs: inputs["embedding"].__setitem__((0, 0, 0), 7.0),
    "the mask": lambda inputs: inputs["mask"].fill_(True),
    "inference mode": torch.inference_mode()(lambda inputs: inputs["embedding"].neg_()),
}
PAST_TORCH: Mapping[str, Write] = {
    ".data": lambda inputs: inputs["embedding"].data.relu_(),
    "numpy": lambda inputs: inputs["embedding"].numpy().fill(0.0),
}


class Writing(nn.Module):
    """A toy node that writes into what it is given, in training, in evaluation or in both."""

    def __init__(self, node: nn.Module, write: Write, modes: tuple[bool, ...]) -> None:
        super().__init__()
        self.node, self.write, self.modes = node, write, modes

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.training in self.modes:
            self.write(inputs)
        given: dict[str, Tensor] = self.node(inputs)
        return given


def writing(toy: Toy, write: Write, *modes: bool, **changes: Any) -> ActiveNode:
    node = toy.node("probe", **changes)
    build = node.spec.build
    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: Writing(build(context), write, modes)))


@pytest.mark.parametrize("write", [*WRITES.values(), *PAST_TORCH.values()], ids=[*WRITES, *PAST_TORCH])
def test_a_write_in_training_is_refused_before_anything_is_trained(toy: Toy, write: Write) -> None:
    with pytest.raises(PluginError, match=r"plugin 'probe' changes (embedding|mask) in place, in its forward"):
        toy.run("run", [toy.node("a"), writing(toy, write, True)])
    assert not (toy.folder / "run" / "groups").exists()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_in_evaluation_stops_its_group_alone(toy: Toy, write: Write) -> None:
    run, stopped = toy.run("run", [toy.node("a"), writing(toy, write, False)])
    assert list(stopped) == ["probe"]
    assert "plugin 'probe' changes" in stopped["probe"]
    assert run.group("a").read().status == "finished"
    assert run.group("probe").read().status == "stopped"


def test_a_write_into_the_output_of_another_node_of_the_group_is_found(toy: Toy) -> None:
    above = writing(toy, lambda inputs: inputs["low.value"].zero_(), True, reads=("low.value",), group="g")
    with pytest.raises(PluginError, match=r"plugin 'probe' (changes low\.value in place|failed in forward)"):
        toy.run("run", [toy.node("low", group="g"), above])


@pytest.mark.parametrize("write", [WRITES["relu_"], *PAST_TORCH.values()], ids=["relu_", *PAST_TORCH])
def test_a_model_does_not_answer_if_a_plugin_writes(toy: Toy, write: Write) -> None:
    context = toy.context([toy.node("a"), toy.node("probe")])
    modules = {group.name: context.module(group).eval() for group in context.groups}
    fields, device, around = context.store.fields, torch.device("cpu"), context.surroundings
    manifest, engine = cast(ModelManifest, None), cast(Engine, None)
    model = Model(toy.folder, manifest, context.groups, modules, fields, None, {}, device, around, engine)
    embedding, mask = torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool)
    before = embedding.clone()
    alone = model.predict(embedding, mask, {})
    inner = modules["probe"].nodes["probe"]
    modules["probe"].nodes["probe"] = Writing(inner, write, (False,)).eval()
    with pytest.raises(PluginError, match="plugin 'probe' changes embedding in place"):
        model.predict(embedding, mask, {})
    assert torch.equal(embedding, before)
    modules["probe"].nodes["probe"] = inner
    with torch.inference_mode():
        assert torch.equal(model.predict(embedding.clone(), mask, {})["a.value"], alone["a.value"])


def test_a_loss_that_writes_is_refused(toy: Toy) -> None:
    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        target.clamp_(0.2, 0.8)
        return (prediction - target).square()

    with pytest.raises(PluginError, match="plugin 'a' changes target in place, in its loss on 'regret'"):
        toy.run("run", [toy.node("a", loss=loss)])


def test_a_metric_that_writes_stops_its_group_alone(toy: Toy) -> None:
    def metric(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        return float((prediction - target).abs_().mean() + prediction.zero_().sum())

    run, stopped = toy.run("run", [toy.node("good"), with_metric(toy.node("bad"), metric)])
    assert "plugin 'bad' changes prediction in place, in its metric 'extra'" in stopped["bad"]
    assert run.group("good").read().status == "finished"


def test_what_a_loss_writes_past_torch_reaches_nobody_else(toy: Toy) -> None:
    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        losses = (prediction - target).square()
        target.numpy().fill(0.5)
        present.numpy().fill(False)
        prediction.data.zero_()
        return losses

    context = toy.context([toy.node("a", loss=loss)])
    module = context.module(context.groups[0])
    batch = context.source.batch(context.store.rows("train")[:16], module.group.inputs)
    outputs = module(batch)
    read = {**outputs, **batch.targets, **batch.inputs}
    before = {name: tensor.detach().clone() for name, tensor in read.items()}
    first, again = (record_losses(module, outputs, batch)["a", 0][1] for _ in range(2))
    assert torch.equal(first, again)
    assert before["a.value"].any()
    assert all(
        torch.equal(before[name], tensor) for name, tensor in {**outputs, **batch.targets, **batch.inputs}.items()
    )


def test_what_a_metric_writes_past_torch_reaches_nobody_else(toy: Toy) -> None:
    def metric(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        value = float(prediction.mean())
        for tensor in (prediction, target, present):
            tensor.numpy().fill(0)
        return value

    context = toy.context([with_metric(toy.node("a"), metric)])
    module, rows = context.module(context.groups[0]), context.store.rows("validation")
    every = context.store.all_rows
    targets = context.store.target("regret")[every]
    first, again = (evaluate(module, context.source, rows) for _ in range(2))
    assert first.metrics == again.metrics
    assert first.predictions["a.value"].any()
    assert torch.equal(first.predictions["a.value"], again.predictions["a.value"])
    assert torch.equal(context.store.target("regret")[every].nan_to_num(-1.0), targets.nan_to_num(-1.0))


def test_what_a_fit_writes_past_torch_reaches_nobody_else(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    store = context.store
    before = [store.rows("train").clone(), store.target("regret")[store.all_rows]]
    part = StorePart.of(context.source, "train")
    for tensor in (part.field("regret"), part.folds(2), part.rows):
        tensor.numpy().fill(0)
    assert torch.equal(store.rows("train"), before[0])
    assert torch.equal(store.target("regret")[store.all_rows].nan_to_num(-1.0), before[1].nan_to_num(-1.0))


def test_counting_writes_costs_next_to_nothing() -> None:
    """A toy's training step takes about a millisecond."""
    tensors = {name: torch.zeros(2) for name in ("embedding", "mask", "a", "b")}
    started = time.process_time()
    for _ in range(1000):
        with lending("a", "forward", tensors):
            pass
    assert (time.process_time() - started) / 1000 < 1e-4


def with_metric(node: ActiveNode, function: Callable[[Tensor, Tensor, Tensor], float]) -> ActiveNode:
    """The node with one more metric."""
    make = node.spec.objective
    assert make is not None

    def objective(context: Any) -> Any:
        found = make(context)
        return attrs.evolve(found, metrics=(*found.metrics, Metric("extra", "value", "regret", function, "min")))

    return attrs.evolve(node, spec=attrs.evolve(node.spec, objective=objective))
