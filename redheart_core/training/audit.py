"""The account of every parameter: group, optimizer, gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import torch

from redheart_core.contract.errors import AuditError, join_complaints
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import training_loss
from redheart_core.storage.runtime import random_stream
from redheart_core.training.group_trainer import GroupTrainer


@attrs.frozen
class ParameterAccount:
    """One parameter tensor."""

    group: str
    plugin: str
    name: str
    elements: int
    state: str
    """"trained"; "fitted" (in closed form); "frozen" (requires_grad False); "not run" (nothing was computed);
    otherwise what is wrong."""
    in_optimizer: bool
    live: int
    """Elements that received a non-zero gradient in the audited batches."""

    @property
    def accounted(self) -> bool:
        return self.state in ("trained", "fitted", "frozen", "not run")


def audit_group(trainer: GroupTrainer, batches: Iterable[Batch]) -> list[ParameterAccount]:
    """Run forward and backward on some batches, change nothing, and account for every parameter.

    Stops at the first batch after which every element of every parameter is alive.

    Raises:
        ShapeError: An output has another shape or range than declared.
        AuditError: A forward pass added parameters.
    """
    module, names = trainer.module, {name for name, _ in trainer.module.named_parameters()}
    live: dict[str, torch.Tensor] = {}
    not_finite: set[str] = set()
    module.train()
    for number, batch in enumerate(batches):
        with random_stream(trainer.device, trainer.settings.seed, "audit", trainer.group.name, number):
            outputs = module(batch, compare=True)
            module.check_ranges(outputs)
            loss = training_loss(module, outputs, batch)
        added = {name for name, _ in module.named_parameters()} - names
        if added:
            raise AuditError(
                f"group '{trainer.group.name}': a forward pass added parameters: {', '.join(sorted(added))}"
            )
        if loss is None or not loss.requires_grad:
            continue
        module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in trainer.parameters.items():
            if parameter.grad is not None:
                if not bool(torch.isfinite(parameter.grad).all()):
                    not_finite.add(name)
                found = parameter.grad != 0
                live[name] = live[name] | found if name in live else found
        if all(name in live and bool(live[name].all()) for name in trainer.parameters):
            break
    module.zero_grad(set_to_none=True)
    return [_account(trainer, name, live.get(name), name in not_finite) for name in _all_names(trainer)]


def audit_optimizer(trainer: GroupTrainer) -> list[ParameterAccount]:
    """Account for every parameter without computing anything, so that the island may be on the meta device."""
    accounts = [_account(trainer, name, None, False) for name in _all_names(trainer)]
    return [
        attrs.evolve(account, state="not run") if account.state == "no gradient" else account for account in accounts
    ]


def audit_fitted(module: GroupModule) -> list[ParameterAccount]:
    """Account for every parameter of a group that was fitted in closed form: each has to be finite and not all zero."""
    accounts = []
    for full, parameter in module.named_parameters():
        plugin, _, name = full.removeprefix("nodes.").partition(".")
        state = "fitted"
        if parameter.requires_grad:
            state = "wants a gradient, but its group is fitted"
        elif not bool(torch.isfinite(parameter).all()):
            state = "not finite after the fit"
        elif not bool(parameter.any()):
            state = "exactly zero after the fit"
        size = parameter.numel()
        accounts.append(ParameterAccount(module.group.name, plugin, name, size, state, in_optimizer=False, live=0))
    return accounts


def require_complete(accounts: Sequence[ParameterAccount]) -> None:
    """Refuse a model of which a parameter is unaccounted for.

    Raises:
        AuditError: Names each of them.
    """
    complaints = [
        f"{account.name} of plugin '{account.plugin}', group '{account.group}', "
        f"{account.elements} elements: {account.state}"
        for account in accounts
        if not account.accounted
    ]
    if complaints:
        raise AuditError(
            join_complaints(
                "some parameters would never be trained; use them in the forward pass and in a loss, or remove them",
                complaints,
            )
        )


def _all_names(trainer: GroupTrainer) -> list[str]:
    return [name.removeprefix("nodes.") for name, _ in trainer.module.named_parameters()]


def _account(trainer: GroupTrainer, name: str, live: torch.Tensor | None, not_finite: bool) -> ParameterAccount:
    parameter = trainer.module.get_parameter(f"nodes.{name}")
    held = [] if trainer.optimizer is None else trainer.optimizer.param_groups
    places = sum(other is parameter for group in held for other in group["params"])
    if not parameter.requires_grad:
        state = "frozen"
    elif places != 1:
        state = f"in {places} places of the optimizer"
    elif not_finite:
        state = "gradient not finite"
    elif live is None:
        state = "no gradient"
    elif not bool(live.any()):
        state = "gradient exactly zero"
    else:
        state = "trained"
    plugin, _, inner = name.partition(".")
    return ParameterAccount(
        group=trainer.group.name,
        plugin=plugin,
        name=inner,
        elements=parameter.numel(),
        state=state,
        in_optimizer=places == 1,
        live=0 if live is None else int(live.sum()),
    )


@attrs.frozen
class PluginTotal:
    """The account of one plugin, in tensors and elements."""

    group: str
    plugin: str
    tensors: int
    elements: int
    in_optimizer: int
    """Elements."""
    live: int
    """Elements that received a non-zero gradient."""
    frozen: int
    """Elements."""
    fitted: int
    """Elements that were computed in closed form."""


def totals(accounts: Sequence[ParameterAccount]) -> list[PluginTotal]:
    """One line per plugin, and one for everything; the columns add up."""
    lines: dict[tuple[str, str], list[ParameterAccount]] = {}
    for account in accounts:
        lines.setdefault((account.group, account.plugin), []).append(account)
    lines["total", ""] = list(accounts)
    return [
        PluginTotal(
            group,
            plugin,
            len(held),
            sum(account.elements for account in held),
            sum(account.elements for account in held if account.in_optimizer),
            sum(account.live for account in held),
            sum(account.elements for account in held if account.state == "frozen"),
            sum(account.elements for account in held if account.state == "fitted"),
        )
        for (group, plugin), held in lines.items()
    ]
