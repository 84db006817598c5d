"""A group that is fitted in closed form: its one epoch stands for the fit."""

from __future__ import annotations

import time

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.discovery.calls import Hooks
from redheart_core.groups.group import Group
from redheart_core.groups.validation import evaluate
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.runs.retention import Retention
from redheart_core.runs.run import RunFolder
from redheart_core.training.audit import audit_fitted
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import validate_epoch
from redheart_core.training.finished_epoch import evaluated, event
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.probe import sameness
from redheart_core.training.progress import DamagedGroup, fixed_inputs, load_fixed, require_same_inputs


def fit_group(run: RunFolder, context: TrainingContext, group: Group, hooks: Hooks) -> list[ParameterAccount]:
    """Fit a group, unless an earlier process did.

    Raises:
        DamagedGroup: An earlier process fitted it, and its file is damaged, or the epochs below are others by now.
        GroupFault: An earlier process stopped it, the fit or a loss fails, or the validation loss is not finite.
    """
    folder, inputs, started = run.group(group.name), fixed_inputs(run, group), time.monotonic()
    manifest = folder.read()
    if manifest.status == "stopped":
        raise GroupFault(manifest.reason)
    if manifest.epochs:
        module = context.module(group)
        try:
            require_same_inputs(group, manifest, inputs)
            load_fixed(run, group, module)
        except CheckpointError as error:
            raise DamagedGroup(str(error)) from error
        return audit_fitted(module, sameness(context.store, group))
    with stopping_alone():
        module = context.fit(group)
        learnt_from = context.store.rows(context.fitted_splits(group)[0])
        on_train = evaluate(module, context.source, learnt_from)
    result = validate_epoch(context, module, 1)
    entry = {"epoch": 1, "train_loss": on_train.loss, **evaluated(result), "learning_rate": 0.0}
    honest = None if module.honest is None else folder.save_honest(module.honest.tensors())
    manifest = attrs.evolve(manifest, inputs=inputs, fitted=True, status="finished", honest=honest)
    folder.add_epoch(manifest, entry, module.parameter_dict(), {}, result.losses, Retention())
    hooks.after_epoch(event(group.name, 1, time.monotonic() - started, entry))
    return audit_fitted(module, sameness(context.store, group))
