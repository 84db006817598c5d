"""One agent in training: its learner, AdamW and schedule. Nothing in here knows of other agents."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.agents import AgentSpec, Learner, Seats, Transitions
from redheart_core.contract.errors import AuditError, CheckpointError, PluginError, join_complaints
from redheart_core.groups.plugin_calls import naming, setting_up
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.storage.runtime import random_stream
from redheart_core.training.group_trainer import GroupFault
from redheart_core.training.optimizer import make_optimizer
from redheart_core.training.optimizer_state import create_state
from redheart_core.training.schedule import schedule_factor


class AgentTrainer:
    """An agent's checkpoint group in training."""

    def __init__(
        self, group: str, spec: AgentSpec, seats: Seats, settings: TrainSettings, total: int, device: torch.device
    ) -> None:
        self.group, self.spec, self.settings, self.total = group, spec, settings, total
        self.learner = build_learner(group, spec, seats, settings.seed, device)
        self.parameters = {name: one for name, one in self.learner.module.named_parameters() if one.requires_grad}
        self.parts = {part: self._members(part) for part in self.learner.parts}
        self._require_partition()
        rates = {name: self.learner.parts[part] for part, names in self.parts.items() for name in names}
        peak, decay, bits = settings.learning_rate, settings.weight_decay, settings.optimizer_bits
        self.optimizer = make_optimizer(self.parameters, rates, peak, decay, bits)
        for parameter in self.parameters.values():
            parameter.grad = torch.zeros_like(parameter)
        create_state(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        self.live = {name: torch.zeros_like(one, dtype=torch.bool) for name, one in self.parameters.items()}
        """Which elements have received a gradient."""
        self.counted = set(self.live)
        """The parameters with elements that have not; none once the audit is done, as counting takes time."""
        self.descended = set[str]()
        """Parts that have learnt."""
        self.losses: list[float] = []
        """Of the first part, since they were last taken."""
        self.norms: list[float] = []
        """Of every part's gradient before clipping, likewise."""
        self.rate = 0.0
        """Of the newest update."""

    def update(self, batch: Transitions, number: int) -> None:
        """Every part descends its loss once, each with what the earlier ones have learnt.

        Raises:
            GroupFault: A loss or gradient is not finite; the part is left as it was.
            PluginError: The learner fails.
        """
        factor = schedule_factor(number, self.total, self.settings)
        self.rate = self.settings.learning_rate * factor
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self.settings.learning_rate * parameters["scale"] * factor
        for place, (part, names) in enumerate(self.parts.items()):
            with naming(self.spec.name, "loss"):
                loss = self.learner.loss(part, batch, number)
            if loss is None:
                continue
            own = [self.parameters[name] for name in names]
            gradients = torch.autograd.grad(loss, own, allow_unused=True)
            value = loss.item()
            self._descend(part, number, value, own, gradients)
            for name, gradient in zip(names, gradients, strict=True):
                if gradient is not None and name in self.counted:
                    self.live[name] |= gradient != 0
                    if bool(self.live[name].all()):
                        self.counted.remove(name)
            if place == 0:
                self.losses.append(value)
        with naming(self.spec.name, "after_update"), torch.no_grad():
            self.learner.after_update(number)

    def _descend(
        self, part: str, number: int, loss: float, own: list[nn.Parameter], gradients: tuple[Tensor | None, ...]
    ) -> None:
        norm = nn.utils.get_total_norm([one for one in gradients if one is not None])
        for what, value in (("loss", loss), ("gradient norm", norm.item())):
            if not math.isfinite(value):
                raise GroupFault(f"the {what} of {part} became {value} in update {number + 1}")
        self.norms.append(norm.item())
        for parameter, gradient in zip(own, gradients, strict=True):
            parameter.grad = gradient
        if self.norms[-1] + 1e-5 > 0.99 * self.settings.clip_norm:  # below, clipping multiplies by 1
            nn.utils.clip_grads_with_norm_(own, self.settings.clip_norm, norm)
        self.optimizer.step()
        for parameter in own:
            parameter.grad = None
        self.descended.add(part)

    def accounts(self) -> list[ParameterAccount]:
        """The account of every parameter, by the updates so far."""
        return [
            ParameterAccount(
                group=self.group,
                plugin=self.spec.name,
                name=name,
                elements=one.numel(),
                state="frozen" if name not in self.live else "trained" if self.live[name].any() else "no gradient",
                in_optimizer=name in self.parameters,
                live=int(self.live[name].sum()) if name in self.live else 0,
            )
            for name, one in self.learner.module.named_parameters()
        ]

    def require_alive(self) -> None:
        """Every parameter has received a gradient.

        Raises:
            AuditError: Names those that have not.
        """
        idle = [name for name, live in self.live.items() if not bool(live.any())]
        if idle:
            raise AuditError(join_complaints(f"group '{self.group}': no gradient reached", idle))

    def take_record(self) -> dict[str, object]:
        """What an EpochEntry says of how the epoch was trained; counting starts anew.

        Raises:
            PluginError: The first part has not learnt, so that there is no training loss.
        """
        losses, norms = self.losses, self.norms
        if not losses:
            part = next(iter(self.parts))
            raise PluginError(
                f"plugin '{self.spec.name}': the loss of '{part}' was None in all updates of an epoch; the first part "
                "gives the training loss, so it has to learn in every epoch"
            )
        self.losses, self.norms = [], []
        clipped = sum(norm > self.settings.clip_norm for norm in norms)
        return {
            "train_loss": math.fsum(losses) / len(losses),
            "learning_rate": self.rate,
            "updates": len(losses),
            "gradient": {"mean": math.fsum(norms) / len(norms), "max": max(norms), "clipped": clipped / len(norms)},
        }

    def weights(self) -> dict[str, Tensor]:
        """Everything that the learner is, by "PLUGIN.name"."""
        return {f"{self.spec.name}.{name}": one for name, one in self.learner.module.state_dict().items()}

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """AdamW's moments and counts, "exp_avg/name" to tensor."""
        return {
            f"{key}/{name}": tensor
            for name, parameter in self.parameters.items()
            for key, tensor in self.optimizer.state[parameter].items()
        }

    def load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what optimizer_tensors gave.

        Raises:
            CheckpointError: It belongs to other parameters.
        """
        if set(tensors) != set(self.optimizer_tensors()):
            raise CheckpointError(f"the optimizer state of group '{self.group}' is of other parameters")
        for name, parameter in self.parameters.items():
            for key, state in self.optimizer.state[parameter].items():
                state.copy_(tensors[f"{key}/{name}"])

    def _members(self, part: str) -> list[str]:
        return [name for name in self.parameters if name == part or name.startswith(f"{part}.")]

    def _require_partition(self) -> None:
        listed = [name for names in self.parts.values() for name in names]
        wrong = sorted({name for name in (*self.parameters, *listed) if listed.count(name) != 1})
        if wrong or not listed or any(not names for names in self.parts.values()):
            raise PluginError(
                f"plugin '{self.spec.name}': each parameter belongs to one of the parts {', '.join(self.parts)}, "
                f"and each part has some; wrong are {', '.join(wrong) or 'empty parts'}"
            )


def build_learner(group: str, spec: AgentSpec, seats: Seats, seed: int, device: torch.device) -> Learner:
    """An agent's learner with the weights that its seed draws."""
    with setting_up(spec.name, "build"), random_stream(torch.device("cpu"), seed, "agent", group):
        learner: Learner = spec.build(seats)
    learner.module.to(device)
    return learner


def load_learner(learner: Learner, spec: AgentSpec, tensors: Mapping[str, Tensor]) -> None:
    """Take over what AgentTrainer.weights gave.

    Raises:
        CheckpointError: It belongs to other networks.
    """
    own = {name.removeprefix(f"{spec.name}."): one for name, one in tensors.items()}
    expected = {name: one.shape for name, one in learner.module.state_dict().items()}
    if {name: one.shape for name, one in own.items()} != expected:
        raise CheckpointError(f"the weights on disk are of other networks than plugin '{spec.name}' builds now")
    learner.module.load_state_dict(own)
