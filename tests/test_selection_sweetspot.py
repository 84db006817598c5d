"""The sweet spot of a run: made-up validation losses in, choices, rules and JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from redheart_core import CheckpointError, RedheartError
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.exact.numbers import FloatArray
from redheart_core.runs.description import RUN_DESCRIPTION, DataDescription, GroupDescription, RunDescription
from redheart_core.runs.manifest import EpochEntry, GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import RULES, common_epoch, find_sweetspot, read_curve, trained_groups
from redheart_core.storage.files import make_folder, save_tensors

Write = Callable[..., RunFolder]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a run: write(a=records, b={epoch: losses}, seed=0), records (E, N)."""

    def run(
        seed: int = 0, joined: Sequence[Sequence[int]] = (), **groups: FloatArray | Mapping[int, FloatArray]
    ) -> RunFolder:
        folder = RunFolder(tmp_path)
        for name, given in groups.items():
            records = given if isinstance(given, Mapping) else dict(enumerate(given, 1))
            entries = [write_epoch(folder.group(name).path, epoch, losses) for epoch, losses in records.items()]
            folder.group(name).write(GroupManifest(name, "finished", epochs=tuple(entries)))
        joined_places = tuple(map(tuple, joined))
        encoder = EncoderIdentity((EncoderPart("letters", "1", "0", 1),), 1, "float32")
        make_folder(folder.path)
        RUN_DESCRIPTION.write(
            folder.file,
            RunDescription(
                redheart="1",
                torch="1",
                training=TrainSettings(seed=seed),
                nodes={},
                groups={name: GroupDescription(0, (), GroupSettings()) for name in groups},
                data=DataDescription("toy", "0", "store", encoder, None, {}, {}, {}, joined_places),
            ),
        )
        return folder

    return run


def write_epoch(folder: Path, epoch: int, losses: FloatArray) -> EpochEntry:
    folder.mkdir(parents=True, exist_ok=True)
    file = f"losses-{epoch:04d}.safetensors"
    sha = save_tensors(folder / file, {"losses": torch.tensor(losses, dtype=torch.float64)})
    return EpochEntry(
        epoch=epoch,
        file=f"epoch-{epoch:04d}.safetensors",
        sha256=f"{folder.name}-{epoch}",
        bytes=1,
        train_loss=-1e9,  # a detector that looked at it would be led astray
        validation_loss=float(torch.tensor(losses).mean()),
        metrics={"node.error": 0.5 - 0.01 * epoch},
        learning_rate=1e-3,
        losses_file=file,
        losses_sha256=sha,
    )


def valley(optimum: int, seed: int = 0, epochs: int = 16, records: int = 80) -> FloatArray:
    """(E, N) losses that fall to an optimum and rise after it."""
    draw, steps = np.random.default_rng(seed), np.arange(1, epochs + 1)
    mean = np.where(steps < optimum, np.exp(-steps / 1.5), 0.05 * (steps - optimum))
    table: FloatArray = 1 + mean[:, None] + draw.normal(0, 0.1, (1, records)) + draw.normal(0, 0.01, (epochs, records))
    return table


def test_every_rule_chooses_an_entry_on_disk(write: Write) -> None:
    run = write(early=valley(6), late=valley(9, 1))
    found = find_sweetspot(run, trained_groups(run))
    assert [choice.group for choice in found.groups] == ["early", "late"]
    assert {name: entry.epoch for name, entry in found.chosen("best").items()} == {"early": 6, "late": 9}
    assert {entry.epoch for entry in found.chosen("common").values()} == {found.common_epoch}
    for rule in set(RULES) - {"plateau"}:
        for name, entry in found.chosen(rule).items():
            assert entry == run.group(name).read().entry(entry.epoch)
            (choice,) = [choice for choice in found.groups if choice.group == name]
            assert rule in ("common", "beyond_noise") or entry.epoch == choice.detections[rule].epoch
    assert found.chosen("onset")["late"].epoch in (8, 9, 10)
    assert found.chosen("best")["early"] == run.group("early").read().best


