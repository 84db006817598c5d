"""The training loop: tiers, groups, epochs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.calls import Hooks
from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.validation import evaluate
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import epochs_to_keep
from redheart_core.runs.run import RunFolder, describe
from redheart_core.storage.files import locked, make_folder, write_json
from redheart_core.training.audit import ParameterAccount, audit_fitted, require_complete
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, GroupTrainer
from redheart_core.training.regularization import check_effective


@attrs.define(eq=False)
class GroupProgress:
    """A group on its way through the epochs."""

    trainer: GroupTrainer
    folder: GroupFolder
    manifest: GroupManifest

    @property
    def done(self) -> int:
        return self.manifest.epochs[-1].epoch if self.manifest.epochs else 0


def train(run: RunFolder, context: TrainingContext, hooks: Hooks) -> dict[str, str]:
    """Train every group to its last epoch, from wherever an earlier process stopped.

    Returns:
        The groups that stopped at a fault, with the reason.

    Raises:
        RedheartError: Settings, plugins or data are wrong, or a file cannot be written.
            What was finished before is on disk and counts.
    """
    make_folder(run.path)
    with locked(run.path):
        return _train(run, context, hooks)


def _train(run: RunFolder, context: TrainingContext, hooks: Hooks) -> dict[str, str]:
    run.begin(describe(run.path, context.nodes, context.groups, context.settings, context.store))
    names = tuple(group.name for group in context.groups)
    done = {name: max((e.epoch for e in run.group(name).read().epochs), default=0) for name in names}
    hooks.before_run(RunStarted(run.path, names, context.settings.epochs, done))
    stopped: dict[str, str] = {}
    accounts: list[ParameterAccount] = []
    for tier in sorted({group.tier for group in context.groups}):
        members = [group for group in context.groups if group.tier == tier]
        _train_tier(run, context, members, hooks, stopped, accounts)
    hooks.after_run(RunFinished(run.path, tuple(stopped)))
    return stopped


def _train_tier(
    run: RunFolder,
    context: TrainingContext,
    groups: Sequence[Group],
    hooks: Hooks,
    stopped: dict[str, str],
    accounts: list[ParameterAccount],
) -> None:
    active: list[GroupProgress] = []
    for group in groups:
        missing = [name for name in group.reads if name in stopped]
        if missing:
            _stop(stopped, hooks, group.name, 0, f"it reads {', '.join(missing)}, which stopped")
            continue
        if group.fitted:
            accounts += _fit_group(run, context, group, hooks)
            continue
        progress = GroupProgress(context.trainer(group), run.group(group.name), run.group(group.name).read())
        accounts += context.audit(progress.trainer)
        if progress.trainer.optimizer is None:
            continue
        if progress.manifest.status == "stopped":
            _stop(stopped, hooks, group.name, progress.done, progress.manifest.reason)
            continue
        inputs = fixed_inputs(run, group)
        if progress.done and inputs != progress.manifest.inputs:
            raise CheckpointError(f"group '{group.name}' was trained on other epochs of {', '.join(group.reads)}")
        progress.manifest = attrs.evolve(progress.manifest, inputs=inputs)
        try:
            _restore(progress)
        except CheckpointError as error:
            _stop(stopped, hooks, group.name, progress.done, str(error))
            continue
        active.append(progress)
    write_json(run.path / "audit.json", [attrs.asdict(account) for account in accounts])
    require_complete(accounts)
    _check_disk(run.path, active, context.settings)
    while unfinished := [one for one in active if one.done < context.settings.epochs]:
        epoch = min(one.done for one in unfinished) + 1
        turn = [one for one in unfinished if one.done + 1 == epoch]
        for together in [turn] if context.settings.interleave == "batch" else [[one] for one in turn]:
            for failed in _train_epoch(run, context, together, epoch, hooks, stopped):
                active.remove(failed)
    for progress in active:
        if progress.manifest.status != "finished":
            progress.manifest = attrs.evolve(progress.manifest, status="finished")
            progress.folder.write(progress.manifest)
    readers = {name for other in context.groups for name in other.reads}
    for group in groups:
        if group.name in readers and group.name not in stopped:
            module = context.module(group)
            load_fixed(run, group, module)
            context.add_outputs(group, module, context.seen_rows())


def _train_epoch(
    run: RunFolder,
    context: TrainingContext,
    turn: Sequence[GroupProgress],
    epoch: int,
    hooks: Hooks,
    stopped: dict[str, str],
) -> list[GroupProgress]:
    """One epoch of some groups, batch by batch in turns; returns those that failed."""
    started = time.monotonic()
    losses: dict[str, list[tuple[float, int]]] = {one.trainer.group.name: [] for one in turn}
    failed: dict[str, str] = {}
    orders = [context.training_order(one.trainer.group, epoch) for one in turn]
    for step in range(max(map(len, orders))):
        for one, order in zip(turn, orders, strict=True):
            group = one.trainer.group
            if group.name in failed or step >= len(order):
                continue
            rows = order[step]
            try:
                loss = one.trainer.step(context.source.batch(rows, group.inputs), epoch, step)
            except GroupFault as fault:
                failed[group.name] = str(fault)
                continue
            if loss is not None:
                losses[group.name].append((loss, len(rows)))
    for one in turn:
        name = one.trainer.group.name
        if name not in failed:
            reason = _finish_epoch(run, context, one, epoch, losses[name], hooks, time.monotonic() - started)
            if reason:
                failed[name] = reason
    result = []
    for one in turn:
        name = one.trainer.group.name
        if name in failed:
            one.manifest = attrs.evolve(one.manifest, status="stopped", reason=failed[name])
            make_folder(one.folder.path)
            one.folder.write(one.manifest)
            _stop(stopped, hooks, name, epoch, failed[name])
            result.append(one)
    return result


def _finish_epoch(
    run: RunFolder,
    context: TrainingContext,
    one: GroupProgress,
    epoch: int,
    losses: Sequence[tuple[float, int]],
    hooks: Hooks,
    seconds: float,
) -> str:
    """Validate and save; returns why the group has to stop, or nothing."""
    trainer, settings = one.trainer, context.settings
    result = evaluate(trainer.module, context.source, context.store.rows("validation"))
    if not result.finite:
        return f"the validation loss or a metric is not finite after epoch {epoch}"
    entry = {
        "epoch": epoch,
        "train_loss": sum(loss * size for loss, size in losses) / sum(size for _, size in losses),
        "validation_loss": result.loss,
        "metrics": result.metrics,
        "thresholds": result.thresholds,
        **trainer.take_record(epoch),
    }
    check_effective(trainer.group.settings, entry["effects"], trainer.group.name)  # type: ignore[arg-type] # a mapping
    average = _judge_average(context, trainer, entry)
    one.manifest = one.folder.add_epoch(
        one.manifest,
        entry,
        trainer.module.parameter_dict(),
        trainer.optimizer_tensors(),
        result.losses,
        epochs_to_keep(run.path, one.manifest, settings.keep_epochs),
        average,
    )
    hooks.after_epoch(_finished(trainer.group.name, settings.epochs, seconds, entry))
    return ""


def _finished(group: str, epochs: int, seconds: float, entry: Mapping[str, object]) -> EpochFinished:
    shown = {key: value for key, value in entry.items() if key not in ("effects", "gradient", "thresholds", "updates")}
    return EpochFinished(group=group, epochs=epochs, seconds=seconds, **shown)  # type: ignore[arg-type] # a mapping


def _judge_average(
    context: TrainingContext, trainer: GroupTrainer, entry: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, torch.Tensor], torch.Tensor] | None:
    """Entry, weights and validation losses of the moving average, if there is one; the weights stay as they were."""
    if trainer.average is None:
        return None
    own = {name: tensor.clone() for name, tensor in trainer.module.parameter_dict().items()}
    weights = own | trainer.average.weights
    trainer.module.load(weights)
    result = evaluate(trainer.module, context.source, context.store.rows("validation"))
    trainer.module.load(own)
    judged = {"validation_loss": result.loss, "metrics": result.metrics, "thresholds": result.thresholds}
    return {**entry, **judged}, weights, result.losses


def _fit_group(run: RunFolder, context: TrainingContext, group: Group, hooks: Hooks) -> list[ParameterAccount]:
    """Fit a group in closed form, unless an earlier process did; its one epoch stands for that."""
    folder, inputs, started = run.group(group.name), fixed_inputs(run, group), time.monotonic()
    manifest = folder.read()
    if manifest.epochs:
        if inputs != manifest.inputs:
            raise CheckpointError(f"group '{group.name}' was fitted on other epochs of {', '.join(group.reads)}")
        module = context.module(group)
        load_fixed(run, group, module)
        return audit_fitted(module)
    module = context.fit(group)
    on = {split: evaluate(module, context.source, context.store.rows(split)) for split in ("train", "validation")}
    result = on["validation"]
    entry = {
        "epoch": 1,
        "train_loss": on["train"].loss,
        "validation_loss": result.loss,
        "metrics": result.metrics,
        "thresholds": result.thresholds,
        "learning_rate": 0.0,
    }
    manifest = attrs.evolve(manifest, inputs=inputs, fitted=True, status="finished")
    folder.add_epoch(manifest, entry, module.parameter_dict(), {}, result.losses, None)
    seconds = time.monotonic() - started
    hooks.after_epoch(_finished(group.name, 1, seconds, entry))
    return audit_fitted(module)


def fixed_inputs(run: RunFolder, group: Group) -> dict[str, Mapping[str, object]]:
    """The epochs of lower groups that this group is trained on: the best of each."""
    fixed: dict[str, Mapping[str, object]] = {}
    for name in group.reads:
        manifest = run.group(name).read()
        if manifest.epochs:
            fixed[name] = {"epoch": manifest.best.epoch, "sha256": manifest.best.sha256}
    return fixed


def load_fixed(run: RunFolder, group: Group, module: GroupModule) -> None:
    """Load a finished group's best epoch; a calculator has none."""
    manifest = run.group(group.name).read()
    if manifest.epochs:
        module.load(run.group(group.name).weights(manifest.best))


