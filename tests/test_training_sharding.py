"""A group that two processes train together (gloo) leaves the checkpoints of one process, and its losses."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from several_ranks import Wide, leave_with_ranks, train_with_ranks
from toy import Toy

from redheart_core.config.tables import CheckpointDtype, GroupSettings, OptimizerBits, Shard
from redheart_core.contract.errors import SettingsError
from redheart_core.runs.run import RunFolder
from redheart_core.training.ranks import Ranks
from redheart_core.training.share import require_started

needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs redheart[lowbit]")
FilesOf = Callable[[RunFolder, str], dict[str, str]]


def losses_of(run: RunFolder, group: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(epochs, 2): of training and of validation."""
    return np.array([(entry.train_loss, entry.validation_loss) for entry in run.group(group).read().epochs])


def test_a_group_without_shard_is_not_trained_by_several_processes(toy: Toy) -> None:
    groups = toy.context([toy.node("low")], toy.store()).groups
    with pytest.raises(SettingsError, match=r"group 'low' has no \[groups.low\] shard.*without torchrun"):
        require_started(groups, Ranks(0, 2))


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_without_chance_the_losses_are_those_of_one_process(toy: Toy, shard: Shard) -> None:
    wide, store = Wide(dropout=0.0), toy.store()
    whole, stopped = toy.run("whole", wide.nodes(toy), store)
    assert not stopped
    groups = {name: GroupSettings(shard=shard) for name in ("low", "high")}
    assert train_with_ranks(toy, "shared", wide, groups, ["low", "high"], 2) == [0, 0]
    shared = RunFolder(toy.folder / "shared")
    for name in ("low", "high"):
        assert losses_of(shared, name) == pytest.approx(losses_of(whole, name), rel=1e-4)
        ours, theirs = shared.group(name).read(), whole.group(name).read()
        assert (ours.status, ours.files) == ("finished", theirs.files)
        for mine, other in zip(ours.epochs, theirs.epochs, strict=True):
            weights, expected = shared.group(name).weights(mine), whole.group(name).weights(other)
            assert {key: value.shape for key, value in weights.items()} == {
                key: value.shape for key, value in expected.items()
            }
            for key, value in weights.items():
                assert value.numpy() == pytest.approx(expected[key].numpy(), abs=2e-4)
        state, expected = shared.group(name).optimizer(ours.epochs[-1]), whole.group(name).optimizer(theirs.epochs[-1])
        assert {key: value.shape for key, value in state.items()} == {
            key: value.shape for key, value in expected.items()
        }
    assert (shared.path / "audit.json").read_bytes() == (whole.path / "audit.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shard", "bits", "width", "dtype"),
    [
        ("ddp", 32, 12, "float32"),
        ("fsdp", 32, 12, "float32"),
        ("fsdp", 32, 12, "bfloat16"),
        pytest.param("ddp", 8, 256, "bfloat16", marks=[pytest.mark.thorough, needs_torchao]),
    ],
)
def test_interrupted_and_resumed_it_ends_in_the_same_files(
    toy: Toy, files_of: FilesOf, shard: Shard, bits: OptimizerBits, width: int, dtype: CheckpointDtype
) -> None:
    wide, groups = Wide(0.2, width), {name: GroupSettings(shard=shard) for name in ("low", "high")}
    groups["low"] = GroupSettings(shard=shard, optimizer_bits=bits, checkpoint_dtype=dtype)
    whole, _ = toy.run("whole", wide.nodes(toy), toy.store())
    assert train_with_ranks(toy, "once", wide, groups, ["low"], 2) == [0, 0]
    assert train_with_ranks(toy, "resumed", wide, groups, ["low"], 2, epochs=2) == [1, 1]
    once, resumed = RunFolder(toy.folder / "once"), RunFolder(toy.folder / "resumed")
    assert len(resumed.group("low").read().epochs) == 2
    assert train_with_ranks(toy, "resumed", wide, groups, ["low"], 2) == [0, 0]
    assert files_of(resumed, "low") == files_of(once, "low")
    assert losses_of(once, "low") == pytest.approx(losses_of(whole, "low"), rel=0.05)
    assert not np.array_equal(losses_of(once, "low"), losses_of(whole, "low"))  # other masks of dropout


