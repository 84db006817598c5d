"""One checkpoint group in training: its modules, optimizer and schedule."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor, nn

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError, DataError, PluginError, ShapeError, join_complaints
from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, Surroundings, stored_name
from redheart_core.groups.objective import training_loss
from redheart_core.storage.runtime import random_stream
from redheart_core.training.compiling import compiled_calls
from redheart_core.training.loss_scale import LossScale
from redheart_core.training.low_bits import require_few_bits
from redheart_core.training.micro_batches import accumulate
from redheart_core.training.optimizer import make_optimizer, parameter_rates
from redheart_core.training.optimizer_state import create_state, misfits
from redheart_core.training.readings import Readings, Update
from redheart_core.training.recompute import recompute
from redheart_core.training.regularization import Average, DropoutSchedule, disagreement, mix_records, smooth_labels
from redheart_core.training.schedule import schedule_factor


class GroupFault(Exception):  # noqa: N818 - an event to deal with, not a mistake
    """A group cannot go on: a loss or gradient is not finite, or its plugins' code fails. Others are not concerned."""


PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""By the name in [groups.NAME]."""

FAULTS = (PluginError, DataError, ShapeError)
"""Errors of a group's own plugins or of its data."""


@contextmanager
def stopping_alone() -> Iterator[None]:
    """Inside, an error of a group's own plugins or of its data becomes a fault of that group.

    Nothing that reads or writes files belongs inside: a full disk or a damaged store concerns every group.

    Raises:
        GroupFault: With the error's message.
    """
    try:
        yield
    except FAULTS as error:
        raise GroupFault(str(error)) from error


@attrs.frozen
class TrainingRecord:
    """How an epoch was trained; the names are those of EpochEntry, which explains them."""

    learning_rate: float
    updates: int
    effects: Mapping[str, int]
    gradient: Mapping[str, float]


