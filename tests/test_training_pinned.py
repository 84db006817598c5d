"""The way of states to pinned memory and back, on a made-up device: order of the calls, and equal bits.

What real streams do beside each other cannot be shown without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import attrs
import pytest
import torch
from test_training_turns import NAMES, train
from torch import Tensor
from toy import Toy
from turns import Tight

from redheart_core.runs.run import RunFolder
from redheart_core.training import residency
from redheart_core.training.context import TrainingContext
from redheart_core.training.held import Held
from redheart_core.training.shelves import Cuda, PinnedMemory
from redheart_core.training.turns import TurnPlan


class MadeUp(Cuda):
    """A device whose memory is the host's, which notes what is asked of it."""

    def __init__(self) -> None:
        self.calls = list[str]()

    def pinned(self, size: int) -> Tensor:
        self.calls.append("pinned")
        return torch.empty(size, dtype=torch.uint8)

    def empty(self, size: int) -> Tensor:
        return torch.empty(size, dtype=torch.uint8)

    def beside(self) -> AbstractContextManager[object]:
        self.calls.append("beside")
        return nullcontext()

    def side_waits(self) -> None:
        self.calls.append("side waits")

    def computation_waits(self) -> None:
        self.calls.append("computation waits")

    def keep_for_side(self, block: Tensor) -> None:
        self.calls.append("keep for side")

    def keep_for_computation(self, block: Tensor) -> None:
        self.calls.append("keep for computation")

    def finish(self) -> None:
        self.calls.append("finish")


def test_copies_begin_behind_the_computation_and_it_waits_for_them(toy: Toy) -> None:
    context = toy.context([toy.node("a")])
    trainer, cuda = context.trainer(context.groups[0]), MadeUp()
    shelf, tensors, group = PinnedMemory(cuda), len(list(trainer.module.parameters())), Held(trainer)
    group.lay_down(shelf)
    assert cuda.calls == [*["pinned"] * tensors, "side waits", "beside", *["keep for side"] * tensors]
    cuda.calls.clear()
    group.bring(shelf)
    shelf.wait()
    assert cuda.calls == [*["beside", "keep for computation"] * tensors, "computation waits"]
    cuda.calls.clear()
    group.lay_down(shelf)
    assert "pinned" not in cuda.calls, "what was pinned once is used again"


@pytest.mark.parametrize("tight", [Tight(), Tight(more=9000), Tight(turn_steps=2, more=20000)])
def test_the_next_group_comes_early_where_there_is_room_and_no_bit_changes(
    toy: Toy, files_of: Callable[[RunFolder, str], dict[str, str]], monkeypatch: pytest.MonkeyPatch, tight: Tight
) -> None:
    def plan(context: TrainingContext) -> TurnPlan:
        made = tight(context)
        return attrs.evolve(made, memory=attrs.evolve(made.memory, device="cuda"))

    resident = train(toy, "resident")
    cuda = MadeUp()
    monkeypatch.setattr(residency, "MappedFiles", lambda _: PinnedMemory(cuda))
    turns = train(toy, "turns", plan=plan)
    assert {"keep for side", "keep for computation", "finish"} <= {*cuda.calls}
    assert {name: files_of(turns, name) for name in NAMES} == {name: files_of(resident, name) for name in NAMES}
