"""Techniques in whole runs: off they change no bit, on they act, and no group feels those of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from toy import StopAfter, Toy

from redheart_core import CATALOGUE, ActiveNode, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.groups.group_module import CPU, GroupModule
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.models.of_run import require_model
from redheart_core.runs.manifest import FixedInput, GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_core.storage.settings import read_table
from redheart_core.storage.structuring import structure, unstructure

FilesOf = Callable[[RunFolder, str], dict[str, str]]

ACTING: dict[str, Any] = {
    "label_smoothing": 0.1,
    "r_drop": 1.0,
    "mixup": 0.4,
    "ema": 0.9,
    "dropout_end": 0.0,
    "layer_decay": 0.5,
}


def feeling_store(toy: Toy) -> Store:
    """The toy's records with a distribution, which label smoothing acts on."""
    records = []
    for record in toy.records():
        share = float(record.values["regret"])  # type: ignore[arg-type] # a number
        emotion = dict.fromkeys(CATALOGUE["emotion"].labels, 0.0) | {"joy": 1 - share, "fear": share}
        records.append(attrs.evolve(record, values={**record.values, "emotion": emotion}))
    return toy.store(records, "feelings", (CATALOGUE["emotion"],))


def node(toy: Toy, name: str, **settings: Any) -> ActiveNode:
    return toy.node(name, target="emotion", layers=("hidden", "last"), **settings)


def final_weights(run: RunFolder, group: str) -> dict[str, torch.Tensor]:
    return run.group(group).weights(run.group(group).read().epochs[-1])


def test_a_table_with_everything_off_changes_no_bit(toy: Toy, files_of: FilesOf) -> None:
    store = feeling_store(toy)
    off = read_table(GroupSettings, {key: read_default(key) for key in ACTING}, "[groups.a]")
    plain, _ = toy.run("plain", [node(toy, "a")], store)
    tabled, _ = toy.run("tabled", [node(toy, "a")], store, groups={"a": off})
    assert files_of(plain, "a") == files_of(tabled, "a")
    assert [dict(entry.effects) for entry in plain.group("a").read().epochs] == [{}] * 4


def read_default(key: str) -> object:
    return attrs.fields_dict(GroupSettings)[key].default


@pytest.mark.parametrize("technique", ACTING)
def test_a_technique_acts_in_every_epoch_and_keeps_to_its_group(toy: Toy, files_of: FilesOf, technique: str) -> None:
    store, on = feeling_store(toy), {"a": GroupSettings(**{technique: ACTING[technique]})}
    plain, _ = toy.run("plain", [node(toy, "a"), node(toy, "b", width=5)], store)
    both, _ = toy.run("both", [node(toy, "a"), node(toy, "b", width=5)], store, groups=on, interleave="batch")
    alone, _ = toy.run("alone", [node(toy, "a")], store, groups=on)
    assert files_of(both, "b") == files_of(plain, "b")
    assert files_of(both, "a") == files_of(alone, "a") != files_of(plain, "a")
    for entry in both.group("a").read().epochs:
        assert entry.effects.keys() == {technique}
        assert entry.effects[technique] > 0
    same = {
        key: torch.equal(tensor, final_weights(plain, "a")[key]) for key, tensor in final_weights(both, "a").items()
    }
    if technique == "ema":  # beside the weights, which it leaves as they are
        assert all(same.values())
    else:
        assert not any(same.values())


def test_averages_are_saved_evaluated_and_chosen_where_they_are_best(toy: Toy) -> None:
    nodes = [node(toy, "a", width=32), toy.node("high", reads=("a.value",))]
    store, on = feeling_store(toy), {"a": GroupSettings(ema=0.9)}
    run, stopped = toy.run("run", nodes, store, groups=on, learning_rate=0.3)
    assert not stopped
    manifest = run.group("a").read()
    assert [entry.epoch for entry in manifest.averages] == [entry.epoch for entry in manifest.epochs] == [1, 2, 3, 4]
    assert all(entry.averaged for entry in manifest.averages)
    assert not any(entry.averaged for entry in manifest.epochs)
    lowest = min(entry.validation_loss for entry in (*manifest.epochs, *manifest.averages))
    assert manifest.best.validation_loss == lowest < min(entry.validation_loss for entry in manifest.epochs)
    assert manifest.best.averaged
    assert run.group("high").read().inputs == {"a": FixedInput(manifest.best.epoch, manifest.best.sha256)}


