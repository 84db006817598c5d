"""What is taken of a group: one epoch, a mix of the weights of several, or several that answer together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.groups.ensemble import Ensemble, Weights
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.validation import SplitResult, evaluate
from redheart_core.runs.manifest import EpochEntry, GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import honest_answers

TO_COME = 3
"""Passes that each member of a tried pick costs later: on validation for those that read it, and twice on test."""
_KEPT = 1 << 26
"""Bytes of checkpoints that are kept while picks of a group are compared, as most picks share theirs."""
_UPDATE = 3
"""The work of an update in forward passes: the backward pass costs twice the forward one."""

Member = tuple[tuple[str, float], ...]
"""Checkpoint files of the group with their shares of the weights; the shares sum to one."""


@attrs.frozen
class Pick:
    """A choice among everything that a group's epochs can be made into, with nothing trained anew."""

    method: str
    members: tuple[Member, ...]
    """One member is a checkpoint; several answer together."""

    @classmethod
    def single(cls, method: str, entry: EpochEntry) -> Pick:
        """One epoch as it is."""
        return cls(method, (((entry.file, 1.0),),))

    @classmethod
    def mixed(cls, method: str, entries: Sequence[EpochEntry], shares: Sequence[float] | None = None) -> Pick:
        """The weighted mean of some epochs' weights, each counting the same without shares."""
        shares = shares or [1 / len(entries)] * len(entries)
        taken = sorted((entry.file, share) for entry, share in zip(entries, shares, strict=True) if share)
        return cls(method, (tuple(taken),))

    @classmethod
    def together(cls, method: str, entries: Sequence[EpochEntry]) -> Pick:
        """Some epochs as an ensemble."""
        return cls(method, tuple(((entry.file, 1.0),) for entry in entries))

    @property
    def is_single(self) -> bool:
        """Whether it is one epoch as it is."""
        return len(self.members) == 1 and len(self.members[0]) == 1

    def epochs(self, manifest: GroupManifest) -> tuple[int, ...]:
        """The epochs whose files it is made of, ascending."""
        files = {file for member in self.members for file, _ in member}
        return tuple(sorted({entry.epoch for entry in manifest.candidates if entry.file in files}))

    def describe(self, manifest: GroupManifest) -> str:
        """The epochs for people: "7", "mean of 5 6 7", "3 together: 5, 7, 9"."""
        names = {entry.file: f"{entry.epoch}{'a' if entry.averaged else ''}" for entry in manifest.candidates}
        parts = [" ".join(names[file] for file, _ in member) for member in self.members]
        parts = [f"mean of {part}" if " " in part else part for part in parts]
        return parts[0] if len(parts) == 1 else f"{len(parts)} together: {', '.join(parts)}"


def mix(states: Sequence[Weights], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of several checkpoints, in float64, rounded once; one alone stays as it is."""
    if len(states) == 1:
        return dict(states[0])
    return {
        name: sum(
            (state[name].double() * share for state, share in zip(states, shares, strict=True)), start=torch.zeros(())
        ).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[0].items()
    }


def _bytes(weights: Weights) -> int:
    return sum(tensor.nbytes for tensor in weights.values())


class Pool:
    """The checkpoints of a group, and what any pick of them does on the validation split."""

    def __init__(self, run: RunFolder, context: TrainingContext, group: Group) -> None:
        self.group, self.context = group, context
        self.folder = run.group(group.name)
        self.manifest = self.folder.read()
        self.module = context.module(group)
        self.module.honest = honest_answers(self.folder, self.manifest)
        self.rows = context.store.rows("validation")
        self._entries: Mapping[str, EpochEntry] = {entry.file: entry for entry in self.manifest.candidates}
        self._results: dict[tuple[Member, ...], SplitResult] = {}
        self._compared: set[tuple[Member, ...]] = set()
        self._kept: dict[str, dict[str, Tensor]] = {}
        self.passes = 0
        """Over the validation records, that this comparison has made or has to make."""

    @property
    def epochs(self) -> list[EpochEntry]:
        """In order."""
        return sorted(self.manifest.epochs, key=lambda entry: entry.epoch)

    @property
    def ranked(self) -> list[EpochEntry]:
        """Epochs by validation loss, best first, the earlier one of equals."""
        return sorted(self.manifest.epochs, key=lambda entry: (entry.validation_loss, entry.epoch))

    def state(self, member: Member) -> dict[str, Tensor]:
        """The weights of a member; large files are read anew, so that no more of them are held than a pick needs."""
        return mix([self._weights(file) for file, _ in member], [share for _, share in member])

    def forget(self) -> None:
        """Let go of the files that are kept."""
        self._kept.clear()

    def _weights(self, file: str) -> dict[str, Tensor]:
        if file in self._kept:
            return self._kept[file]
        entry = self._entries[file]
        weights = self.module.in_own_types(self.folder.weights(entry))
        if sum(_bytes(kept) for kept in (weights, *self._kept.values())) <= _KEPT:
            self._kept[file] = weights
        return weights

    def build(self, pick: Pick) -> GroupModule | Ensemble:
        """The module or ensemble of a pick; it stays right until the next one is built."""
        states = [self.state(member) for member in pick.members]
        if len(states) > 1:
            return Ensemble(self.module, states)
        entry = self._entries[pick.members[0][0][0]] if pick.is_single else None
        self.module.load(states[0], None if entry is None else entry.sha256)
        return self.module

    def affords(self, passes: int) -> bool:
        """Whether so many more passes over the validation records leave the comparison cheaper than the training was.

        Both are counted in forward passes of a record, so that the answer does not depend on the machine.
        """
        training = _UPDATE * self.epochs[-1].epoch * len(self.context.training_rows(self.group))
        return (self.passes + passes) * len(self.rows) <= training

    def keep(self, pick: Pick) -> None:
        """Count what a pick that is compared with others will cost beside its validation."""
        if pick.members not in self._compared:
            self._compared.add(pick.members)
            self.passes += TO_COME * len(pick.members)

    def losses(self, pick: Pick) -> Tensor:
        """(N,) float64: the validation loss record by record."""
        if pick.is_single and pick.members not in self._results:
            return self.folder.losses(self._entries[pick.members[0][0][0]])
        return self.result(pick).losses

    def thresholds(self, pick: Pick) -> Mapping[str, Sequence[float | None]]:
        """One threshold per label for each "node.output", chosen on the validation split."""
        if pick.is_single:
            return self._entries[pick.members[0][0][0]].thresholds
        return self.result(pick).thresholds

    def result(self, pick: Pick) -> SplitResult:
        """What a pick is worth on the validation split, without its answers."""
        if pick.members not in self._results:
            self.passes += len(pick.members)
            found = evaluate(self.build(pick), self.context.source, self.rows)
            self._results[pick.members] = attrs.evolve(found, predictions={}, spreads={})  # many picks, large answers
        return self._results[pick.members]
