"""Epochs are saved one at a time, and in the background if the settings say so: while the next one is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import attrs

from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import Retention
from redheart_core.storage.guard import cleaning_up
from redheart_core.training.finished_epoch import FinishedEpoch
from redheart_core.training.progress import GroupProgress

Report = Callable[[], object]
"""Says that an epoch is done."""


@attrs.frozen
class _Pending:
    """A save that is under way."""

    one: GroupProgress
    written: Future[GroupManifest]
    report: Report


@attrs.define(eq=False)
class Saver:
    """Saves epochs. One is reported once its files are there, and before the next one is saved.

    In the background a thread writes a copy, in the order of a save in the foreground, so that a kill leaves the same.
    """

    retention: Retention
    thread: ThreadPoolExecutor | None
    """None saves in the foreground."""
    failed: GroupProgress | None = None
    """The group whose save was the last one to fail."""
    _pending: _Pending | None = None

    def save(self, one: GroupProgress, finished: FinishedEpoch, report: Report) -> None:
        """Save an epoch of a group, after the one that is under way.

        Raises:
            RedheartError: A file of this epoch, or in the background of the one before, cannot be written.
        """
        self.settle()
        if self.thread is None:
            one.manifest = finished.save(one.folder, one.manifest, self.retention)
            report()
            return
        written = self.thread.submit(finished.copied().save, one.folder, one.manifest, self.retention)
        one.saving = finished.epoch
        self._pending = _Pending(one, written, report)

    def settle(self) -> None:
        """Wait for the save that is under way, if there is one.

        Raises:
            RedheartError: A file cannot be written; what was saved before counts.
        """
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        self.failed = pending.one
        pending.one.manifest = pending.written.result()
        self.failed = pending.one.saving = None
        pending.report()

    @property
    def written(self) -> bool:
        """Whether a save has ended and is not settled."""
        return self._pending is not None and self._pending.written.done()


@contextmanager
def opened_saver(retention: Retention, background: bool) -> Iterator[Saver]:
    """A saver that has settled when the block ends, however it ends."""
    if not background:
        yield Saver(retention, None)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="saving") as thread:
        saver = Saver(retention, thread)
        with cleaning_up(saver.settle):
            yield saver
