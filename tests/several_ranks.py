"""Processes that train groups of a toy run together, as torchrun starts them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
from own_process import SERVER
from toy import StopAfter, Toy, hooks

from redheart_core import ActiveNode
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import train
from redheart_core.training.progress import GroupProgress
from redheart_core.training.ranks import Ranks

PATIENCE_S = 180.0
"""After which processes that wait for each other are killed."""


@attrs.frozen
class Wide:
    """A toy node and one that reads it, each in a group of its own or both in one, side by side."""

    dropout: float
    width: int = 12
    group: str | None = None

    def nodes(self, toy: Toy) -> Sequence[ActiveNode]:
        reads = ("embedding",) if self.group else ("embedding", "low.value")
        low = toy.node("low", target="choice_factors", group=self.group, width=self.width, dropout=self.dropout)
        return [low, toy.node("high", reads, group=self.group, dropout=self.dropout)]


def train_with_ranks(
    toy: Toy,
    name: str,
    wide: Wide,
    groups: Mapping[str, GroupSettings],
    only: Sequence[str],
    size: int,
    epochs: int = 99,
    late_s: float = 0.0,
) -> list[int | None]:
    """Train in so many processes, which are interrupted after so many epochs; how each of them ends.

    All but the first are late by so many seconds whenever they look at the folder of a group.
    """
    return _run(size, _train, (toy.folder, name, wide, dict(groups), list(only), epochs, late_s))


def leave_with_ranks(folder: Path, size: int) -> list[int | None]:
    """Join so many processes, of which the first is slow to leave; how each of them ends."""
    return _run(size, _leave, (folder,))


def _run(size: int, target: Callable[..., None], given: tuple[object, ...]) -> list[int | None]:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # documented there

    store = TCPStore("127.0.0.1", 0, None, is_master=True, wait_for_workers=False)  # as torchrun's agent holds it
    processes = [SERVER.Process(target=_ranked, args=(rank, size, store.port, target, given)) for rank in range(size)]
    for process in processes:
        process.start()
    deadline = time.monotonic() + PATIENCE_S
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0.1))
    for process in processes:
        process.kill()
    return [process.exitcode for process in processes]


def _ranked(rank: int, size: int, port: int, target: Callable[..., None], given: tuple[object, ...]) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    target(*given)


def _leave(folder: Path) -> None:
    from redheart_core.training.ranks import joined

    with joined() as ranks:
        if ranks.leads:
            time.sleep(1.0)
        (folder / f"through-{ranks.rank}").touch()
    assert all((folder / f"through-{rank}").exists() for rank in range(ranks.size))
    (folder / f"left-{ranks.rank}").touch()


def _train(
    folder: Path,
    name: str,
    wide: Wide,
    groups: Mapping[str, GroupSettings],
    only: Sequence[str],
    epochs: int,
    late_s: float,
) -> None:
    from redheart_core.training.ranks import joined

    if late_s and os.environ["RANK"] != "0":
        be_late(late_s)
    toy = Toy(folder)
    run, context = RunFolder(folder / name), toy.context(wide.nodes(toy), Store.open(folder / "store"), groups)
    with joined() as ranks:
        if only == ["low"] and groups["low"].shard == "fsdp":
            require_pieces(context, ranks)
        train(run, context, hooks(StopAfter(epochs)), only, ranks=ranks)


def be_late(seconds: float) -> None:
    """Look at the folder of a group so many seconds after the other processes, which go on meanwhile."""
    read, restore = GroupFolder.read, GroupProgress.restore

    def read_late(self: GroupFolder) -> GroupManifest:
        time.sleep(seconds)
        return read(self)

    def restore_late(self: GroupProgress, run: RunFolder) -> None:
        time.sleep(seconds)
        restore(self, run)

    GroupFolder.read, GroupProgress.restore = read_late, restore_late  # type: ignore[method-assign]


def require_pieces(context: TrainingContext, ranks: Ranks) -> None:
    """The weights of a process are its share of the whole."""
    from torch.distributed.tensor import DTensor

    from redheart_core.training.sharding import ShardedTrainer

    (low, _), settings = context.groups, context.settings
    trainer = ShardedTrainer(low, context.surroundings, settings, 1, context.device, ranks)
    held = 0
    for parameter in trainer.parameters.values():
        assert isinstance(parameter, DTensor)
        held += parameter.to_local().numel()
    whole = sum(parameter.numel() for parameter in context.module(low).parameters())
    assert held < 0.7 * whole
