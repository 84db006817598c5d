"""The account of every parameter: group, optimizer, gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import torch

from redheart_core.contract.errors import AuditError, DataError, PluginError, ShapeError, disabling, join_complaints
from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import GroupModule, module_name, stored_name
from redheart_core.groups.objective import training_loss
from redheart_core.groups.residual import open_gates
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.storage.runtime import generator, random_stream
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.probe import listed, varied

ROUNDING = 1e-6
"""Share of a node's largest gradient up to which one is rounding; real ones were seen down to 1e-5."""
PROBES = 3
"""Batches of made-up records that a parameter without a gradient is tried on."""


@attrs.define
class _Gradients:
    """What the parameters of a group received over some batches."""

    live: dict[str, torch.Tensor] = attrs.Factory(dict)
    """Which elements received a gradient."""
    sizes: dict[str, float] = attrs.Factory(dict)
    """The largest finite one of each parameter."""
    not_finite: set[str] = attrs.Factory(set)

    def add(self, trainer: GroupTrainer, batch: Batch, *stream: object) -> None:
        """Forward and backward on a batch."""
        module = trainer.module
        with random_stream(trainer.device, trainer.settings.seed, "audit", trainer.group.name, *stream):
            outputs = module(batch, compare=True)
            module.check_ranges(outputs)
            loss = training_loss(module, outputs, batch)
        if loss is None or not loss.requires_grad:
            return
        module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in trainer.parameters.items():
            gradient = parameter.grad
            if gradient is None:
                continue
            if not bool(torch.isfinite(gradient).all()):
                self.not_finite.add(name)
            found = gradient != 0
            self.live[name] = self.live[name] | found if name in self.live else found
            size = float(gradient.nan_to_num(0.0, 0.0, 0.0).abs().max()) if gradient.numel() else 0.0
            self.sizes[name] = max(size, self.sizes.get(name, 0.0))
        module.zero_grad(set_to_none=True)

    def learns(self, name: str) -> bool:
        """Whether a parameter received more than rounding, compared with the others of its node."""
        node = name.partition(".")[0]
        largest = max((size for other, size in self.sizes.items() if other.partition(".")[0] == node), default=0.0)
        return self.sizes.get(name, 0.0) > ROUNDING * largest

    def is_complete(self, names: Iterable[str]) -> bool:
        """Whether every element of these parameters is alive."""
        return all(name in self.live and bool(self.live[name].all()) and self.learns(name) for name in names)


def audit_group(
    trainer: GroupTrainer, batches: Iterable[Batch], sameness: Sequence[str] | None = None
) -> list[ParameterAccount]:
    """Run forward and backward on some batches, change nothing, and account for every parameter.

    Stops at the first batch after which every element of every parameter is alive. A parameter without a gradient that
    receives one from made-up records which vary in everything is idle: the data are the reason, not the module. What a
    node adds to the baseline's answers counts in full meanwhile, so that gradients reach what its gates hold back.

    Args:
        trainer: The group.
        batches: Real records.
        sameness: What is the same in all training records, for the account of what is idle; None if these records
            are known to vary, so that nothing may be idle.

    Raises:
        ShapeError: An output has another shape or range than declared.
        AuditError: A forward pass added parameters.
    """
    found, last = _Gradients(), None
    trainer.module.train()
    with open_gates(trainer.module.residuals):
        for number, last in enumerate(batches):
            _add_unchanged(found, trainer, last, number)
            if found.is_complete(trainer.parameters):
                break
        silent = [name for name in trainer.parameters if not found.learns(name) and name not in found.not_finite]
        idle = _idle(trainer, last, silent) if silent and last is not None and sameness is not None else set()
    reason = listed(sameness or ())
    return [
        attrs.evolve(account, state="idle", reason=reason) if name in idle else account
        for name in _all_names(trainer)
        for account in [_account(trainer, name, found)]
    ]