def test_the_common_epoch_is_left_only_where_staying_costs_beyond_noise(write: Write) -> None:
    """Two groups are best far from the third one's epoch, one of them by far and one by chance."""
    draw = np.random.default_rng(5)
    flat = 1 + draw.normal(0, 0.1, (1, 80)) + draw.normal(0, 0.05, (16, 80))
    run = write(early=valley(3), late=valley(12, 1), strong=10 * valley(12, 2), flat=flat)
    found = find_sweetspot(run, trained_groups(run))
    chosen, best = found.chosen("beyond_noise"), found.chosen("best")
    assert best["flat"].epoch != found.common_epoch
    assert chosen["flat"].epoch == found.common_epoch
    assert chosen["early"] == best["early"]
    for choice in found.groups:
        leaves = choice.common_cost.corrected.is_above(0.0)
        assert chosen[choice.group] == (choice.best if leaves else choice.common)


def test_a_rule_that_abstains_is_an_error_that_names_the_groups(write: Write) -> None:
    falling = np.linspace(2, 1, 12)[:, None] + np.random.default_rng(1).normal(0, 0.001, (12, 80))
    run = write(falling=falling, valley=valley(6))
    found = find_sweetspot(run, ["falling", "valley"])
    with pytest.raises(
        RedheartError, match=r"'onset' names no epoch for some groups(.|\n)*falling: the smoothed loss"
    ) as e:
        found.chosen("onset")
    assert "valley:" not in str(e.value)
    with pytest.raises(
        RedheartError, match="no rule 'mcda'; choose one of best, one_se, common, beyond_noise, plateau, knee, onset, v"
    ):
        found.chosen("mcda")


def test_the_json_keeps_its_keys_and_gains_new_ones(write: Write) -> None:
    run = write(early=valley(6), late=valley(9, 1))
    found = find_sweetspot(run, ["early", "late"])
    table = found.to_json()
    assert table == json.loads(json.dumps(table))
    assert set(table) == {"groups", "common_epoch", "common_interval", "mean_cost", "mean_common_cost", "returns"}
    assert table["common_interval"]["low"] <= table["common_epoch"] <= table["common_interval"]["high"]
    for group, choice in zip(table["groups"], found.groups, strict=True):
        assert set(group) == {
            "group", "epochs", "best", "one_se", "one_se_difference", "one_se_error", "common", "cost",
            "interval", "detections", "common_cost", "metric_differences", "entries",
        }  # fmt: skip
        assert group["epochs"] == 16
        assert group["best"]["epoch"] == choice.best.epoch
        assert set(group["detections"]) == {"best", "one_se", "plateau", "knee", "onset", "vote"}
        assert set(group["detections"]["knee"]) == {"epoch", "reason"}
        assert set(group["common_cost"]["corrected"]) == {"value", "low", "high", "reason"}
        common, best = choice.common.metrics["node.error"], choice.best.metrics["node.error"]
        assert common is not None
        assert best is not None
        difference = common - best
        assert group["metric_differences"] == {"node.error": difference}


def test_the_numbers_of_a_group_do_not_depend_on_the_others_and_are_the_same_again(write: Write) -> None:
    run = write(early=valley(6), flat=valley(16, 2, epochs=16), late=valley(9, 1))
    every = find_sweetspot(run, ["early", "flat", "late"])
    assert find_sweetspot(run, ["early", "flat", "late"]) == every
    (alone,) = find_sweetspot(run, ["late"]).groups
    assert (alone.interval, alone.detections) == (every.groups[2].interval, every.groups[2].detections)
    assert alone.common_cost.corrected.value == alone.cost == 0.0


def test_the_one_se_choice_comes_with_its_difference_and_error(write: Write) -> None:
    base = np.linspace(1, 2, 100)
    wide = np.linspace(-1, 1.1, 100)
    run = write(g=np.array([base + 0.5, base + wide, base]))
    (choice,) = find_sweetspot(run, ["g"]).groups
    assert choice.one_se is not None
    assert choice.one_se.epoch == 2
    assert choice.one_se_difference == pytest.approx(0.05)
    assert choice.one_se_error == pytest.approx(wide.std(ddof=1) / 10)


def test_another_seed_of_the_run_gives_other_resamples(write: Write) -> None:
    groups = {"a": valley(6, epochs=8, records=20), "b": valley(3, 1, epochs=8, records=20)}
    first = find_sweetspot(write(seed=0, **groups), ["a", "b"])
    second = find_sweetspot(write(seed=1, **groups), ["a", "b"])
    assert first.mean_cost == second.mean_cost
    assert first.mean_common_cost.corrected != second.mean_common_cost.corrected