class GroupTrainer:
    """A checkpoint group, its AdamW and its schedule. Nothing in here knows of other groups."""

    def __init__(
        self,
        group: Group,
        surroundings: Surroundings,
        settings: TrainSettings,
        updates_per_epoch: int,
        device: torch.device,
    ) -> None:
        self.group = group
        self.settings = group.settings.over(settings)
        self.device = device
        self.updates_per_epoch = updates_per_epoch
        self.module = self.make_module(surroundings)
        own = group.settings
        self.peak = self.settings.learning_rate
        """Largest learning rate of the schedule."""
        self.effects: Counter[str] = Counter()
        """How often each technique that is on has acted since the epoch began."""
        self.precision = PRECISIONS[own.precision]
        self.loss_scale = LossScale(device) if own.precision == "float16" else None
        self.readings = Readings(device, self.loss_scale)
        self.bind()
        self.average = Average(self.parameters, own.ema) if own.is_on("ema") else None
        self.micro_batch = own.micro_batch
        """Records that an update computes at a time; None for all of the batch."""
        self.recomputes = False
        """Whether activations are computed twice."""
        self.separable = False
        """Whether the losses of records were found not to depend on those beside them; needed for micro-batches."""
        self.dropout = DropoutSchedule(self.module, own.dropout_end) if own.is_on("dropout_end") else None
        if own.recompute:
            recompute(self)
        if own.compile:
            self.module.learning = compiled_calls(self.module)

    def make_module(self, surroundings: Surroundings) -> GroupModule:
        """The group's modules, new."""
        return GroupModule(self.group, surroundings, self.device)

    def bind(self) -> None:
        """Take the module's parameters as they are now, and make the optimizer of them."""
        self.parameters = {
            stored_name(name): parameter
            for name, parameter in self.module.named_parameters()
            if parameter.requires_grad
        }
        rates = parameter_rates(self.group, list(self.parameters), self.group.settings.layer_decay)
        self.rates_decay = rates != parameter_rates(self.group, list(self.parameters), 1.0)
        """Whether layer_decay lowers the rate of any parameter."""
        decay, bits = self.settings.weight_decay, self.settings.optimizer_bits
        self.optimizer = make_optimizer(self.parameters, rates, self.peak, decay, bits) if self.parameters else None
        if (self.group.settings.optimizer_bits or 32) != 32:
            require_few_bits(self.group.name, self.parameters.values(), bits)

    def step(self, batch: Batch, epoch: int, step: int) -> Tensor | None:
        """One update; returns the loss, None if the batch has none of the group's targets.

        On a device that runs behind its processor nothing waits for the loss: an update with a loss or gradient that
        is not finite is not made, nor is one after it, and the fault is raised when the window of updates is read.

        Raises:
            GroupFault: A loss or gradient is not finite; the weights are left as they were before that update.
        """
        assert self.optimizer is not None
        if not self.module.training:  # a walk over all its modules, which would take 1 % of a step
            self.module.train()
        update = (epoch - 1) * self.updates_per_epoch + step
        self.set_rate(schedule_factor(update, self.total_updates, self.settings))
        if self.dropout is not None:
            self.dropout.set(update / max(self.total_updates - 1, 1))
            self.effects["dropout_end"] += 1
        self.optimizer.zero_grad(set_to_none=True)
        with random_stream(self.device, self.settings.seed, "step", self.group.name, epoch, step):
            loss = self.descend(batch)
        if loss is None:
            return None
        if len(self.optimizer.state) < len(self.parameters):
            create_state(self.optimizer)
        self._note(Update(epoch, step, batch.size, loss, self.clip()))
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.parameters)
            self.effects["ema"] += 1
        if self.group.settings.is_on("layer_decay"):
            self.effects["layer_decay"] += int(self.rates_decay)
        return loss

    def _note(self, update: Update) -> None:
        """Leave the numbers of an update to be read, and have AdamW skip it if one of them is not finite.

        Raises:
            GroupFault: The window is full, and a number in it is not finite.
        """
        fault = self.readings.add(update)
        if fault is not None:
            raise GroupFault(fault)
        if self.readings.deferred or self.loss_scale is not None:
            # read by the fused AdamW, as torch.amp.GradScaler sets it
            self.optimizer.found_inf = self.readings.skip  # type: ignore[union-attr] # an attribute that it may have

    def first_fault(self) -> GroupFault | None:
        """The fault of the updates whose numbers nobody has read yet, if they have one."""
        fault = self.readings.first_fault()
        return None if fault is None else GroupFault(fault)

    def clip(self) -> Tensor:
        """Clip the gradient to the norm of the settings, and return its norm before.

        As clip_grad_norm_, which multiplies by 1 what needs no clipping and so reads and writes all of it again. Where
        looking at the norm would wait for the device, so does this.
        """
        gradients = [parameter.grad for parameter in self.parameters.values() if parameter.grad is not None]
        total = nn.utils.get_total_norm(gradients)
        if self.loss_scale is not None:
            return self._clip_scaled(total, self.loss_scale.scale)
        if self.readings.deferred or not bool(self.settings.clip_norm / (total + 1e-6) >= 1.0):
            nn.utils.clip_grads_with_norm_(self.parameters.values(), self.settings.clip_norm, total)
        return total

    def _clip_scaled(self, total: Tensor, scale: Tensor) -> Tensor:
        """Clip the gradient of a scaled loss: the fused AdamW divides by what this leaves, as it reads the gradient."""
        norm = total / scale
        excess = ((norm + 1e-6) / self.settings.clip_norm).clamp(min=1.0)
        self.optimizer.grad_scale = scale * excess  # type: ignore[union-attr] # an attribute that it may have
        return norm

    def descend(self, batch: Batch) -> Tensor | None:
        """Add the gradient of a batch, micro-batch by micro-batch if there are some; the loss, without its graph."""
        if self.micro_batch is not None and batch.size > self.micro_batch:
            return accumulate(self, self.changed(batch), self.micro_batch)
        loss = self.loss(batch)
        if loss is None:
            return None
        self.backward(loss)
        return loss.detach()

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss, scaled where float16 needs it."""
        (loss if self.loss_scale is None else loss * self.loss_scale.scale).backward()  # type: ignore[no-untyped-call]

    def changed(self, batch: Batch) -> Batch:
        """A batch as the techniques that are on change it."""
        own = self.group.settings
        if own.is_on("label_smoothing"):
            batch, changed = smooth_labels(self.module, batch, own.label_smoothing)
            self.effects["label_smoothing"] += int(changed > 0)
        if own.is_on("mixup") and batch.size > 1:
            batch, changed = mix_records(self.module, batch, own.mixup)
            self.effects["mixup"] += int(changed > 0)
        return batch

    def loss(self, batch: Batch) -> Tensor | None:
        """The loss that a step descends, with the techniques that are on; None without any target."""
        own, batch = self.group.settings, self.changed(batch)
        outputs = self.forward(batch)
        loss = training_loss(self.module, outputs, batch)
        if loss is None or not own.is_on("r_drop"):
            return loss
        again = self.forward(batch)
        second = training_loss(self.module, again, batch)
        assert second is not None
        apart = disagreement(self.module, batch, outputs, again)
        self.effects["r_drop"] += int(apart.item() > 0)
        return (loss + second) / 2 + own.r_drop * apart

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The module's outputs in training, in float32; with less precision inside if the group's settings say so."""
        lower = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision if lower else None, enabled=lower):
            outputs: dict[str, Tensor] = self.called(batch)
        return outputs

    @property
    def called(self) -> nn.Module:
        """What is called in an update."""
        return self.module

    def take_effects(self) -> dict[str, int]:
        """How often each technique that is on has acted since this was last asked."""
        found = dict(self.effects)
        self.effects.clear()
        return found

    def take_record(self, epoch: int) -> TrainingRecord:
        """How an epoch was trained; counting starts anew."""
        factor = schedule_factor(epoch * self.updates_per_epoch - 1, self.total_updates, self.settings)
        return TrainingRecord(self.peak * factor, self.updates_per_epoch, self.take_effects(), self.take_gradient())

    def take_gradient(self) -> dict[str, float]:
        """Mean and largest gradient norm before clipping, and the share of updates that were clipped, since last asked.

        Empty if there was no update.
        """
        norms = self.readings.take_norms()
        if not norms:
            return {}
        clipped = sum(norm > self.settings.clip_norm for norm in norms)
        found = {"mean": math.fsum(norms) / len(norms), "max": max(norms), "clipped": clipped / len(norms)}
        return found if self.loss_scale is None else {**found, "skipped": self.readings.take_skipped() / len(norms)}

    @property
    def total_updates(self) -> int:
        return self.settings.epochs * self.updates_per_epoch

    def set_rate(self, factor: float) -> None:
        """Set the learning rates of the coming update."""
        assert self.optimizer is not None
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self.peak * parameters["scale"] * factor

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """AdamW's moments and counts, "exp_avg/node.parameter" to tensor, and those of the moving average."""
        assert self.optimizer is not None
        tensors = {
            f"{key}/{name}": tensor
            for name, parameter in self.parameters.items()
            for key, tensor in self.optimizer.state.get(parameter, {}).items()
        }
        if self.average is not None:
            tensors |= {f"average/{name}": tensor for name, tensor in self.average.weights.items()}
            tensors |= {"average_updates": torch.tensor(self.average.updates)}
        if self.loss_scale is not None:
            tensors |= self.loss_scale.tensors()
        return tensors

    def begin_at(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin with weights in place of those that were drawn."""
        self.module.load(tensors)
        if self.average is not None:
            self.average = Average(self.parameters, self.average.decay)

    def load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what optimizer_tensors gave.

        Raises:
            CheckpointError: It belongs to other parameters.
        """
        assert self.optimizer is not None
        states: dict[str, dict[str, Tensor]] = {}
        tensors = dict(tensors)
        if self.average is not None:
            self.average.updates = int(tensors.pop("average_updates"))
            self.average.weights = {
                name: tensors.pop(f"average/{name}").to(parameter.device) for name, parameter in self.parameters.items()
            }
        if self.loss_scale is not None:
            self.loss_scale.load(tensors)
        for key, tensor in tensors.items():
            kind, _, name = key.partition("/")
            states.setdefault(name, {})[kind] = tensor
        unknown = sorted(states.keys() - self.parameters.keys())
        if unknown:
            raise CheckpointError(
                f"the optimizer state of group '{self.group.name}' has unknown parameters: {', '.join(unknown)}"
            )
        for name, state in states.items():
            parameter = self.parameters[name]
            wrong = misfits(self.optimizer, parameter, state)
            if wrong:
                where = f"the optimizer state of group '{self.group.name}' does not fit '{name}'"
                raise CheckpointError(join_complaints(f"{where}:", wrong))
            self.optimizer.state[parameter] = {
                key: tensor.clone() if key == "step" else tensor.to(parameter.device, copy=True)
                for key, tensor in state.items()
            }
