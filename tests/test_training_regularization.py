"""Each technique by its formula: what it does to a batch, a loss, a rate or the weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import attrs
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from toy import Toy

from redheart_core import CATALOGUE, ActiveNode, LossTerm, Objective, Record
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.nn.losses import binary_cross_entropy, divergence, squared_error
from redheart_core.storage.runtime import random_stream
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.regularization import disagreement, mix_records, smooth_labels

CPU = torch.device("cpu")
FIELDS = ("emotion", "ekman", "votes")
NAN = float("nan")


def labelled_store(toy: Toy) -> Store:
    """The toy's records with a distribution, 0/1 labels and votes beside the values."""

    def labelled(number: int, record: Record) -> Record:
        share = float(record.values["regret"])  # type: ignore[arg-type] # a number
        emotion = dict.fromkeys(CATALOGUE["emotion"].labels, 0.0) | {"joy": 1 - share, "fear": share}
        ekman = {label: float((number + place) % 3 == 0) for place, label in enumerate(CATALOGUE["ekman"].labels)}
        votes = dict.fromkeys(CATALOGUE["votes"].labels, 0.0) | {"AUTHOR": number % 7, "OTHER": 1.0}
        return attrs.evolve(record, values={**record.values, "emotion": emotion, "ekman": ekman, "votes": votes})

    records = [labelled(number, record) for number, record in enumerate(toy.records())]
    return toy.store(records, "labelled", tuple(CATALOGUE[name] for name in FIELDS))


def judged_by(node: ActiveNode, takes: Literal["values", "logits", "probabilities"], loss: Any) -> ActiveNode:
    """The same node with a loss on another form; a toy's numbers 0..1 can be any."""
    (given,) = node.spec.gives
    assert node.spec.objective is not None
    old = node.spec.objective

    def objective(context: Any) -> Objective:
        return Objective((LossTerm("value", node.spec.targets[0], takes, loss),), old(context).metrics)

    gives = (attrs.evolve(given, form=takes),)
    return attrs.evolve(node, spec=attrs.evolve(node.spec, gives=gives, objective=objective))


def trainer_and_batch(toy: Toy, *nodes: ActiveNode, **settings: Any) -> tuple[GroupTrainer, Batch]:
    """One group of these nodes with its techniques, and sixteen records of differently many chunks."""
    nodes = tuple(attrs.evolve(node, group="g") for node in nodes)
    context = toy.context(nodes, labelled_store(toy), {"g": GroupSettings(**settings)})
    (group,) = context.groups
    return context.trainer(group), context.source.batch(context.store.rows("train")[:16], group.inputs)


def test_label_smoothing_follows_its_closed_form_and_leaves_other_targets_alone(toy: Toy) -> None:
    nodes = [toy.node(name, target=name) for name in ("regret", *FIELDS)]
    trainer, batch = trainer_and_batch(toy, *nodes)
    targets = {name: target.clone() for name, target in batch.targets.items()}
    targets["ekman"][0, 2] = targets["emotion"][1] = NAN
    smooth, changed = smooth_labels(trainer.module, Batch(batch.inputs, targets), 0.1)
    expected = {
        "emotion": 0.9 * targets["emotion"] + 0.1 / 7,
        "ekman": 0.9 * targets["ekman"] + 0.05,
        "votes": targets["votes"],
        "regret": targets["regret"],
    }
    assert smooth.targets.keys() == expected.keys()
    for name, target in expected.items():
        torch.testing.assert_close(smooth.targets[name], target, rtol=1e-6, atol=1e-7, equal_nan=True)
    assert changed == 15 * 7 + 16 * 7 - 1
    assert smooth.inputs is batch.inputs
    torch.testing.assert_close(expected["emotion"][0].sum(), torch.tensor(1.0))


def test_the_loss_descends_towards_smoothed_labels(toy: Toy) -> None:
    node = judged_by(toy.node("a", target="ekman", dropout=0.0), "logits", binary_cross_entropy())
    trainer, batch = trainer_and_batch(toy, node, label_smoothing=0.2)
    plain = judged_by(toy.node("a", target="ekman", dropout=0.0), "logits", binary_cross_entropy(smoothing=0.2))
    twin, _ = trainer_and_batch(toy, plain)
    found, expected = trainer.loss(batch), twin.loss(batch)
    assert found is not None
    assert expected is not None
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0.0)
    assert trainer.take_effects() == {"label_smoothing": 1}


