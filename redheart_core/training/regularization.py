"""Training techniques of a group, each off unless its [groups.<name>] table switches it on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import SettingsError
from redheart_core.contract.nodes import LossTerm
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import loss_terms
from redheart_core.nn.answers import LEAST
from redheart_core.nn.losses import weighted_logs

REGULARIZATIONS = ("label_smoothing", "r_drop", "mixup", "ema", "dropout_end", "layer_decay")


def smooth_labels(module: GroupModule, batch: Batch, share: float) -> tuple[Batch, int]:
    """Mix a share of the uniform answer into targets that are distributions or 0/1 labels (Szegedy et al. 2016).

    A distribution over L labels becomes (1 - s) y + s / L; labels of which each is 0 or 1, which are those
    that a loss on logits judges one by one, become (1 - s) y + s / 2. Other targets stay.

    Returns:
        The batch, and how many numbers changed.
    """
    targets, changed = dict(batch.targets), 0
    for name in sorted(_smoothable(module)):
        field, target = module.fields[name], batch.targets[name]
        smooth = (1 - share) * target + share / (len(field.labels) if field.simplex else 2)
        changed += int((smooth != target).logical_and(~target.isnan()).sum())
        targets[name] = smooth
    return Batch(batch.inputs, targets), changed


def _smoothable(module: GroupModule) -> set[str]:
    found = set()
    for _, _, term in loss_terms(module):
        field = module.fields.get(term.target)
        if field is not None and (field.simplex or field.binary):
            found.add(field.name)
    return found


def mix_records(module: GroupModule, batch: Batch, alpha: float) -> tuple[Batch, int]:
    """Each record with a random other one, inputs and targets alike (Zhang et al. 2018).

    One share for the batch is drawn from Beta(alpha, alpha). A text of fewer chunks counts as 0 where the other goes
    on. A number that either record lacks is missing. Of counts the shares are mixed, and the totals.

    Returns:
        The batch, and how many records changed.
    """
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(batch.size)

    def mixed(tensor: Tensor) -> Tensor:
        return share * tensor + (1 - share) * tensor[order.to(tensor.device)]

    def mixed_counts(counts: Tensor) -> Tensor:
        totals = counts.nansum(-1, keepdim=True)
        return mixed(counts / torch.where(totals > 0, totals, 1.0)) * mixed(totals)

    kept = ("mask", "language")
    inputs = {name: tensor if name in kept else mixed(tensor) for name, tensor in batch.inputs.items()}
    mask = batch.inputs["mask"]
    inputs["mask"] = mask | mask[order.to(mask.device)]
    targets = {
        name: mixed_counts(tensor) if module.fields[name].counts else mixed(tensor)
        for name, tensor in batch.targets.items()
    }
    changed = int((order != torch.arange(batch.size)).sum()) if 0.0 < share < 1.0 else 0
    return Batch(inputs, targets), changed


def disagreement(
    module: GroupModule, batch: Batch, first: Mapping[str, Tensor], second: Mapping[str, Tensor]
) -> Tensor:
    """How far two passes with other dropout masks differ (R-Drop, Liang et al. 2021); a scalar, 0 if they agree.

    Summed over the losses' outputs with their weights: for distributions the mean of both Kullback-Leibler
    divergences in nats, for labels one by one that of their Bernoulli distributions, for values the mean square.
    Padded chunks do not count.
    """
    total = torch.zeros(())
    for node, _, term in loss_terms(module):
        name = f"{node.name}.{term.output}"
        a, b = (_real(module, batch, name, outputs[name]) for outputs in (first, second))
        total = total + term.weight * node.loss_weight * _distance(module, term, a, b)
    return total


def _real(module: GroupModule, batch: Batch, name: str, output: Tensor) -> Tensor:
    """The output without its padded chunks, which then are the first axis together with the records."""
    shape = module.shapes[name]
    if "T" not in shape:
        return output
    return output.movedim(1 + shape.index("T"), 1)[batch.inputs["mask"]]


def _distance(module: GroupModule, term: LossTerm, a: Tensor, b: Tensor) -> Tensor:
    field = module.fields.get(term.target)
    if field is not None and field.binary and term.takes in ("logits", "probabilities"):
        if term.takes == "probabilities":
            a, b = a.logit(LEAST), b.logit(LEAST)
        p, q = a.sigmoid(), b.sigmoid()
        return weighted_logs(p - q, a - b).mean() / 2  # KL(p, q) + KL(q, p) of Bernoulli distributions, halved
    if term.takes in ("logits", "probabilities"):
        log_p = a.log_softmax(-1) if term.takes == "logits" else a.clamp(min=LEAST).log()
        log_q = b.log_softmax(-1) if term.takes == "logits" else b.clamp(min=LEAST).log()
        return weighted_logs(log_p.exp() - log_q.exp(), log_p - log_q).sum(-1).mean() / 2
    return F.mse_loss(a, b)


class DropoutSchedule:
    """Multiplies every dropout share of a module by a factor that goes straight from 1 to an end.

    Raises:
        SettingsError: The module has no dropout.
    """

    def __init__(self, module: GroupModule, end: float) -> None:
        self.layers = [(layer, layer.p) for layer in module.modules() if isinstance(layer, nn.Dropout) and layer.p > 0]
        self.end = end
        if not self.layers:
            raise SettingsError(f"[groups.{module.group.name}] dropout_end: the group has no dropout; leave it out")

    def set(self, progress: float) -> None:
        """Progress 0..1 through training."""
        factor = 1 + (self.end - 1) * progress
        for layer, share in self.layers:
            layer.p = min(share * factor, 0.95)


class Average:
    """Exponential moving average of the weights (Kingma and Ba 2015): e <- d e + (1 - d) w after each update.

    The decay grows as min(d, (1 + t) / (10 + t)) with the number of updates t, so that the start is forgotten.
    torch.optim.swa_utils.AveragedModel copies a whole module where this holds the trained weights alone, which are
    what a checkpoint stores.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Mapping[str, nn.Parameter]) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, parameter in parameters.items():
            self.weights[name].lerp_(parameter.detach(), 1 - decay)


def check_effective(settings: GroupSettings, effects: Mapping[str, int], group: str) -> None:
    """After an epoch, every technique that is on has to have changed something.

    Raises:
        SettingsError: Names those that have not.
    """
    idle = [name for name in REGULARIZATIONS if settings.is_on(name) and not effects.get(name)]
    if idle:
        raise SettingsError(
            f"[groups.{group}] {', '.join(idle)}: switched on, but without any effect in a whole epoch; leave it out, "
            "or give the group what it acts on (dropout for r_drop, distributions or 0/1 labels for label_smoothing)"
        )