def _restore(progress: GroupProgress) -> None:
    manifest = progress.manifest
    if manifest.epochs:
        progress.trainer.module.load(progress.folder.weights(manifest.epochs[-1]))
        progress.trainer.load_optimizer(progress.folder.optimizer(manifest))
        progress.folder.remove_unnamed(manifest)


def _stop(stopped: dict[str, str], hooks: Hooks, group: str, epoch: int, reason: str) -> None:
    stopped[group] = reason
    hooks.after_group_stopped(GroupStopped(group, epoch, reason))


def _check_disk(path: Path, active: Sequence[GroupProgress], settings: TrainSettings) -> None:
    """Refuse to begin what the disk cannot hold."""
    needed = 0
    for one in active:
        size = sum(tensor.numel() * tensor.element_size() for tensor in one.trainer.module.parameter_dict().values())
        epochs = settings.epochs - one.done
        needed += size * (min(epochs, settings.keep_epochs + 2) if settings.keep_epochs else epochs) + 4 * size
    free = shutil.disk_usage(path).free
    if needed > free:
        raise CheckpointError(
            f"the run needs {needed / 1e6:.0f} MB for checkpoints, {path} has {free / 1e6:.0f} MB free; "
            "free some, choose another folder, or keep fewer with --set training.keep_epochs=N"
        )
