"""The gradient of a batch as the sum of those of its micro-batches, for groups whose losses are means over records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import SettingsError
from redheart_core.data.batch import Batch
from redheart_core.groups.objective import loss_terms, penalised_outputs, record_losses, term_counts, training_loss
from redheart_core.training.cached_penalties import CachedPenalties

if TYPE_CHECKING:
    from redheart_core.training.group_trainer import GroupTrainer

TOLERANCE = 1e-4
"""Relative, of the losses of the same records in smaller batches; they are computed in float32."""


def accumulate(trainer: GroupTrainer, batch: Batch, size: int) -> Tensor | None:
    """Add the gradients of micro-batches, which sum up to that of the batch; its loss, None without any target.

    Raises:
        SettingsError: The loss of the group is not a mean over records.
    """
    where = f"[groups.{trainer.group.name}] micro_batch"
    if not trainer.separable:
        require_mean_over_records(trainer, where)
    counts = term_counts(trainer.module, batch)
    if not any(counts.values()):
        return None
    total, parts = torch.zeros((), device=trainer.device), batch.parts(size)
    cached = CachedPenalties(trainer, parts, where) if penalised_outputs(trainer.module) else None
    if cached is not None:
        total += cached.value
    for number, part in enumerate(parts):
        if cached is not None:
            cached.draw_again(number)
        outputs = trainer.forward(part)
        if not trainer.separable:
            require_separable(trainer, outputs, part, where)
        loss = training_loss(trainer.module, outputs, part, counts)
        share = None if cached is None else cached.share(number, outputs)
        descended = [one for one in (loss, share) if one is not None]
        if descended:
            trainer.backward(descended[0] if len(descended) == 1 else descended[0] + descended[1])
        if loss is not None:
            total += loss.detach()
    return total


def require_mean_over_records(trainer: GroupTrainer, where: str) -> None:
    """Refuse a group of which something is not a mean over the records of a batch, as far as it can be known.

    A penalty is none either, and has its own way (cached_penalties).

    Args:
        trainer: Of the group.
        where: The setting that asks for it.

    Raises:
        SettingsError: Names what is not.
    """
    module = trainer.module
    if trainer.group.settings.is_on("r_drop"):
        raise SettingsError(f"{where}: r_drop is a mean over all numbers of a batch; leave one of the two out")
    for name, inner in module.named_modules():
        if isinstance(inner, nn.modules.batchnorm._BatchNorm):
            raise SettingsError(
                f"{where}: {name} normalises by the statistics of a whole batch; leave it out, or use LayerNorm"
            )


@torch.no_grad()
def require_separable(trainer: GroupTrainer, outputs: dict[str, Tensor], batch: Batch, where: str) -> None:
    """Compare the losses of records with those of the same records in two smaller batches, once.

    Args:
        trainer: Of the group; it is noted there.
        outputs: Of its module on the batch.
        batch: Some records.
        where: The setting that asks for it.

    Raises:
        SettingsError: They differ, so that the loss of a record depends on those beside it.
    """
    module, half = trainer.module, torch.arange(batch.size, device=trainer.device) < batch.size // 2
    whole = record_losses(module, outputs, batch)
    halves = [
        record_losses(module, {name: tensor[rows] for name, tensor in outputs.items()}, batch.of(rows))
        for rows in (half, ~half)
    ]
    for node, number, term in loss_terms(module):
        apart = torch.cat([one[node.name, number][1] for one in halves])
        if not torch.allclose(apart, whole[node.name, number][1], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise SettingsError(
                f"{where}: the loss of plugin '{node.name}' on '{term.target}' is no mean over records, as that of a "
                "record depends on those beside it; leave the setting out"
            )
    trainer.separable = True