def pair(first: dict[str, Tensor], second: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.stack([first[name], second[name]]) for name in first}


def mixed_pair(trainer: GroupTrainer, inputs: dict[str, Tensor], targets: dict[str, Tensor]) -> tuple[Batch, float]:
    """Two records mixed with each other and not each with itself; the share of a record in itself."""
    for seed in range(20):
        with random_stream(CPU, seed):
            batch, changed = mix_records(trainer.module, Batch(inputs, targets), 0.4)
        if changed:
            a, b = inputs["embedding"][:, 0, 0].tolist()
            return batch, (float(batch.inputs["embedding"][0, 0, 0]) - b) / (a - b)
    raise AssertionError("twenty permutations of two left them where they were")


def test_mixup_of_two_known_records(toy: Toy) -> None:
    trainer, _ = trainer_and_batch(toy, toy.node("a"))
    first = {"embedding": torch.full((2, 3), 1.0), "mask": torch.tensor([True, True]), "terms": torch.tensor([0.5, 0])}
    second = {"embedding": torch.tensor([[3.0] * 3, [0.0] * 3]), "mask": torch.tensor([True, False])}
    second["terms"] = torch.tensor([0.0, 0.8])
    regret, votes = torch.tensor([0.2, 0.6]), torch.tensor([[3.0, 1, 0, 0, 0], [0.0, 0, 0, 0, 100]])
    targets = {"regret": regret, "votes": votes, "ekman": torch.tensor([[1.0, NAN, 0, 0, 0, 0, 0], [0.0] * 7])}
    batch, own = mixed_pair(trainer, pair(first, second), targets)
    other = 1 - own
    assert 0.01 < own < 0.99
    expected = {
        "embedding": torch.tensor([[own + 3 * other] * 3, [own] * 3]),
        "terms": torch.tensor([own / 2, 0.8 * other]),
    }
    for name, row in expected.items():
        torch.testing.assert_close(batch.inputs[name][0], row)
    assert batch.inputs["mask"].tolist() == [[True, True], [True, True]]
    torch.testing.assert_close(
        batch.targets["regret"], torch.tensor([0.2 * own + 0.6 * other, 0.6 * own + 0.2 * other])
    )
    torch.testing.assert_close(batch.targets["ekman"][0], torch.tensor([own, NAN, 0, 0, 0, 0, 0]), equal_nan=True)
    assert batch.targets["ekman"][1].isnan().tolist() == [False, True, *[False] * 5]


def test_mixup_takes_the_shares_of_votes_so_that_the_fewer_count_as_much(toy: Toy) -> None:
    trainer, _ = trainer_and_batch(toy, toy.node("a"))
    inputs = {"embedding": torch.tensor([[[1.0]], [[0.0]]]), "mask": torch.ones(2, 1, dtype=torch.bool)}
    votes = torch.tensor([[3.0, 1, 0, 0, 0], [0.0, 0, 0, 0, 100]])
    batch, own = mixed_pair(trainer, inputs, {"votes": votes})
    found = batch.targets["votes"]
    totals = torch.tensor([4 * own + 100 * (1 - own), 100 * own + 4 * (1 - own)])
    torch.testing.assert_close(found.sum(-1), totals)
    torch.testing.assert_close(found[0] / totals[0], torch.tensor([0.75 * own, 0.25 * own, 0, 0, 1 - own]))
    none = torch.tensor([[0.0] * 5, [0.0, 0, 0, 0, 100]])
    batch, _ = mixed_pair(trainer, inputs, {"votes": none})
    assert (batch.targets["votes"] > 0).tolist() == [[False] * 4 + [True]] * 2


