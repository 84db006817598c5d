"""What a person sees while work goes on, on stderr: bars on a terminal or in a notebook, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol

from redheart_core import EpochFinished, GroupStopped, RunFinished, RunStarted, hookimpl


class Display(Protocol):
    """Shows progress of named work; training shows itself through the event hooks."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        """So much of something is done; the note stands behind it."""

    def say(self, line: str) -> None:
        """One line."""


def make_display(progress: bool = True) -> Display:
    """Bars if stderr is a terminal or a notebook, lines otherwise; nothing without progress."""
    if not progress:
        return SilentDisplay()
    return BarDisplay() if sys.stderr.isatty() or "ipykernel" in sys.modules else LineDisplay()


class SilentDisplay:
    """Shows nothing."""

    def __enter__(self) -> SilentDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        pass


class LineDisplay:
    """One line per epoch, and now and then one for other work."""

    def __init__(self) -> None:
        self._spoken: dict[str, float] = {}

    def __enter__(self) -> LineDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done == total or now - self._spoken.get(what, -10.0) >= 10.0:
            self._spoken[what] = now
            self.say((f"{what}: {done} of {total}" if total else f"{what}: {done}") + (f"; {note}" if note else ""))

    @hookimpl
    def redheart_before_run(self, event: RunStarted) -> None:
        few, many = min(event.epochs.values()), max(event.epochs.values())
        epochs = many if few == many else f"{few} to {many}"
        self.say(f"training {len(event.groups)} groups for {epochs} epochs in {event.folder}")

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        self.say(
            f"{event.group}: epoch {event.epoch}/{event.epochs}, train {event.train_loss:.4f}, "
            f"{_worth(event)}, {event.seconds:.1f} s"
        )

    @hookimpl
    def redheart_after_group_stopped(self, event: GroupStopped) -> None:
        self.say(f"{event.group}: STOPPED in epoch {event.epoch}: {event.reason}")

    @hookimpl
    def redheart_after_run(self, event: RunFinished) -> None:
        self.say(f"training finished; stopped groups: {', '.join(event.stopped) or 'none'}")


class BarDisplay:
    """rich progress bars, one per group or piece of work."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> BarDisplay:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        self._update(what, done, total, note)

    @hookimpl
    def redheart_before_run(self, event: RunStarted) -> None:
        for group in event.groups:
            self._update(group, event.epochs_done.get(group, 0), event.epochs[group], "")

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        note = f"train {event.train_loss:.4f}  {_worth(event)}"
        self._update(event.group, event.epoch, event.epochs, note)

    @hookimpl
    def redheart_after_group_stopped(self, event: GroupStopped) -> None:
        self.say(f"{event.group}: STOPPED in epoch {event.epoch}: {event.reason}")

    def _update(self, what: str, done: int, total: int, note: str) -> None:
        known = total or None  # a bar of unknown length pulses
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=known, note=note)
        self._bars.update(self._tasks[what], completed=done, total=known, note=note)


def _worth(event: EpochFinished) -> str:
    """What an epoch is worth, as its group measures it."""
    if event.agent_return is not None:
        return f"return {event.agent_return:.4f}"
    return f"validation {event.validation_loss:.4f}"
