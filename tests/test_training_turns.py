"""Groups that take turns within a budget: the same bits, whatever the budget and the length of a turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import torch
from toy import StopAfter, Toy
from turns import ENOUGH, Tight, moved_files

from redheart_core import ActiveNode, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.runs.run import RunFolder
from redheart_core.training.budget import Budget
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.held import Held, held_tensors
from redheart_core.training.memory_plan import GroupMemory, MemoryPlan
from redheart_core.training.shelves import MappedFiles
from redheart_core.training.step_memory import StepMemory
from redheart_core.training.turns import epochs_together, plan_turns

FilesOf = Callable[[RunFolder, str], dict[str, str]]
GROUPS = {
    "a": GroupSettings(ema=0.8, mixup=0.4),
    "b": GroupSettings(precision="bfloat16"),
    "c": GroupSettings(layer_decay=0.9, epochs=2),
}
NAMES = ("a", "b", "c", "high")


def nodes(toy: Toy) -> list[ActiveNode]:
    """Three groups of a tier and one above, with clipping, an average, bfloat16, dropout and layers."""
    return [
        toy.node("a", width=50),
        toy.node("b", target="choice_factors", width=70),
        toy.node("c", width=30, layers=("hidden", "last"), dropout=0.3),
        toy.node("high", reads=("a.value", "embedding")),
    ]


def train(toy: Toy, name: str, **more: object) -> RunFolder:
    run, stopped = toy.run(name, nodes(toy), groups=GROUPS, epochs=3, clip_norm=0.05, **more)  # type: ignore[arg-type] # of several kinds
    assert not stopped
    return run


@pytest.mark.parametrize(
    "plan", [Tight(), Tight(step_seconds=1e-4), Tight(more=9000), Tight(turn_steps=1), Tight(turn_steps=4)]
)
def test_turns_change_no_bit(toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch, plan: Tight) -> None:
    resident = train(toy, "resident")
    moved = list[str]()
    monkeypatch.setattr(MappedFiles, "put", moved_files(moved))
    turns = train(toy, "turns", plan=plan)
    assert len(set(moved)) > 1, "they were moved"
    assert {name: files_of(turns, name) for name in NAMES} == {name: files_of(resident, name) for name in NAMES}
    assert not list(turns.path.glob(".idle*")), "nothing of it stays"


@pytest.mark.parametrize(("after", "first"), [(2, Tight(step_seconds=1e-4)), (5, Tight())])
def test_a_stopped_training_goes_on_under_another_budget(toy: Toy, files_of: FilesOf, after: int, first: Tight) -> None:
    resident = train(toy, "resident")
    with pytest.raises(KeyboardInterrupt):
        train(toy, "turns", plan=first, listeners=[StopAfter(after)])
    run = train(toy, "turns", plan=Tight(turn_steps=3))
    assert {name: files_of(run, name) for name in NAMES} == {name: files_of(resident, name) for name in NAMES}


def test_a_group_that_is_laid_down_and_brought_back_is_the_same_and_costs_nothing_meanwhile(
    toy: Toy, tmp_path: Path
) -> None:
    context = toy.context([toy.node("a", width=64)], groups={"a": GroupSettings(ema=0.9)})
    trainer = context.trainer(context.groups[0])
    batch = context.source.batch(context.source.training_order(1)[0])
    trainer.step(batch, 1, 0)
    trainer.module.zero_grad(set_to_none=True)
    held = held_tensors(trainer)
    before = [tensor.clone() for tensor in held]
    shelf = MappedFiles(tmp_path / "idle")
    places = [tensor.data_ptr() for tensor in held]
    group = Held(trainer)
    away = group.lay_down(shelf)
    assert away == sum(tensor.nbytes for tensor in held)
    assert (tmp_path / "idle" / "a.state").stat().st_size >= away
    assert all(now.data_ptr() != place for now, place in zip(held_tensors(trainer), places, strict=True))
    assert all(torch.equal(now, then) for now, then in zip(held_tensors(trainer), before, strict=True))
    group.bring(shelf)
    assert all(now is then for now, then in zip(held_tensors(trainer), held, strict=True)), "the same tensors"
    assert all(torch.equal(now, then) for now, then in zip(held, before, strict=True))
    shelf.close()
    assert not (tmp_path / "idle").exists()
    trainer.step(batch, 1, 1)


def test_tensors_that_share_memory_share_it_after_a_move(toy: Toy, tmp_path: Path) -> None:
    context = toy.context([toy.node("a")])
    trainer = context.trainer(context.groups[0])
    whole = torch.arange(12.0)
    first, second = torch.nn.Parameter(whole[:4]), torch.nn.Parameter(whole[4:].view(2, 4).t())
    trainer.module.first, trainer.module.second = first, second
    shelf, group = MappedFiles(tmp_path / "idle"), Held(trainer)
    group.lay_down(shelf)
    group.bring(shelf)
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr() != whole.data_ptr()
    assert torch.equal(second.data, whole[4:].view(2, 4).t())
    shelf.close()


def made_up(name: str, state: int, transient: int) -> GroupMemory:
    return GroupMemory(name, 0, 64, 100, StepMemory(state, 0, 0, transient, 0, 0.5))


def a_step(one: GroupMemory, seconds: float) -> GroupMemory:
    """The group if its steps took so long."""
    return attrs.evolve(one, step=attrs.evolve(one.step, seconds=seconds))


MEMORY = MemoryPlan("cpu", (made_up("a", 40, 10), made_up("b", 20, 60), made_up("c", 30, 10)), base=100)


def test_a_plan_says_who_stays_what_is_moved_and_the_peak() -> None:
    everything = plan_turns(MEMORY, Budget(250))
    assert everything.tiers[0].stay == ("a", "b", "c")
    assert (everything.tiers[0].moved, everything.peak) == (0, MEMORY.peak) == (0, 250)
    one = plan_turns(MEMORY, Budget(180)).tiers[0]
    assert (one.stay, one.leave) == (("b",), ("a", "c")), "b is small enough to stay beside each of the others"
    assert (one.peak, one.largest, one.moved, one.idle) == (180, "b", 2 * (40 + 30), 70)
    two = plan_turns(MEMORY, Budget(210)).tiers[0]
    assert two.peak <= 210
    assert 0 < two.moved < one.moved


def test_turns_are_as_long_as_moving_is_dear() -> None:
    all_stay, two_leave = (plan_turns(MEMORY, Budget(size)).tiers[0] for size in (250, 180))

    def taking(seconds: float) -> tuple[GroupMemory, ...]:
        """Groups whose epochs take so long together, with half a second at their ends."""
        a, b, c = MEMORY.groups
        return (
            a_step(a, 0.0),
            a_step(b, 0.0),
            attrs.evolve(a_step(c, (seconds - 0.5) / 100), validation=0.4, saving=0.1),
        )

    assert epochs_together(all_stay, taking(0.5)) == 1, "nothing is moved"
    assert epochs_together(two_leave, taking(60.0)) == 1
    assert epochs_together(two_leave, taking(1.0)) == 3, "two moves of a hundredth of a second each, and some bytes"
    dearer = attrs.evolve(two_leave, moved=3 * 10**9)
    assert [epochs_together(dearer, taking(seconds)) for seconds in (600.0, 60.0, 6.0)] == [1, 6, 51]


def test_a_plan_says_how_long_turns_are_how_many_there_are_and_the_time_of_everything() -> None:
    long = attrs.evolve(made_up("c", 30, 10), steps=600, epochs=6, validation=0.3, saving=0.2)
    short = attrs.evolve(MEMORY, groups=tuple(a_step(one, 1e-3) for one in (*MEMORY.groups[:2], long)))
    each = [0.1, 0.1, 6 * (0.1 + 0.5)]
    assert [one.seconds for one in short.groups] == pytest.approx(each), "one epoch, one epoch, and six"
    assert short.tiers[0].seconds == pytest.approx(sum(each))
    (tier,) = plan_turns(short, Budget(180)).tiers
    assert (tier.leave, tier.epochs, tier.rounds) == (("a", "c"), 3, 2), "an epoch of all takes 0.8 s"
    assert tier.seconds == pytest.approx(sum(each) + 2 * 0.02)
    (steps,) = plan_turns(short, Budget(180, turn_steps=40)).tiers
    assert (steps.epochs, steps.rounds) == (1, 6 * (3 + 1)), "three turns of steps, one of validation and saving"
    assert plan_turns(short, Budget(250)).seconds == pytest.approx(sum(each)), "nothing is moved"


def test_a_turn_of_several_epochs_moves_less(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = list[str]()
    monkeypatch.setattr(MappedFiles, "put", moved_files(moved))
    toy.run("epochs", nodes(toy)[:2], plan=Tight())
    each_epoch = len(moved)
    moved.clear()
    toy.run("several", nodes(toy)[:2], plan=Tight(step_seconds=1e-4))
    assert 0 < len(moved) < each_epoch


def test_a_group_that_is_not_on_the_device_can_be_read_and_learns_on_from_what_it_was(toy: Toy, tmp_path: Path) -> None:
    trainer = (context := toy.context([toy.node("a", width=64)])).trainer(context.groups[0])
    batch = context.source.batch(context.source.training_order(1)[0])
    shelf, group = MappedFiles(tmp_path / "idle"), Held(trainer)
    for number in range(3):
        trainer.step(batch, 1, number)
        trainer.module.zero_grad(set_to_none=True)
        before = [tensor.clone() for tensor in held_tensors(trainer)]
        group.lay_down(shelf)
        places = [tensor.data_ptr() for tensor in held_tensors(trainer)]
        assert all(torch.equal(now, then) for now, then in zip(held_tensors(trainer), before, strict=True))
        group.bring(shelf)
        assert [tensor.data_ptr() for tensor in held_tensors(trainer)] == places, "nothing is copied back"
    shelf.close()


def test_memory_is_given_back_only_where_the_budget_may_not_hold_a_turn(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redheart_core.training.peaks import ProcessMemory

    released = list[bool]()
    monkeypatch.setattr(ProcessMemory, "release", lambda self, garbage=True: released.append(garbage))
    toy.run("ample", nodes(toy)[:2], plan=Tight())
    planning = len(released)
    monkeypatch.setattr(ProcessMemory, "current", lambda self: ENOUGH)
    toy.run("full", nodes(toy)[:2], plan=Tight())
    assert planning == 3, "for the plan alone: before each group's turn is measured, and at its end"
    assert False in released, "freed memory at first"
    assert True in released[2 * planning + 1 :], "then garbage, once"


def test_a_group_that_does_not_fit_alone_is_refused_with_what_would() -> None:
    with pytest.raises(SettingsError, match="does not fit into 1 MB; 1 MB would hold it") as caught:
        plan_turns(MEMORY, Budget(179))
    assert "group 'b' needs 1 MB with no other" in str(caught.value)
    plan_turns(MEMORY, Budget(180))


@pytest.mark.parametrize(
    ("budget", "remedy"), [(150, r"micro_batch = 32 under \[groups.b\]"), (120, "No batch size makes it fit")]
)
def test_a_refusal_says_how_it_would_fit(budget: int, remedy: str) -> None:
    with pytest.raises(SettingsError, match=remedy):
        plan_turns(MEMORY, Budget(budget))


def test_host_memory_holds_what_is_not_on_a_cuda_device() -> None:
    memory = attrs.evolve(MEMORY, device="cuda", base=0, host_base=1000)
    plan = plan_turns(memory, Budget(80))
    assert plan.host_peak == 1000 + 70
    assert plan_turns(memory, Budget(80, host_memory=1070)).host_peak == 1070
    with pytest.raises(SettingsError, match="raise --host-memory"):
        plan_turns(memory, Budget(80, host_memory=1069))


def test_a_turn_that_takes_more_than_the_budget_is_an_error_that_says_by_how_much(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redheart_core.training.peaks import ProcessMemory

    monkeypatch.setattr(ProcessMemory, "peak", lambda self: ENOUGH + 5 * 10**6)
    with pytest.raises(SettingsError, match=r"took 100005 MB, 5 MB over the budget .* --memory of at least 100005 MB"):
        train(toy, "over", plan=Tight())
    assert RunFolder(toy.folder / "over").group("a").read().epochs, "what was trained is saved"


def test_a_turn_in_the_middle_of_an_epoch_that_takes_more_than_the_budget_is_the_last_one(
    toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redheart_core.training.out_of_memory import Ladder
    from redheart_core.training.peaks import ProcessMemory

    made, real = list[tuple[str, int, int]](), Ladder.step

    def step(self: Ladder, trainer: GroupTrainer, batch: Batch, epoch: int, number: int) -> torch.Tensor | None:
        made.append((trainer.group.name, epoch, number))
        return real(self, trainer, batch, epoch, number)

    with monkeypatch.context() as patch:
        patch.setattr(Ladder, "step", step)
        large = ("b", 2, 3)
        patch.setattr(ProcessMemory, "peak", lambda self: ENOUGH + 5 * 10**6 if large in made else 0)
        with pytest.raises(SettingsError, match="a turn of group 'b' took 100005 MB, 5 MB over the budget"):
            train(toy, "over", plan=Tight(turn_steps=2))
    assert made[-4:] == [("a", 2, 2), ("a", 2, 3), ("b", 2, 2), large], "nobody has a turn after it"
    over = RunFolder(toy.folder / "over")
    assert [[entry.epoch for entry in over.group(name).read().epochs] for name in "abc"] == [[1], [1], [1]]
    resident = train(toy, "resident")
    assert [files_of(train(toy, "over"), name) for name in NAMES] == [files_of(resident, name) for name in NAMES]


def test_the_process_measures_its_own_peak() -> None:
    from redheart_core.training.peaks import ProcessMemory

    meter = ProcessMemory()
    meter.begin()
    before = meter.current()
    block = torch.ones(10**7)
    held = meter.current()
    del block
    meter.release()
    assert meter.current() < held - 3 * 10**7
    assert before + 3 * 10**7 < held <= meter.peak() + 10**6
    meter.begin()
    assert meter.peak() < held - 3 * 10**7