def test_the_share_of_mixup_is_that_of_the_beta_distribution(toy: Toy) -> None:
    trainer, _ = trainer_and_batch(toy, toy.node("a"))
    inputs = {"embedding": torch.arange(8.0).view(8, 1, 1), "mask": torch.ones(8, 1, dtype=torch.bool)}
    shares = []
    for seed in range(2000):
        with random_stream(CPU, seed):
            batch, _ = mix_records(trainer.module, Batch(inputs, {}), 0.5)
            moved = batch.inputs["embedding"].flatten() - torch.arange(8.0)
        with random_stream(CPU, seed):
            drawn = torch.distributions.Beta(0.5, 0.5).sample()
            order = torch.randperm(8)
        torch.testing.assert_close(moved, (1 - drawn) * (order - torch.arange(8.0)), rtol=1e-4, atol=1e-5)
        shares.append(float(drawn))
    mean = sum(shares) / len(shares)
    assert mean == pytest.approx(0.5, abs=0.03)
    assert sum((share - mean) ** 2 for share in shares) / len(shares) == pytest.approx(1 / 8, abs=0.01)  # 1/(4(2a+1))


@pytest.mark.parametrize(
    ("target", "takes", "loss", "distance"),
    [
        ("emotion", "logits", divergence, lambda a, b: symmetric(a.log_softmax(-1), b.log_softmax(-1))),
        ("emotion", "probabilities", squared_error, lambda a, b: symmetric(a.log(), b.log())),
        ("ekman", "logits", binary_cross_entropy(), lambda a, b: bernoulli(a.sigmoid(), b.sigmoid())),
        ("ekman", "probabilities", squared_error, lambda a, b: bernoulli(a, b)),
        ("ekman", "values", squared_error, F.mse_loss),
        ("regret", "values", squared_error, F.mse_loss),
    ],
)
def test_disagreement_is_the_mean_of_both_divergences(
    toy: Toy, target: str, takes: Any, loss: Any, distance: Callable[[Tensor, Tensor], Tensor]
) -> None:
    trainer, batch = trainer_and_batch(toy, judged_by(toy.node("a", target=target, loss_weight=2.0), takes, loss))
    draw = torch.Generator().manual_seed(0)
    shape = batch.targets[target].shape
    a, b = (torch.rand(shape, generator=draw).clamp(0.01, 0.99) for _ in range(2))
    if takes == "probabilities" and target == "emotion":
        a, b = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
    found = disagreement(trainer.module, batch, {"a.value": a}, {"a.value": b})
    torch.testing.assert_close(found, 2 * distance(a, b), rtol=1e-4, atol=1e-6)
    assert disagreement(trainer.module, batch, {"a.value": a}, {"a.value": a}).item() == 0.0


def symmetric(log_p: Tensor, log_q: Tensor) -> Tensor:
    there, back = (F.kl_div(x, y, reduction="batchmean", log_target=True) for x, y in ((log_q, log_p), (log_p, log_q)))
    return (there + back) / 2


def bernoulli(p: Tensor, q: Tensor) -> Tensor:
    first, second = torch.distributions.Bernoulli(p), torch.distributions.Bernoulli(q)
    kl = torch.distributions.kl_divergence
    return (kl(first, second) + kl(second, first)).mean() / 2


def test_r_drop_is_the_mean_loss_of_two_passes_and_their_distance(toy: Toy) -> None:
    trainer, batch = trainer_and_batch(toy, toy.node("a", dropout=0.5), r_drop=3.0)
    with random_stream(CPU, 1):
        found = trainer.loss(batch)
    with random_stream(CPU, 1):
        first, second = (trainer.module(batch)["a.value"] for _ in range(2))
    target = batch.targets["regret"]
    expected = (F.mse_loss(first, target) + F.mse_loss(second, target)) / 2 + 3 * F.mse_loss(first, second)
    assert not torch.equal(first, second)
    torch.testing.assert_close(found, expected)
    assert trainer.take_effects() == {"r_drop": 1}


