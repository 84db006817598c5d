"""A group that several processes train together: DDP or FSDP2 of PyTorch, with the checkpoints of one process.

Every process computes its share of the records of a batch. The loss is a sum over them, normalised by the counts of the
whole batch, so that the gradients of the shares add up to that of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import RedheartError, SettingsError
from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, Surroundings
from redheart_core.groups.objective import loss_terms, penalised_outputs, term_counts, training_loss
from redheart_core.storage.runtime import random_stream
from redheart_core.training.group_trainer import FAULTS, GroupTrainer
from redheart_core.training.micro_batches import require_mean_over_records, require_separable
from redheart_core.training.ranks import Ranks


class SplitModule(GroupModule):
    """A group's modules whose parameters may lie in pieces on several processes; what is read of it is whole."""

    def parameter_dict(self) -> dict[str, Tensor]:
        """As GroupModule has it; all processes ask together."""
        return {name: whole(tensor) for name, tensor in super().parameter_dict().items()}

    def load(self, tensors: Mapping[str, Tensor], sha256: str | None = None) -> None:
        """As GroupModule has it; each process takes its piece, which no file holds."""
        own = super().parameter_dict()
        super().load({name: placed(tensor, own[name]) if name in own else tensor for name, tensor in tensors.items()})


class ShardedTrainer(GroupTrainer):
    """A group's trainer on one of several processes, which take every step together."""

    def __init__(
        self,
        group: Group,
        surroundings: Surroundings,
        settings: TrainSettings,
        updates_per_epoch: int,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        super().__init__(group, surroundings, settings, updates_per_epoch, device)
        _require_divisible(self)
        self.ranks = ranks
        self.parallel: nn.Module = self.module
        if group.settings.shard == "fsdp":
            for node in group.nodes:
                fully_shard(self.module.nodes[node.name])
            fully_shard(self.module)
            self.bind()
        else:
            self.parallel = DistributedDataParallel(
                self.module, find_unused_parameters=True, forward_sync_buffers=False
            )

    def make_module(self, surroundings: Surroundings) -> GroupModule:
        """Modules that may be taken to pieces."""
        return SplitModule(self.group, surroundings, self.device)

    def descend(self, batch: Batch) -> Tensor | None:
        """Add the gradient of a batch, of which this process computes its share; the loss of the whole batch."""
        batch = self.changed(batch)
        counts = term_counts(self.module, batch)
        if not any(counts.values()):
            return None
        rows = torch.arange(batch.size, device=self.device)
        own = rows[self.ranks.rank :: self.ranks.size]
        part = batch.of(own if len(own) else rows[:1])
        drawn = int(torch.randint(2**31, ()))  # the same on every process
        try:
            loss = self._share_of_loss(part, len(own) > 0, counts, drawn)
            self.backward(loss * self.ranks.size)  # both divide the sum of gradients by the number of processes
        except (*FAULTS, RuntimeError, MemoryError) as error:  # the others wait, and cannot stop this group alone
            raise RedheartError(
                f"process {self.ranks.rank} of {self.ranks.size} cannot go on with group '{self.group.name}': {error}; "
                "what was finished before is saved, and the same command goes on"
            ) from error
        total = loss.detach().clone()
        dist.all_reduce(total)
        return total

    def _share_of_loss(
        self, part: Batch, counts_here: bool, counts: Mapping[tuple[str, int], int], drawn: int
    ) -> Tensor:
        """What the records of this process add to the loss of the batch; 0 if it has none with a target.

        It reaches every output that the loss of the whole batch reaches, as processes exchange weights and gradients
        where backward passes come by, and a process that took another way would let the others wait.
        """
        with random_stream(self.device, drawn, self.ranks.rank):
            outputs = self.forward(part)
            if not self.separable:
                require_separable(self, outputs, part, _where(self))
            loss = training_loss(self.module, outputs, part, counts) if counts_here else None
        reached = {
            f"{node.name}.{term.output}" for node, number, term in loss_terms(self.module) if counts[node.name, number]
        }
        share = torch.zeros((), device=self.device) if loss is None else loss
        return sum((outputs[name].nan_to_num().sum() * 0.0 for name in sorted(reached)), share)

    @property
    def called(self) -> nn.Module:
        """The module that exchanges gradients."""
        return self.parallel

    def clip(self) -> Tensor:
        """As GroupTrainer has it, by the norm over all pieces."""
        gradients = [parameter.grad for parameter in self.parameters.values() if parameter.grad is not None]
        total = whole(nn.utils.get_total_norm(gradients))
        factor = float(torch.clamp(self.settings.clip_norm / (total + 1e-6), max=1.0))
        if factor < 1.0:
            for gradient in gradients:
                gradient.mul_(factor)
        return total

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """As GroupTrainer has it; all processes ask together."""
        return {name: whole(tensor) for name, tensor in super().optimizer_tensors().items()}

    def load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        """As GroupTrainer has it; each process takes its piece."""
        super().load_optimizer(tensors)
        assert self.optimizer is not None
        for parameter in self.parameters.values():
            state = self.optimizer.state[parameter]
            for key, tensor in state.items():
                if key != "step":
                    state[key] = placed(tensor, parameter)


def whole(tensor: Tensor) -> Tensor:
    """A tensor put together from its pieces; all processes ask together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def placed(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, or this process's piece of it, as another one lies."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def _where(trainer: GroupTrainer) -> str:
    return f"[groups.{trainer.group.name}] shard"


def _require_divisible(trainer: GroupTrainer) -> None:
    """Refuse a group whose steps cannot be divided.

    Raises:
        SettingsError: Names the reason.
    """
    own, where = trainer.group.settings, _where(trainer)
    for name in ("ema", "micro_batch", "compile", "recompute"):
        if own.is_on(name):
            raise SettingsError(f"{where}: several processes cannot train with {name}; leave one of the two out")
    if own.precision == "float16":
        raise SettingsError(f'{where}: several processes cannot train with float16; write precision = "bfloat16"')
    if own.shard == "fsdp" and trainer.settings.optimizer_bits != 32:
        raise SettingsError(
            f"{where}: pieces of weights have no states of {trainer.settings.optimizer_bits} bits, whose numbers share "
            f'scales; write shard = "ddp", or optimizer_bits = 32 under [groups.{trainer.group.name}]'
        )
    if trainer.optimizer is None:
        raise SettingsError(f"{where}: the group has no parameters that descend; leave shard out")
    penalised = penalised_outputs(trainer.module)
    if penalised:
        raise SettingsError(
            f"{where}: the penalty on {', '.join(penalised)} is no mean over records, so that no process can compute "
            "its share alone; leave the setting out"
        )
    require_mean_over_records(trainer, where)
