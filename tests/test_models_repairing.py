"""A damaged group goes back to its last good epoch, and trains to the bits of a run that nothing has damaged."""

from __future__ import annotations

import attrs
import pytest
from front_door import flip_byte
from toy import StopAfter, Toy, group_files, hooks

from redheart_core import ActiveNode, EpochFinished, hookimpl
from redheart_core.config.tables import CheckpointDtype, GroupSettings
from redheart_core.data.store import Store
from redheart_core.models.assembly import assemble
from redheart_core.models.blending import blend_groups
from redheart_core.models.repairing import Moved, repair_groups
from redheart_core.models.verifying import verify_run
from redheart_core.runs.retention import references
from redheart_core.runs.run import RunFolder
from redheart_core.training.loop import train
from redheart_export.opening import exported_files

EPOCHS = 5


@attrs.frozen
class Bench:
    """A run of two groups and one above them."""

    toy: Toy
    settings: dict[str, int]
    groups: dict[str, GroupSettings] | None = None

    def nodes(self) -> list[ActiveNode]:
        toy = self.toy
        return [toy.node("a"), toy.node("b"), toy.node("high", reads=("a.value", "embedding"))]

    def train(self) -> list[tuple[str, int]]:
        """Train the run or go on with it; the epochs that were trained."""
        folder, seen = self.toy.folder / "store", Seen()
        store = Store.open(folder) if folder.exists() else self.toy.store()
        context = self.toy.context(self.nodes(), store, self.groups, epochs=EPOCHS, **self.settings)
        assert train(self.run, context, hooks(seen)) == {}
        return seen.epochs

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.toy.folder / "run")

    def files(self) -> dict[str, dict[str, str]]:
        return {name: group_files(self.run, name) for name in ("a", "b", "high")}

    def damage(self, *names: str) -> Moved:
        """Damage files of group a and repair it."""
        for name in names:
            flip_byte(self.run.group("a").path / name)
        found = verify_run(self.run.path, exported_files)
        assert len(found.damaged) == len(names)
        (moved,) = repair_groups(self.run.path, found.groups)
        assert verify_run(self.run.path, exported_files).damaged == []
        return moved


class Seen:
    """The epochs that were trained."""

    def __init__(self) -> None:
        self.epochs: list[tuple[str, int]] = []

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        self.epochs.append((event.group, event.epoch))


LAST_TWO: dict[str, int] = {}
ALL = {"keep_states": 0}
LITTLE = {"keep_epochs": 2}
CASES: list[tuple[dict[str, int], list[tuple[list[str], int | None]]]] = [
    (
        LAST_TWO,
        [
            (["epoch-0005"], 4),
            (["losses-0005"], 4),
            (["state-0005"], 4),
            (["epoch-0005", "state-0005", "state-0004"], None),
            (["epoch-0004"], None),
        ],
    ),
    (ALL, [(["epoch-0003", "losses-0004"], 2), (["epoch-0003", "state-0002"], 1), (["epoch-0001"], None)]),
    (LITTLE, [(["epoch-0005"], 4)]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "cases"), CASES, ids=["last two states", "all states", "two epochs"])
def test_a_damaged_group_trains_again_from_its_last_good_epoch_alone(
    toy: Toy, quick_disk: None, settings: dict[str, int], cases: list[tuple[list[str], int | None]]
) -> None:
    bench = Bench(toy, settings)
    bench.train()
    whole = bench.files()
    for names, back in cases:
        moved = bench.damage(*(f"{name}.safetensors" for name in names))
        assert (moved.group, moved.epoch, moved.lost) == ("a", back, EPOCHS)
        assert {name: bench.files()[name] for name in ("b", "high")} == {name: whole[name] for name in ("b", "high")}
        assert {f"{name}.safetensors" for name in names} <= {path.name for path in moved.aside.iterdir()}
        assert bench.train() == [("a", epoch) for epoch in range((back or 0) + 1, EPOCHS + 1)]
        assert bench.files() == whole


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_averages_go_back_too(toy: Toy, quick_disk: None, dtype: CheckpointDtype) -> None:
    bench = Bench(toy, ALL, {"a": GroupSettings(ema=0.8, checkpoint_dtype=dtype)})
    bench.train()
    whole = bench.files()
    assert bench.damage("average-epoch-0004.safetensors").epoch == 3
    assert bench.train() == [("a", 4), ("a", 5)]
    assert bench.files() == whole


def test_a_damaged_state_that_no_one_needs_costs_no_epoch(toy: Toy, quick_disk: None) -> None:
    bench = Bench(toy, LAST_TWO)
    bench.train()
    whole = bench.files()
    moved = bench.damage("state-0004.safetensors")
    assert moved.epoch == moved.lost == EPOCHS
    assert "keeps its 5 epochs" in moved.said
    assert bench.train() == []
    gone = {"state-0004.safetensors", "manifest.json"}
    assert bench.files()["a"].keys() | gone == whole["a"].keys()
    assert all(whole["a"][name] == sha for name, sha in bench.files()["a"].items() if name not in gone)


def test_a_group_that_was_interrupted_is_repaired_to_the_same_bits(toy: Toy, quick_disk: None) -> None:
    bench = Bench(toy, LAST_TWO)
    bench.train()
    whole = bench.files()
    other = Bench(Toy(toy.folder / "other"), LAST_TWO)
    other.toy.store()
    context = other.toy.context(other.nodes(), epochs=EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        train(other.run, context, hooks(StopAfter(5)))  # both groups have two epochs, a has a third
    assert other.damage("epoch-0003.safetensors").epoch == 2
    other.train()
    assert other.files() == whole


def test_a_model_keeps_its_epochs_while_a_repaired_group_trains_them_again(toy: Toy, quick_disk: None) -> None:
    bench = Bench(toy, {"keep_epochs": 2})
    bench.train()
    whole = bench.files()
    context = toy.context(bench.nodes(), Store.open(toy.folder / "store"), epochs=EPOCHS, keep_epochs=2)
    assemble(toy.folder / "model", bench.run, context, *blend_groups(bench.run, context, "top ensemble"))
    used = references(bench.run.path)["a"]
    assert bench.damage("epoch-0005.safetensors").epoch == 4
    bench.train()
    assert bench.files() == whole
    assert {*used} <= {entry.epoch for entry in bench.run.group("a").read().epochs}