def test_losses_below_zero_have_a_cost_of_zero_at_the_best_epoch(write: Write) -> None:
    run = write(likelihood=valley(6) - 3, other=valley(6, 1))
    found = find_sweetspot(run, ["likelihood", "other"])
    assert [choice.cost for choice in found.groups] == [0.0, 0.0]
    assert found.mean_cost == 0.0


def test_epochs_that_retention_removed_silence_what_needs_the_whole_curve(write: Write) -> None:
    records = valley(6)
    run = write(g={epoch: records[epoch - 1] for epoch in (3, 6, 15, 16)})
    (choice,) = find_sweetspot(run, ["g"]).groups
    assert (choice.best.epoch, choice.epochs) == (6, 4)
    assert "epochs 1, 2, 4, 5, 7, ... are not on disk" in choice.detections["knee"].reason


def test_a_run_whose_groups_share_no_epoch_has_no_common_one(write: Write) -> None:
    records = valley(6)
    run = write(a={1: records[0], 2: records[1]}, b={3: records[2], 4: records[3]})
    with pytest.raises(CheckpointError, match="no epoch is on disk for every group; train with"):
        find_sweetspot(run, ["a", "b"])
    with pytest.raises(CheckpointError, match="no epoch is on disk for every group"):
        common_epoch({name: run.group(name).read() for name in "ab"})


def test_a_constant_loss_names_its_first_epoch_and_nothing_else(write: Write) -> None:
    run = write(stuck=np.ones((4, 10)), fine=valley(6, epochs=8, records=10))
    stuck, fine = find_sweetspot(run, ["stuck", "fine"]).groups
    assert stuck.best.epoch == 1
    assert stuck.one_se is None
    assert {found.epoch for name, found in stuck.detections.items() if name != "best"} == {None}
    assert "the loss is 1 at all 4 epochs" in stuck.detections["knee"].reason
    assert fine.one_se is not None


def test_one_validation_record_has_a_best_epoch_but_no_errors_and_no_correction(write: Write) -> None:
    run = write(a=np.array([[3.0], [1.0], [2.0]]), b=np.array([[2.0], [2.0], [1.0]]))
    found = find_sweetspot(run, ["a", "b"])
    assert [choice.best.epoch for choice in found.groups] == [2, 3]
    for choice in found.groups:
        assert (choice.one_se, choice.one_se_difference, choice.one_se_error) == (None, None, None)
        assert (
            choice.detections["one_se"].reason
            == "one validation record, or cluster of near-duplicates, has no standard error"
        )
        assert (choice.interval.low, choice.interval.high, choice.interval.shares) == (1, 3, {})
        assert choice.common_cost.corrected.value is None
        assert "one validation record" in choice.common_cost.corrected.reason
    assert found.mean_common_cost.apparent.value == pytest.approx(found.mean_cost)
    json.dumps(found.to_json(), allow_nan=False)
    with pytest.raises(RedheartError, match="the rule 'one_se' names no epoch"):
        found.chosen("one_se")


def test_damaged_losses_are_refused(write: Write) -> None:
    run = write(fine=valley(6, epochs=8, records=10))
    file = run.group("fine").path / "losses-0003.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"losses-0003\.safetensors"):
        find_sweetspot(run, ["fine"])


def test_near_duplicates_count_as_one_record_in_intervals_and_standard_errors(write: Write) -> None:
    losses = np.random.default_rng(0).normal(1.0, 0.1, (5, 40))
    copied = np.concatenate([losses, np.repeat(losses[:, :1], 60, axis=1)], axis=1)
    run = write(joined=[[0, *range(40, 100)]], g=copied)
    curve = read_curve(run.group("g"), run.group("g").read(), run.read().data.validation_clusters)
    assert curve.records.shape == (5, 40)
    assert curve.records.mean(1) == pytest.approx(copied.mean(1))
    apart = read_curve(run.group("g"), run.group("g").read(), [])
    assert np.array_equal(apart.records, copied)
    joined = find_sweetspot(run, ["g"])
    assert joined.groups[0].best.epoch == int(copied.mean(1).argmin()) + 1
    assert joined != find_sweetspot(write(g=copied), ["g"])