def _add_unchanged(found: _Gradients, trainer: GroupTrainer, batch: Batch, number: int) -> None:
    """Forward and backward, which may not add parameters.

    Raises:
        AuditError: They have.
    """
    names = {name for name, _ in trainer.module.named_parameters()}
    found.add(trainer, batch, number)
    added = {name for name, _ in trainer.module.named_parameters()} - names
    if added:
        raise AuditError(f"group '{trainer.group.name}': a forward pass added parameters: {', '.join(sorted(added))}")


def _idle(trainer: GroupTrainer, batch: Batch, silent: Sequence[str]) -> set[str]:
    """Which of the parameters without a gradient learn from made-up records."""
    found = _Gradients()
    stream = generator(trainer.settings.seed, "probe", trainer.group.name)
    try:
        for number in range(PROBES):
            found.add(trainer, varied(trainer.module, batch, stream), "probe", number)
    except (PluginError, DataError, ShapeError):  # made-up records may be none for a plugin; then nothing is idle
        return set()
    return {name for name in silent if found.learns(name)}


def audit_optimizer(trainer: GroupTrainer) -> list[ParameterAccount]:
    """Account for every parameter without computing anything, so that the island may be on the meta device."""
    accounts = [_account(trainer, name, _Gradients()) for name in _all_names(trainer)]
    return [
        attrs.evolve(account, state="not run") if account.state == "no gradient" else account for account in accounts
    ]


def audit_unlearning(trainer: GroupTrainer) -> list[ParameterAccount]:
    """The account of a group that has no field to learn, which is one without parameters, such as calculators.

    Raises:
        PluginError: It has some.
    """
    if trainer.parameters:
        names = [node.name for node in trainer.group.nodes]
        raise PluginError(
            f"nothing in group '{trainer.group.name}' learns: {', '.join(names)} has parameters, and no plugin of the "
            f"group has a field to learn; enable one that has, or leave the group out: {disabling(names)}"
        )
    return audit_optimizer(trainer)


def audit_fitted(module: GroupModule, sameness: Sequence[str] = ()) -> list[ParameterAccount]:
    """Account for every parameter of a group that was fitted in closed form: each has to be finite and not all zero.

    Args:
        module: The group.
        sameness: What is the same in all training records; if anything is, a parameter that is zero is idle.
    """
    accounts = []
    for full, parameter in module.named_parameters():
        plugin, _, name = stored_name(full).partition(".")
        state, reason = "fitted", ""
        if parameter.requires_grad:
            state = "wants a gradient, but its group is fitted"
        elif not bool(torch.isfinite(parameter).all()):
            state = "not finite after the fit"
        elif not bool(parameter.any()):
            state, reason = ("idle", listed(sameness)) if sameness else ("exactly zero after the fit", "")
        account = ParameterAccount(module.group.name, plugin, name, parameter.numel(), state, False, 0, reason)
        accounts.append(account)
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
                "some parameters would never be trained, whatever the data; leave the plugin out with --disable NAME "
                "until its author has repaired it (each parameter has to reach a loss, or have requires_grad False):",
                complaints,
            )
        )


def _all_names(trainer: GroupTrainer) -> list[str]:
    return [stored_name(name) for name, _ in trainer.module.named_parameters()]


def _account(trainer: GroupTrainer, name: str, found: _Gradients) -> ParameterAccount:
    parameter, live = trainer.module.get_parameter(module_name(name)), found.live.get(name)
    held = [] if trainer.optimizer is None else trainer.optimizer.param_groups
    places = sum(other is parameter for group in held for other in group["params"])
    if not parameter.requires_grad:
        state = "frozen"
    elif places != 1:
        state = f"in {places} places of the optimizer"
    elif name in found.not_finite:
        state = "gradient not finite"
    elif live is None:
        state = "no gradient"
    elif not bool(live.any()):
        state = "gradient exactly zero"
    elif not found.learns(name):
        state = "gradient is rounding alone"
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
    idle: int
    """Elements of parameters that these data teach nothing."""


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
            sum(account.elements for account in held if account.state == "idle"),
        )
        for (group, plugin), held in lines.items()
    ]
