"""The training of a run: tier after tier, each on the finished tiers below it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError, DataError
from redheart_core.contract.events import GroupStopped, RunFinished, RunStarted
from redheart_core.data.batch import Batch
from redheart_core.discovery.calls import Hooks
from redheart_core.groups.group import Group
from redheart_core.runs.accounts import ParameterAccount, add_accounts
from redheart_core.runs.describe import describe
from redheart_core.runs.retention import Retention
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder
from redheart_core.storage.locks import locked_groups
from redheart_core.training.audit import require_complete
from redheart_core.training.context import TrainingContext
from redheart_core.training.disk import check_disk
from redheart_core.training.epoch_zero import begins_now, finish_epoch_zero, require_beginnings
from redheart_core.training.epochs import train_epoch
from redheart_core.training.finished_epoch import FinishedEpoch, event, finish_epoch
from redheart_core.training.fitted_group import fit_group
from redheart_core.training.group_trainer import GroupFault, GroupTrainer
from redheart_core.training.out_of_memory import ERRORS, Ladder, MemoryFault, is_out_of_memory, no_memory
from redheart_core.training.progress import (
    DamagedGroup,
    GroupProgress,
    epochs_done,
    fixed_inputs,
    load_fixed,
    require_same_inputs,
    write_stop,
)
from redheart_core.training.ranks import CommonFolder, Ranks, tell
from redheart_core.training.residency import Residency, opened
from redheart_core.training.saving import Saver, opened_saver
from redheart_core.training.share import await_below, chosen_groups, groups_below, require_started
from redheart_core.training.state_codes import require_torchao
from redheart_core.training.turns import TurnPlan


def train(
    run: RunFolder,
    context: TrainingContext,
    hooks: Hooks,
    only: Collection[str] | None = None,
    wait_s: float = 0.0,
    plan: TurnPlan | None = None,
    ranks: Ranks | None = None,
    look: Callable[[str], object] = lambda group: None,
) -> dict[str, str]:
    """Train groups to their last epoch, from wherever an earlier process stopped.

    Processes on several machines may train different groups of a run in a folder that they share. A group's files are
    the same to the last bit whichever process trains it.

    Args:
        run: Its folder.
        context: Of all groups of the run.
        hooks: Called with the events of this process's groups.
        only: Names of the groups to train; None for all.
        wait_s: How long to wait for a group that another process holds, and for groups below that others train.
        plan: How groups take turns within a budget. Without one all groups of a tier are on the device; the result is
            the same to the last bit.
        ranks: Of processes that train the groups together; the first one writes, and has begun the run.
        look: Called with a group below that has not finished: it may have done so where this folder is not seen.

    Returns:
        The groups that stopped at a fault, with the reason.

    Raises:
        RedheartError: Settings, plugins or data are wrong, or a file cannot be written, or another process holds a
            group, or one below has not finished, or a turn took more than the budget. What was finished before is on
            disk and counts.
    """
    chosen = chosen_groups(context.groups, only)
    require_started(chosen, ranks)
    for bits in {context.own_settings(group).optimizer_bits for group in chosen if not group.fitted} - {32}:
        require_torchao(bits)
    leads = ranks is None or ranks.leads
    make_folder(run.path)
    with locked_groups(run.path, [group.name for group in chosen], wait_s) if leads else nullcontext():
        if leads:
            begin(run, context, chosen)
        below = groups_below(context.groups, chosen)
        stopped = await_below(run, context, below, wait_s, look)
        if ranks is not None:
            stopped = tell(stopped)
        background = context.settings.background_saving and ranks is None  # the others wait for each file
        with (
            opened(run.path, context, plan) as residency,
            opened_saver(Retention.of(context.settings), background) as saver,
        ):
            ladder = Ladder(residency, context.device)
            return _Training(run, context, hooks, residency, chosen, below, ranks, stopped, ladder, saver).run_tiers()


def begin(run: RunFolder, context: TrainingContext, groups: Sequence[Group] | None = None) -> None:
    """Begin a run, or join one that was begun alike, if the disk holds what some of its groups will write.

    Args:
        run: Its folder.
        context: Of all groups of the run.
        groups: Those that will be trained; None for all.

    Raises:
        CheckpointError: The run was begun otherwise, or the disk is too small.
        SettingsError: A group without epochs begins at random weights.
    """
    require_beginnings(context, run.starts)
    run.begin(describe(run.path, context.nodes, context.groups, context.settings, context.store))
    check_disk(run, context, context.groups if groups is None else groups)


@attrs.define(eq=False)
class _Training:
    """One process's part of a run."""

    run: RunFolder
    context: TrainingContext
    hooks: Hooks
    residency: Residency
    chosen: tuple[Group, ...]
    """The groups that this process trains."""
    below: tuple[Group, ...]
    """The groups that these read and that other processes train."""
    ranks: Ranks | None
    """Of processes that train the chosen groups together."""
    stopped: dict[str, str]
    """Those of them that stopped, with the reason; this process adds its own."""
    ladder: Ladder
    saver: Saver
    accounts: list[ParameterAccount] = attrs.Factory(list)

    def run_tiers(self) -> dict[str, str]:
        """All tiers; returns the groups that stopped."""
        run, context = self.run, self.context
        names = tuple(group.name for group in self.chosen)
        done = {name: epochs_done(run, name) for name in names}
        epochs = {group.name: context.own_settings(group).epochs for group in self.chosen}
        self.hooks.before_run(RunStarted(run.path, names, epochs, done))
        for tier in sorted({group.tier for group in (*self.chosen, *self.below)}):
            self.train_tier([group for group in context.groups if group.tier == tier])
        self.hooks.after_run(RunFinished(run.path, tuple(self.stopped)))
        return self.stopped

    def train_tier(self, groups: Sequence[Group]) -> None:
        """Fit or train the chosen groups of a tier, and compute what the tiers above read of it."""
        own = {group.name for group in self.chosen}
        self.residency.begin(groups[0].tier)
        active = [one for group in groups if group.name in own and (one := self.begin_group(group)) is not None]
        if self.ranks is None or self.ranks.leads:
            add_accounts(self.run.path, self.accounts, own, [group.name for group in self.context.groups])
        require_complete(self.accounts)
        self.train_epochs(active)
        active.clear()
        self.residency.end()
        readers = {name for other in (*self.chosen, *self.below) for name in other.reads}
        asked = self.asked()
        for group in groups:
            if group.name in readers and group.name not in self.stopped:
                module = self.context.module(group)
                try:
                    load_fixed(self.run, group, module)
                except CheckpointError as error:
                    self.stop(group.name, 0, str(error))
                    continue
                if group.name in asked:
                    self.context.add_outputs(group, module)

    def asked(self) -> set[str]:
        """The groups that one above still reads: to learn, or to answer one above it that learns.

        A group that an earlier process fitted learns nothing more; a trained one is audited anew.
        """
        names, own = set[str](), {group.name for group in self.chosen}
        for group in sorted((*self.chosen, *self.below), key=lambda group: -group.tier):
            learns = group.name in own and not (group.fitted and epochs_done(self.run, group.name))
            if group.name in names or learns:
                names |= set(group.reads)
        return names

    def begin_group(self, group: Group) -> GroupProgress | None:
        """The group where an earlier process left it; None if it has no epochs to train."""
        missing = [name for name in group.reads if name in self.stopped]
        if missing:
            self.stop(group.name, 0, f"it reads {', '.join(missing)}, which stopped")
            return None
        folder = self.run.group(group.name) if self.ranks is None else CommonFolder(self.run, group.name, self.ranks)
        try:
            manifest = folder.read()
        except CheckpointError as error:
            self.stop(group.name, 0, str(error))
            return None
        self.residency.make_room(group.name)
        try:
            if group.fitted:
                self.accounts += fit_group(self.run, self.context, group, self.hooks)
                return None
            trainer = self.context.trainer(group)
            self.accounts += self.context.audit(trainer)
            trainer = trainer if self.ranks is None else self.shared(group, self.ranks)
            one = GroupProgress(trainer, folder, manifest, settle=self.settle)
        except DamagedGroup as error:
            self.stop(group.name, 0, str(error))
            return None
        except ERRORS as fault:
            if is_out_of_memory(fault):
                self.stop(group.name, 0, no_memory(fault, "its first batches"))
                return None
            if not isinstance(fault, GroupFault | DataError):
                raise
            write_stop(folder, manifest, str(fault))
            self.stop(group.name, 0, str(fault))
            return None
        if one.trainer.optimizer is None:
            return None
        if one.manifest.status == "stopped":
            self.stop(group.name, one.done, one.manifest.reason)
            return None
        inputs = fixed_inputs(self.run, group)
        try:
            require_same_inputs(group, one.manifest, inputs)
            one.manifest = attrs.evolve(one.manifest, inputs=inputs)
            one.restore(self.run)
        except CheckpointError as error:
            self.stop(group.name, one.done, str(error))
            return None
        self.residency.add(one.trainer)
        self.ladder.begin(one)
        return one

    def shared(self, group: Group, ranks: Ranks) -> GroupTrainer:
        """This process's trainer of a group that several train together."""
        from redheart_core.training.sharding import ShardedTrainer  # with torch.distributed, which takes its time

        context = self.context
        updates = context.updates_per_epoch(group)
        return ShardedTrainer(group, context.surroundings, context.settings, updates, context.device, ranks)

    def train_epochs(self, active: Sequence[GroupProgress]) -> None:
        """Train groups to their last epoch, taking turns by epoch or by batch."""
        for one in active:
            if begins_now(one):
                with self.turn(one.trainer):
                    self.finish_turn(one, 0, time.monotonic(), partial(finish_epoch_zero, self.context, one))
        while unfinished := [one for one in active if one.name not in self.stopped and one.done < one.epochs]:
            epoch = min(one.done for one in unfinished) + 1
            turn = [one for one in unfinished if one.done + 1 == epoch]
            self.residency.order([one.name for one in turn])
            if self.residency.turn_steps:
                self.train_turn(turn, epoch)
                continue
            epochs = self.residency.turn_epochs([one.trainer for one in turn])
            for one in turn:
                for number in range(epoch, min(epoch + epochs, one.epochs + 1)):
                    if one.name not in self.stopped:
                        self.train_turn([one], number)
        self.settle()
        for one in active:
            if one.name not in self.stopped:
                one.finish()

    def train_turn(self, turn: Sequence[GroupProgress], epoch: int) -> None:
        """One epoch of some groups; those that meet a fault stop."""
        started, block = time.monotonic(), self.residency.turn_steps or turn[0].trainer.updates_per_epoch
        # a turn of whole epochs goes on with the validation and the save of the last one
        turns = self.turn if self.residency.turn_steps else self.residency.turn
        step = self.step if self.ranks is None else GroupTrainer.step  # no process can take one again alone
        results = train_epoch(self.context, [one.trainer for one in turn], epoch, block, turns, step)
        for one, result in zip(turn, results, strict=True):
            with self.turn(one.trainer):
                self.finish_turn(one, epoch, started, partial(finish_epoch, self.context, one, epoch, result))

    @contextmanager
    def turn(self, trainer: GroupTrainer) -> Iterator[None]:
        """A turn of a group, after which the budget is checked."""
        with self.residency.turn(trainer):
            yield
        self.residency.check()

    def step(self, trainer: GroupTrainer, batch: Batch, epoch: int, number: int) -> Tensor | None:
        """An update; before it an epoch that was saved meanwhile is reported."""
        if self.saver.written:
            self.settle()
        self.residency.make_sure(trainer)
        return self.ladder.step(trainer, batch, epoch, number)

    def finish_turn(self, one: GroupProgress, epoch: int, started: float, finish: Callable[[], FinishedEpoch]) -> None:
        """Evaluate and save an epoch, and report it; a group that meets a fault stops."""
        try:
            self.residency.make_sure(one.trainer)
            finished = finish()
            seconds = time.monotonic() - started
            self.settle()
            if one.name in self.stopped:  # the save of its last epoch found no memory
                return
            done = event(one.name, one.epochs, seconds, finished.entry)
            self.saver.save(one, finished, lambda: self.hooks.after_epoch(done))
        except ERRORS as fault:
            if is_out_of_memory(fault):
                self.stop_without_memory(one, epoch, fault)
                return
            if not isinstance(fault, GroupFault):
                raise
            one.stop(str(fault))
            self.stop(one.name, epoch, str(fault))

    def settle(self) -> None:
        """Wait for the save that is under way; a group whose save finds no memory stops."""
        try:
            self.saver.settle()
        except ERRORS as fault:
            one = self.saver.failed
            if one is None or not is_out_of_memory(fault):
                raise
            one.saving, epoch = None, one.done
            self.stop_without_memory(one, epoch, fault)

    def stop_without_memory(self, one: GroupProgress, epoch: int, fault: BaseException) -> None:
        """Note it; the group's files stay as they are, so that a resumed training tries again."""
        known = isinstance(fault, MemoryFault)
        self.stop(one.name, epoch, str(fault) if known else no_memory(fault, f"the end of epoch {epoch}"))

    def stop(self, group: str, epoch: int, reason: str) -> None:
        """Note and report that a group does not go on."""
        self.stopped[group] = reason
        self.hooks.after_group_stopped(GroupStopped(group, epoch, reason))