def test_a_model_of_the_best_epochs_takes_the_average_where_that_is_best(toy: Toy) -> None:
    nodes = [node(toy, "a", width=32), toy.node("high", reads=("a.value",))]
    store, on = feeling_store(toy), {"a": GroupSettings(ema=0.9)}
    run, _ = toy.run("run", nodes, store, groups=on, learning_rate=0.3)
    context, best = toy.context(nodes, store, on, learning_rate=0.3), run.group("a").read().best
    sweetspot = find_sweetspot(run, ["a", "high"])
    assert best.averaged
    assert sweetspot.chosen("best")["a"] == best
    folder = run.path / "model"
    assemble(folder, run, context, sweetspot.chosen("best"))
    require_model(folder, run, sweetspot)
    model = load_model(folder, context.nodes, CPU)
    module = model.modules["a"]
    assert isinstance(module, GroupModule)
    for name, tensor in run.group("a").weights(best).items():
        assert torch.equal(module.parameter_dict()[name], tensor)
    checks = check_exactness(model, context)
    assert next(check.epoch for check in checks) == f"{best.epoch} (average)"
    assert all(check.equal for check in checks)


def test_a_saved_average_is_that_of_the_updates_so_far_and_gives_its_recorded_loss(toy: Toy) -> None:
    from redheart_core.groups.validation import evaluate

    store, on = feeling_store(toy), {"a": GroupSettings(ema=0.7)}
    run, _ = toy.run("run", [node(toy, "a")], store, groups=on)
    context = toy.context([node(toy, "a")], store, on)
    (group,) = context.groups
    trainer = context.trainer(group)
    for entry in run.group("a").read().averages:
        for step, rows in enumerate(context.training_order(group, entry.epoch)):
            trainer.step(context.source.batch(rows), entry.epoch, step)
        assert trainer.average is not None
        saved = run.group("a").weights(entry)
        assert saved.keys() == trainer.average.weights.keys()
        assert all(torch.equal(saved[name], tensor) for name, tensor in trainer.average.weights.items())
        module = context.module(group)
        module.load(saved)
        result = evaluate(module, context.source, store.rows("validation"))
        assert result.loss == entry.validation_loss
        assert result.metrics == dict(entry.metrics)
        assert torch.equal(result.losses, run.group("a").losses(entry))


def test_of_equal_losses_the_plain_weights_come_before_the_average(toy: Toy) -> None:
    run, _ = toy.run("run", [node(toy, "a")], feeling_store(toy), groups={"a": GroupSettings(ema=0.9)}, epochs=1)
    manifest = run.group("a").read()
    (plain,) = manifest.epochs
    equal = attrs.evolve(manifest, averages=(attrs.evolve(plain, averaged=True),))
    assert not equal.best.averaged
    written = structure(unstructure(equal), GroupManifest, "manifest.json")
    assert isinstance(written, GroupManifest)
    assert written == equal


def test_retention_drops_the_average_of_a_dropped_epoch(toy: Toy) -> None:
    on = {"a": GroupSettings(ema=0.9)}
    run, _ = toy.run("run", [node(toy, "a")], feeling_store(toy), groups=on, epochs=6, keep_epochs=1)
    manifest = run.group("a").read()
    kept = [entry.epoch for entry in manifest.epochs]
    assert kept == [entry.epoch for entry in manifest.averages] == sorted({manifest.best.epoch, 6})
    on_disk = {path.name for path in run.group("a").path.glob("*epoch-*")}
    assert on_disk == {entry.file for entry in manifest.candidates}


