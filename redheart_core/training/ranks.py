"""The processes that torchrun has started to train one group together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import attrs
import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder

Said = TypeVar("Said")

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others before it ends with an error."""


@attrs.frozen
class Ranks:
    """This process among those that train together."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes."""
        return self.rank == 0


@contextmanager
def joined() -> Iterator[Ranks]:
    """Inside, the processes that torchrun has started exchange tensors: by NCCL on CUDA, by gloo elsewhere."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield Ranks(rank, size)
        _part(store, Ranks(rank, size))
    finally:
        dist.destroy_process_group()


def _part(store: Store, ranks: Ranks) -> None:
    """Wait until every process is through its last exchange: gloo fails in one whose partner closes its connections.

    The first process, which may hold the store, is the last to leave it.
    """
    store.set(f"through/{ranks.rank}", "")
    store.wait([f"through/{rank}" for rank in range(ranks.size)], PATIENCE)
    if not ranks.leads:
        store.set(f"gone/{ranks.rank}", "")
        return
    store.wait([f"gone/{rank}" for rank in range(1, ranks.size)], PATIENCE)


def tell(said: Said) -> Said:
    """What the first process says, for all; the others wait here for it.

    Args:
        said: Pickled and sent by the first process; the others' is thrown away.
    """
    told = [said]
    dist.broadcast_object_list(told, src=0)
    return told[0]


class CommonFolder(GroupFolder):
    """The folder of a group that several processes train: the first one reads and writes, and tells the others.

    The others look at no manifest on disk: while they do, the first may have written the next one, and would wait for
    them where they no longer come.
    """

    def __init__(self, run: RunFolder, group: str, ranks: Ranks) -> None:
        super().__init__(run.path, group)
        self.ranks = ranks

    def read(self) -> GroupManifest:
        """As GroupFolder has it; all end alike."""
        found: GroupManifest | CheckpointError = GroupManifest(self.group, "running")
        if self.ranks.leads:
            try:
                found = super().read()
            except CheckpointError as error:
                found = error
        found = tell(found)
        if isinstance(found, CheckpointError):
            raise found
        return found

    def add_epoch(self, manifest: GroupManifest, *saved: Any, **options: Any) -> GroupManifest:
        """As GroupFolder has it, for all."""
        if self.ranks.leads:
            return tell(super().add_epoch(manifest, *saved, **options))
        dist.barrier()  # of write
        return tell(manifest)

    def write(self, manifest: GroupManifest) -> None:
        """Write the manifest; all go on once it is there."""
        if self.ranks.leads:
            super().write(manifest)
        dist.barrier()

    def clean_up(self, manifest: GroupManifest) -> None:
        """As GroupFolder has it; all go on once it is done."""
        if self.ranks.leads:
            super().clean_up(manifest)
        dist.barrier()
