"""The promises of islands, tested with equality."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from toy import StopAfter, Toy

from redheart_core import CheckpointError, DataError, PluginError
from redheart_core.groups.validation import evaluate
from redheart_core.runs.manifest import FixedInput
from redheart_core.runs.run import RunFolder
from redheart_core.training.group_trainer import GroupTrainer

FilesOf = Callable[[RunFolder, str], dict[str, str]]


def test_a_group_has_the_same_files_alone_and_in_company(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    together, _ = toy.run("abc", [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("c", width=5)], store)
    alone, _ = toy.run("a", [toy.node("a")], store)
    assert len(files_of(alone, "a")) > 4
    assert files_of(together, "a") == files_of(alone, "a")
    assert files_of(together, "a") != files_of(together, "b")


def test_neither_order_nor_interleaving_changes_a_bit(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("c", width=5)]
    first, _ = toy.run("first", nodes, store)
    reverse, _ = toy.run("reverse", nodes[::-1], store)
    batches, _ = toy.run("batches", nodes, store, interleave="batch")
    for name in ("a", "b", "c"):
        assert files_of(first, name) == files_of(reverse, name) == files_of(batches, name)


def test_the_order_of_plugins_inside_a_group_changes_no_bit(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    nodes = [toy.node("a", group="g"), toy.node("b", target="choice_factors", group="g")]
    first, _ = toy.run("first", nodes, store)
    reverse, _ = toy.run("reverse", nodes[::-1], store)
    assert files_of(first, "g") == files_of(reverse, "g")


def test_another_seed_gives_other_weights(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    first, _ = toy.run("first", [toy.node("a")], store)
    second, _ = toy.run("second", [toy.node("a")], store, seed=1)
    assert files_of(first, "a") != files_of(second, "a")


def test_a_finished_run_takes_in_a_new_group_and_changes_no_other_file(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    run, _ = toy.run("run", [toy.node("a"), toy.node("b")], store)
    before = {name: files_of(run, name) for name in ("a", "b")}
    toy.run("run", [toy.node("a"), toy.node("b"), toy.node("late", reads=("embedding", "a.value"))], store)
    assert {name: files_of(run, name) for name in ("a", "b")} == before
    assert run.group("late").read().status == "finished"


def test_no_gradient_crosses_a_group_boundary(toy: Toy) -> None:
    context = toy.context([toy.node("low"), toy.node("high", reads=("low.value",))])
    low, high = (context.trainer(group) for group in context.groups)
    context.add_outputs(low.group, low.module)
    batch = context.source.batch(context.source.training_order(1)[0], high.group.inputs)
    for tensor in batch.inputs.values():
        if tensor.is_floating_point():
            tensor.requires_grad_()
    outputs = high.module(batch)
    outputs["high.value"].sum().backward()
    assert all(parameter.grad is not None for parameter in high.module.parameters())
    assert all(parameter.grad is None for parameter in low.module.parameters())
    assert all(tensor.grad is None for tensor in batch.inputs.values())


def test_a_higher_tier_learns_from_the_best_epoch_of_the_lower_one(toy: Toy) -> None:
    run, stopped = toy.run("run", [toy.node("high", reads=("low.value",)), toy.node("low")])
    assert not stopped
    low, high = run.group("low").read(), run.group("high").read()
    assert high.inputs == {"low": FixedInput(low.best.epoch, low.best.sha256)}


def test_inside_a_group_gradients_flow(toy: Toy) -> None:
    context = toy.context([toy.node("low", group="g"), toy.node("high", reads=("low.value",), group="g")])
    trainer = context.trainer(context.groups[0])
    batch = context.source.batch(context.source.training_order(1)[0])
    trainer.module(batch)["high.value"].sum().backward()
    reached = {name for name, p in trainer.module.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert {name for name, _ in trainer.module.named_parameters() if name.startswith("nodes.low")} <= reached


def test_training_learns(toy: Toy) -> None:
    run, _ = toy.run("run", [toy.node("a", width=16)], toy.store(toy.records(600)), epochs=12, learning_rate=1e-2)
    entries = run.group("a").read().epochs
    assert entries[-1].train_loss < 0.5 * entries[0].train_loss
    assert (entries[-1].metrics["a.explained_variance"] or 0.0) > 0.5


def test_every_epoch_orders_the_same_records_anew_and_the_same_for_a_seed(toy: Toy) -> None:
    source = toy.context([toy.node("a")]).source
    one, again, two = (torch.cat(source.training_order(epoch)) for epoch in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, two)
    assert torch.equal(one.sort().values, source.store.rows("train"))
    assert torch.equal(two.sort().values, source.store.rows("train"))


def test_a_missing_target_is_left_out_of_loss_and_metrics(toy: Toy) -> None:
    missing = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 3 == 0), "missing")
    context = toy.context([toy.node("a", dropout=0.0)], missing)
    trainer = context.trainer(context.groups[0])
    rows = context.store.rows("train")
    have = rows[~context.store.target("regret")[rows].isnan()]
    assert 0 < len(have) < len(rows)
    everything, only = (evaluate(trainer.module, context.source, part) for part in (rows, have))
    assert everything.metrics == pytest.approx(only.metrics, rel=1e-6)
    assert everything.loss == pytest.approx(only.loss, rel=1e-6)


def test_a_batch_without_any_target_is_passed_over(toy: Toy) -> None:
    store = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 4 > 0), "sparse")
    run, stopped = toy.run("run", [toy.node("a")], store, batch_size=2)
    assert not stopped
    assert run.group("a").read().status == "finished"


def test_a_target_that_no_record_has_is_refused_by_name(toy: Toy) -> None:
    store = toy.store(toy.records(missing=lambda index, field: field == "regret"), "none")
    with pytest.raises(PluginError, match="plugin 'a' learns 'regret', which no train record has"):
        toy.run("run", [toy.node("a"), toy.node("b", target="choice_factors")], store)


def test_a_target_that_the_data_set_does_not_know_is_refused_by_name(toy: Toy) -> None:
    with pytest.raises(PluginError, match="plugin 'a' learns 'utility', which the data set lacks"):
        toy.run("run", [toy.node("a", target="utility")])


def test_a_run_without_validation_records_is_refused(toy: Toy) -> None:
    with pytest.raises(DataError, match="no validation records"):
        toy.run("run", [toy.node("a")], toy.store(toy.records(3), "three"))


def test_a_fault_stops_its_group_alone(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    run, stopped = toy.run("run", [toy.node("bad", fault_after=20), toy.node("good")], store)
    alone, _ = toy.run("alone", [toy.node("good")], store)
    assert list(stopped) == ["bad"]
    assert "training loss became nan in epoch" in stopped["bad"]
    manifest = run.group("bad").read()
    assert manifest.status == "stopped"
    assert len(manifest.epochs) >= 1
    run.group("bad").weights(manifest.epochs[-1])
    assert files_of(run, "good") == files_of(alone, "good")


def test_groups_above_a_stopped_one_stop_too(toy: Toy) -> None:
    _, stopped = toy.run("run", [toy.node("bad", fault_after=1), toy.node("high", reads=("bad.value",))])
    assert stopped["high"] == "it reads bad, which stopped"


def test_a_damaged_checkpoint_stops_its_group_alone_on_resume(toy: Toy) -> None:
    store = toy.store()
    nodes = [toy.node("a"), toy.node("b")]
    with pytest.raises(KeyboardInterrupt):
        toy.run("run", nodes, store, listeners=[StopAfter(3)])
    run = RunFolder(toy.folder / "run")
    entry = run.group("a").read().epochs[-1]
    flip_byte(run.group("a").path / entry.file)
    _, stopped = toy.run("run", nodes, store)
    assert list(stopped) == ["a"]
    assert entry.sha256 in stopped["a"]
    assert run.group("b").read().status == "finished"


@pytest.mark.parametrize("after", [1, 3, 5])
def test_an_interrupted_run_ends_in_the_same_bits(toy: Toy, files_of: FilesOf, after: int) -> None:
    store = toy.store()
    nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value", "b.value"))]
    whole, _ = toy.run("whole", nodes, store)
    with pytest.raises(KeyboardInterrupt):
        toy.run("parts", nodes, store, listeners=[StopAfter(after)])
    parts, _ = toy.run("parts", nodes, store)
    for name in ("a", "b", "high"):
        assert files_of(parts, name) == files_of(whole, name)


def test_a_run_goes_on_only_under_the_settings_it_was_begun_with(toy: Toy) -> None:
    store = toy.store()
    toy.run("run", [toy.node("a")], store)
    with pytest.raises(CheckpointError, match=r"(?s)epochs was 4, is 5.*plugin 'a': setting "):
        toy.run("run", [toy.node("a", width=9)], store, epochs=5)


def test_a_group_cannot_take_in_a_plugin_later(toy: Toy) -> None:
    store = toy.store()
    toy.run("run", [toy.node("a", group="g")], store)
    with pytest.raises(CheckpointError, match="group 'g' cannot take in b"):
        toy.run("run", [toy.node("a", group="g"), toy.node("b", group="g")], store)


def test_retention_keeps_the_newest_the_best_and_the_referenced(toy: Toy) -> None:
    from redheart_core.runs.retention import add_references

    (toy.folder / "run").mkdir()
    add_references(toy.folder / "run", {"a": (2,)})
    run, _ = toy.run("run", [toy.node("a")], epochs=8, keep_epochs=2)
    manifest = run.group("a").read()
    assert {entry.epoch for entry in manifest.epochs} == {2, 7, 8, manifest.best.epoch}
    for entry in manifest.epochs:
        run.group("a").weights(entry)
    on_disk = {path.name for path in run.group("a").path.glob("epoch-*")}
    assert on_disk == {entry.file for entry in manifest.epochs}


def test_validation_never_sees_a_training_record(toy: Toy) -> None:
    context = toy.context([toy.node("a", dropout=0.0)])
    module = context.trainer(context.groups[0]).module
    validation = evaluate(module, context.source, context.store.rows("validation")).loss
    train_loss = evaluate(module, context.source, context.store.rows("train")).loss
    assert validation != train_loss
    sets = [set(context.store.rows(split).tolist()) for split in ("train", "validation", "calibration", "test")]
    assert sum(len(one) for one in sets) == len(set.union(*sets))


def test_a_step_leaves_the_global_random_state_alone(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    trainer: GroupTrainer = context.trainer(context.groups[0])
    before = torch.get_rng_state()
    trainer.step(context.source.batch(context.source.training_order(1)[0]), 1, 0)
    assert torch.equal(torch.get_rng_state(), before)


def flip_byte(path: Any) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert hashlib.sha256(data).hexdigest()
