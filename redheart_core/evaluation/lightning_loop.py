"""The loop of lightning.Trainer over redheart's modules, batches and optimizer; the package need not be installed."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from typing import Any

import torch
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.evaluation.training_loops import Clock, FewBatches, Spent, plain_loss
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.schedule import schedule_factor


def has_lightning() -> bool:
    """Whether the package lightning is installed."""
    return importlib.util.find_spec("lightning") is not None


def by_lightning(context: FewBatches, trainer: GroupTrainer, epoch: int) -> Spent:
    """As lightning.Trainer does, from its first batch to its last; setting up is not counted."""
    import lightning
    from torch.utils.data import DataLoader, Dataset

    class Batches(Dataset[Batch]):
        def __init__(self) -> None:
            self.order = context.training_order(trainer.group, epoch)

        def __len__(self) -> int:
            return len(self.order)

        def __getitem__(self, index: int) -> Batch:
            return context.source.batch(self.order[index], trainer.group.inputs)

    class Module(lightning.LightningModule):  # type: ignore[misc] # the package need not be installed
        def __init__(self) -> None:
            super().__init__()
            self.module = trainer.module

        def training_step(self, batch: Batch, _: int) -> Tensor:
            return plain_loss(trainer, batch)

        def transfer_batch_to_device(self, batch: Batch, *_: object) -> Batch:
            return batch

        def configure_optimizers(self) -> dict[str, Any]:
            assert trainer.optimizer is not None
            before = (epoch - 1) * trainer.updates_per_epoch

            def factor(step: int) -> float:
                return schedule_factor(before + step, trainer.total_updates, trainer.settings)

            for group in trainer.optimizer.param_groups:
                group["initial_lr"] = trainer.settings.learning_rate * group["scale"]
            schedule = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, factor)
            return {"optimizer": trainer.optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    class Timed(lightning.Callback):  # type: ignore[misc] # as above
        clock = Clock(trainer.device)

        def on_train_start(self, *_: object) -> None:
            self.clock.__enter__()

        def on_train_end(self, *_: object) -> None:
            self.clock.__exit__()

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    timed = Timed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about loaders without workers, and of its own dependencies
        fit = lightning.Trainer(
            accelerator="cpu" if trainer.device.type == "cpu" else "gpu",
            devices=1 if trainer.device.index is None else [trainer.device.index],
            max_epochs=1,
            gradient_clip_val=trainer.settings.clip_norm,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[timed],
        )
        fit.fit(Module(), DataLoader(Batches(), batch_size=None))
    return timed.clock.spent