@pytest.mark.slow
@pytest.mark.parametrize(("shard", "size"), [("fsdp", 3), ("ddp", 1)])
def test_another_number_of_processes_goes_on_where_two_stopped(toy: Toy, shard: Shard, size: int) -> None:
    """Without dropout the losses stay those of one process; the epochs before it stay as they are."""
    wide, groups = Wide(dropout=0.0), {name: GroupSettings(shard=shard) for name in ("low", "high")}
    whole, _ = toy.run("whole", wide.nodes(toy), toy.store())
    assert train_with_ranks(toy, "resumed", wide, groups, ["low"], 2, epochs=2) == [1, 1]
    resumed = RunFolder(toy.folder / "resumed")
    before = resumed.group("low").read().epochs
    assert train_with_ranks(toy, "resumed", wide, groups, ["low"], size) == [0] * size
    after = resumed.group("low").read()
    assert (after.status, len(after.epochs)) == ("finished", 4)
    assert [entry.sha256 for entry in after.epochs[:2]] == [entry.sha256 for entry in before]
    assert losses_of(resumed, "low") == pytest.approx(losses_of(whole, "low"), rel=1e-4)
    for mine, other in zip(after.epochs, whole.group("low").read().epochs, strict=True):
        expected = whole.group("low").weights(other)
        for key, value in resumed.group("low").weights(mine).items():
            assert value.numpy() == pytest.approx(expected[key].numpy(), abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_a_process_without_a_target_of_a_node_goes_the_way_of_the_others(toy: Toy, shard: Shard) -> None:
    """Few records have it: in some batches those of one process alone, in some none."""
    wide, groups = Wide(dropout=0.0, group="both"), {"both": GroupSettings(shard=shard)}
    store = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 12 > 0))
    whole, stopped = toy.run("whole", wide.nodes(toy), store)
    assert not stopped
    assert train_with_ranks(toy, "shared", wide, groups, ["both"], 2) == [0, 0]
    shared = RunFolder(toy.folder / "shared")
    assert losses_of(shared, "both") == pytest.approx(losses_of(whole, "both"), rel=1e-4)
    for mine, other in zip(shared.group("both").read().epochs, whole.group("both").read().epochs, strict=True):
        expected = whole.group("both").weights(other)
        for key, value in shared.group("both").weights(mine).items():
            assert value.numpy() == pytest.approx(expected[key].numpy(), abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_a_late_process_does_what_the_others_do(toy: Toy, files_of: FilesOf, shard: Shard) -> None:
    """It never sees in a file what the first process has written meanwhile."""
    wide, groups = Wide(dropout=0.0), {name: GroupSettings(shard=shard) for name in ("low", "high")}
    toy.store()
    assert train_with_ranks(toy, "punctual", wide, groups, ["low"], 2) == [0, 0]
    assert train_with_ranks(toy, "late", wide, groups, ["low"], 2, late_s=1.0) == [0, 0]
    punctual, late = (RunFolder(toy.folder / name) for name in ("punctual", "late"))
    assert files_of(late, "low") == files_of(punctual, "low")


def test_no_process_leaves_while_another_is_in_its_last_exchange(tmp_path: Path) -> None:
    assert leave_with_ranks(tmp_path, 2) == [0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["left-0", "left-1", "through-0", "through-1"]


def test_groups_and_processes_have_to_agree(toy: Toy) -> None:
    wide, store = Wide(dropout=0.0), toy.store()
    with pytest.raises(SettingsError, match=r"\[groups.low\] shard is for several processes: torchrun .* --only low"):
        toy.run("run", wide.nodes(toy), store, groups={"low": GroupSettings(shard="ddp")})
    assert not Path(toy.folder / "run").exists()