def test_padded_chunks_do_not_count_in_the_disagreement(toy: Toy) -> None:
    node = toy.node("a")
    (given,) = node.spec.gives
    assert node.spec.objective is not None
    old = node.spec.objective
    chunks = attrs.evolve(given, name="chunks", shape=("T", 16), form="values")
    term = LossTerm("chunks", "embedding", "values", squared_error)
    spec = attrs.evolve(
        node.spec,
        gives=(given, chunks),
        objective=lambda context: Objective((*old(context).losses, term), old(context).metrics),
    )
    trainer, batch = trainer_and_batch(toy, attrs.evolve(node, spec=spec))
    mask = batch.inputs["mask"]
    assert not bool(mask.all())
    value, other = torch.zeros(16), torch.zeros(*mask.shape, 16)
    noise = torch.where(mask.unsqueeze(-1), 0.5, 100.0).expand_as(other)
    first, second = {"a.value": value, "a.chunks": other}, {"a.value": value, "a.chunks": noise}
    assert disagreement(trainer.module, batch, first, second).item() == pytest.approx(0.25)


def test_the_dropout_schedule_goes_straight_to_its_end(toy: Toy) -> None:
    context = toy.context([toy.node("a", dropout=0.4)], groups={"a": GroupSettings(dropout_end=0.25)})
    (group,) = context.groups
    trainer = context.trainer(group)
    layer = next(layer for layer in trainer.module.modules() if isinstance(layer, torch.nn.Dropout))
    shares = []
    for epoch in range(1, context.settings.epochs + 1):
        for step, rows in enumerate(context.training_order(group, epoch)):
            trainer.step(context.source.batch(rows), epoch, step)
            shares.append(layer.p)
    last = len(shares) - 1
    assert shares == pytest.approx([0.4 * (1 - 0.75 * update / last) for update in range(len(shares))])
    assert shares[-1] == pytest.approx(0.1)


def test_the_average_follows_its_recurrence(toy: Toy) -> None:
    context = toy.context([toy.node("a")], groups={"a": GroupSettings(ema=0.6)}, learning_rate=3e-2)
    (group,) = context.groups
    trainer = context.trainer(group)
    expected = {name: parameter.detach().double() for name, parameter in trainer.parameters.items()}
    decays: list[float] = []
    for epoch in (1, 2):
        for step, rows in enumerate(context.training_order(group, epoch)):
            trainer.step(context.source.batch(rows), epoch, step)
            decays.append(min(0.6, (1 + len(decays)) / (10 + len(decays))))
            for name, parameter in trainer.parameters.items():
                expected[name] = decays[-1] * expected[name] + (1 - decays[-1]) * parameter.detach().double()
    assert decays[0] == 0.1
    assert decays[-1] == 0.6
    assert trainer.average is not None
    for name, tensor in expected.items():
        torch.testing.assert_close(trainer.average.weights[name].double(), tensor, rtol=1e-5, atol=1e-6)
        assert not torch.equal(trainer.average.weights[name], trainer.parameters[name])


@pytest.mark.parametrize("warmup", [0, 7])
def test_the_rate_of_every_update_is_its_closed_form(toy: Toy, monkeypatch: pytest.MonkeyPatch, warmup: int) -> None:
    from redheart_core.training import group_trainer, optimizer

    used: list[list[float]] = []
    make = optimizer.make_optimizer

    def watched(*arguments: Any) -> torch.optim.AdamW:
        made = make(*arguments)
        made.register_step_pre_hook(lambda one, *_: used.append([group["lr"] for group in one.param_groups]))
        return made

    monkeypatch.setattr(group_trainer, "make_optimizer", watched)
    node = toy.node("a", layers=("hidden", "last"), learning_rate_scale=2.0)
    own = {"a": GroupSettings(learning_rate=0.02, layer_decay=0.5)}
    _, stopped = toy.run("run", [node], groups=own, warmup_updates=warmup, final_rate=0.1)
    assert not stopped
    total = len(used)
    assert total > 4 * 5
    for update, rates in enumerate(used):
        if update < warmup:
            share = (update + 1) / (warmup + 1)
        else:
            share = 0.1 + 0.9 * (1 + math.cos(math.pi * (update - warmup) / (total - warmup - 1))) / 2
        assert sorted(set(rates)) == pytest.approx([0.02 * share, 0.04 * share], rel=1e-12)