EVERYTHING = {key: value for key, value in ACTING.items() if key != "dropout_end"} | {"dropout_end": 0.5}


@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_run_with_every_technique_ends_in_the_same_bits(toy: Toy, files_of: FilesOf, after: int) -> None:
    store, on = feeling_store(toy), {"a": GroupSettings(**EVERYTHING)}
    whole, _ = toy.run("whole", [node(toy, "a")], store, groups=on)
    with pytest.raises(KeyboardInterrupt):
        toy.run("parts", [node(toy, "a")], store, groups=on, listeners=[StopAfter(after)])
    parts, _ = toy.run("parts", [node(toy, "a")], store, groups=on)
    assert files_of(parts, "a") == files_of(whole, "a")
    assert any(name.startswith("average-epoch") for name in files_of(parts, "a"))


@pytest.mark.parametrize(
    ("settings", "idle"),
    [
        ({"r_drop": 1.0}, {"dropout": 0.0}),
        ({"layer_decay": 0.5}, {"layers": ()}),
        ({"label_smoothing": 0.1}, {"target": "choice_factors"}),
    ],
)
def test_a_technique_without_any_effect_is_an_error_after_an_epoch(
    toy: Toy, settings: dict[str, Any], idle: dict[str, Any]
) -> None:
    (name,) = settings
    lazy = toy.node("a", **{"target": "regret", **idle})
    with pytest.raises(SettingsError, match=rf"\[groups.a\] {name}: switched on, but without any effect"):
        toy.run("run", [lazy], groups={"a": GroupSettings(**settings)})
    assert toy.run("off", [lazy])[1] == {}


def test_rates_that_differ_by_plugin_are_no_layer_decay(toy: Toy) -> None:
    nodes = [toy.node("a", group="g"), toy.node("b", group="g", learning_rate_scale=0.5)]
    with pytest.raises(SettingsError, match="layer_decay: switched on, but without any effect"):
        toy.run("run", nodes, groups={"g": GroupSettings(layer_decay=0.5)})


def test_mixup_of_batches_of_one_record_is_an_error(toy: Toy) -> None:
    with pytest.raises(SettingsError, match="mixup: switched on, but without any effect"):
        toy.run("run", [toy.node("a")], groups={"a": GroupSettings(mixup=0.4)}, batch_size=1)


def test_a_dropout_schedule_without_dropout_is_an_error(toy: Toy) -> None:
    with pytest.raises(SettingsError, match=r"\[groups.a\] dropout_end: the group has no dropout"):
        toy.run("run", [toy.node("a", dropout=0.0)], groups={"a": GroupSettings(dropout_end=0.5)})


def test_a_table_of_no_group_is_an_error_that_lists_the_groups(toy: Toy) -> None:
    with pytest.raises(SettingsError, match=r"\[groups.c\]: there is no such group \(groups: a, b\)"):
        toy.context([toy.node("a"), toy.node("b")], groups={"c": GroupSettings(ema=0.9)})


def test_wrong_values_are_reported_all_at_once() -> None:
    table = {"ema": 1.0, "label_smoothing": -0.1, "layer_decay": 0.0, "learning_rate": 0.0, "warmup": 3, "mixup": "a"}
    with pytest.raises(SettingsError) as found:
        read_table(GroupSettings, table, "[groups.a]")
    for key in table:
        assert f"'{key}'" in str(found.value)


def test_a_run_goes_on_only_under_the_techniques_it_was_begun_with(toy: Toy) -> None:
    from redheart_core import CheckpointError

    store = toy.store()
    toy.run("run", [toy.node("a")], store)
    with pytest.raises(CheckpointError, match=r"\[groups.a\] was .*'ema': 0.0.* is .*'ema': 0.9"):
        toy.run("run", [toy.node("a")], store, groups={"a": GroupSettings(ema=0.9)})
