"""A training whose run goes to an object store too: every finished epoch is sent while the next one is trained."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from redheart_core.discovery.calls import Hooks
from redheart_core.storage.guard import cleaning_up
from redheart_core.storage.parts import ConflictError
from redheart_core.storage.remote import RemoteError

if TYPE_CHECKING:
    from redheart.progress import Display
    from redheart_core.runs.mirror import RunMirror
    from redheart_core.storage.remote import Remote

LOOK_S = 5.0
"""From look to look at a group that another machine trains."""


@attrs.define(eq=False)
class Uploads:
    """Sends the groups of a run in a thread, each as it is when its turn comes.

    An object store that does not answer costs nothing but that: the group is sent with its next epoch, and at the end,
    where it is an error. Another process that has written the same group ends the training.
    """

    mirror: RunMirror
    say: Callable[[str], None]
    thread: Executor
    _due: dict[str, None] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _work: Future[None] | None = attrs.field(default=None, init=False)
    _looked: dict[str, float] = attrs.field(factory=dict, init=False)
    _unfinished: tuple[str, ...] = attrs.field(default=(), init=False)
    """The groups that this process trains, until all of them has been sent."""

    def begin(self, groups: tuple[str, ...]) -> None:
        """Send run.json and the store, if they are not there.

        Args:
            groups: Those that this process trains.

        Raises:
            RedheartError: Another run is there, or the store does not answer.
        """
        if self.mirror.send().files:
            self.say(f"{self.mirror.remote.url}: run.json and the store are there")
        self._unfinished = groups

    def send(self, group: str) -> None:
        """Have what a group has finished sent.

        Raises:
            RedheartError: Another process has written a group that was sent before, or a file of it is damaged.
        """
        with self._lock:
            self._due[group] = None
        if self._work is None or self._work.done():
            self._settle()
            self._work = self.thread.submit(self._drain)

    def finish(self) -> None:
        """Send all that is left.

        Raises:
            RedheartError: As send; or the store does not answer.
        """
        self._settle()
        try:
            for group in self._unfinished:
                self.mirror.send_group(group)
            self.mirror.send_logs()
        except RemoteError as error:
            self._unfinished = ()
            error.add_note(f"redheart push {self.mirror.run.path} {self.mirror.remote.url} sends what is left")
            raise
        self._unfinished = ()

    def close(self) -> None:
        """Send what a training that is interrupted has finished.

        Raises:
            RedheartError: As finish.
        """
        if self._unfinished:
            self.say(f"sending what is finished to {self.mirror.remote.url}")
            self.finish()

    def look(self, group: str) -> None:
        """Fetch what another machine has finished of a group, now and then."""
        if time.monotonic() - self._looked.get(group, -LOOK_S) >= LOOK_S:
            self.mirror.join(group)
            self._looked[group] = time.monotonic()

    def over(self, hooks: Hooks) -> Hooks:
        """The hooks of a training, which send too."""
        return _SendingHooks(hooks.relay, self)

    def _settle(self) -> None:
        if self._work is not None:
            work, self._work = self._work, None
            try:
                work.result()
            except ConflictError:
                self._unfinished = ()  # what is there is somebody else's
                raise

    def _drain(self) -> None:
        while (group := self._next()) is not None:
            try:
                self.mirror.send_group(group)
            except ConflictError:
                raise
            except RemoteError as error:
                with self._lock:
                    self._due[group] = None
                self.say(f"'{group}' could not be sent, which is tried again after the next epoch: {error}")
                return
        try:
            self.mirror.send_logs()
        except RemoteError as error:
            self.say(f"events.jsonl could not be sent, which is tried again after the next epoch: {error}")

    def _next(self) -> str | None:
        with self._lock:
            group = next(iter(self._due), None)
            self._due.pop(group or "", None)
        return group


@attrs.frozen
class _SendingHooks(Hooks):
    """Hooks of a training that send what has changed once all plugins have been called."""

    uploads: Uploads

    def before_run(self, event: RunStarted) -> None:
        super().before_run(event)
        self.uploads.begin(tuple(event.groups))

    def after_epoch(self, event: EpochFinished) -> None:
        super().after_epoch(event)
        self.uploads.send(event.group)

    def after_group_stopped(self, event: GroupStopped) -> None:
        super().after_group_stopped(event)
        self.uploads.send(event.group)

    def after_run(self, event: RunFinished) -> None:
        super().after_run(event)
        self.uploads.finish()


@contextmanager
def sending(mirror: RunMirror, say: Callable[[str], None]) -> Iterator[Uploads]:
    """Uploads of a run, which have ended when the block ends, however it ends."""
    with ThreadPoolExecutor(1, thread_name_prefix="sending") as thread:
        uploads = Uploads(mirror, say, thread)
        with cleaning_up(uploads.close):
            yield uploads


def fetching(remote: Remote | None, display: Display) -> Callable[[Path], object]:
    """What brings the beginning of a run out of an object store into its folder; nothing without one."""
    from redheart_core.runs.mirror import RunMirror
    from redheart_core.runs.run import RunFolder

    def fetch(folder: Path) -> None:
        if remote is not None:
            moved = RunMirror(remote, RunFolder(folder)).fetch()
            if moved.files:
                display.say(f"{remote.url}: fetched {moved} of run.json and the store")

    return fetch
