"""Signals that ask this process to end: they interrupt the work where that is safe, and again until it has ended.

An exception that a signal raises can be lost: a library that is being imported makes an error of its own out of it,
and what is raised in a finaliser or a callback is dropped. So nothing is raised before the command runs, while an
import is on the stack, or once the interruption is under way; a timer asks again until the process has ended, and
after PATIENCE_S without an import it ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

ENDING = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
"""The signals that ask a process to end, and what the process says then."""
REPEAT_S = 0.05
PATIENCE_S = 10.0
STALL_S = 1.0
"""Of the time between two calls of the handler so much counts: a machine that stood still gave the process none."""
IMPORT_S = 60.0
"""So long after the signal an import that lasts puts that off; libraries come from slow disks too."""
AGAIN = "run the same command again"
"""What to do after an interruption if nothing better is known."""


class Interrupted(SystemExit):
    """The command was interrupted; unlike KeyboardInterrupt, click lets it pass."""


class _Listener:
    """What has been received in this process."""

    def __init__(self) -> None:
        self.number: signal.Signals | None = None
        """The first signal that asked the process to end."""
        self.since_s = self.last_s = self.waited_s = 0.0
        """When it was received and when the handler was last called; and how long it has been waited for the end since
        then or since the last import."""
        self.interruptible = False
        """Whether the command runs; what comes before and after takes no time, and the signal waits for its end."""
        self.advice = AGAIN
        """How what the called command did goes on."""

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle one of ENDING, or the timer."""
        if self.number is None:
            if number not in ENDING:
                return
            self.number, self.since_s = signal.Signals(number), time.monotonic()
            self.last_s = self.since_s
        importing, now = _is_importing(frame), time.monotonic()
        self.waited_s += min(now - self.last_s, STALL_S)
        self.last_s = now
        if importing and now < self.since_s + IMPORT_S:
            self.waited_s = 0.0
        if self.waited_s >= PATIENCE_S:
            self.say("the command did not end in order; what it had finished is kept")
            os._exit(self.code)
        _call_again(REPEAT_S)
        if self.interruptible and not importing and not _is_interrupted():
            raise KeyboardInterrupt

    @property
    def code(self) -> int:
        """128 and the number of the signal, as shells have it."""
        return 128 + (self.number or signal.SIGINT)

    def say(self, advice: str) -> None:
        """The one line about an interruption."""
        with suppress(OSError):  # nobody reads it
            print(f"{ENDING[self.number or signal.SIGINT]}; {advice}", file=sys.stderr, flush=True)


LISTENER = _Listener()


def listen() -> None:
    """From now on signals interrupt the work in order; the first thing that a process does."""
    for number in ENDING:
        signal.signal(number, LISTENER.receive)
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, LISTENER.receive)
    report = sys.unraisablehook

    def report_others(lost: Any) -> None:
        interruption = issubclass(lost.exc_type, KeyboardInterrupt)  # the timer raises it again
        abandoned = LISTENER.number is not None and issubclass(lost.exc_type, ResourceWarning)  # by an interruption
        if not interruption and not abandoned:
            report(lost)

    sys.unraisablehook = report_others


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Inside, whatever ends the work after a signal is the interruption: one line, and the exit code of the signal.

    Afterwards signals are ignored: nothing is left that they could interrupt.
    """
    try:
        yield
    except BaseException as error:
        _stop_listening()
        if LISTENER.number is None and not isinstance(error, Interrupted):
            raise
        LISTENER.say(_noted(error) or LISTENER.advice)
        raise SystemExit(LISTENER.code) from None
    _stop_listening()


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, a signal raises KeyboardInterrupt; that, and any error that follows a signal, becomes Interrupted."""
    try:
        LISTENER.interruptible = True
        if LISTENER.number is not None:
            raise KeyboardInterrupt
        yield
    except (Exception, KeyboardInterrupt) as error:
        if LISTENER.number is None and not isinstance(error, KeyboardInterrupt):
            raise
        raise Interrupted(LISTENER.code) from error
    finally:
        LISTENER.interruptible = False


def _stop_listening() -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    _call_again(PATIENCE_S if LISTENER.number is not None else 0.0)  # should the end of Python take for ever


def _call_again(after_s: float) -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, after_s)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those during whose handling it was raised."""
    while error is not None:
        yield error
        error = error.__context__


def _is_interrupted() -> bool:
    """Whether the interruption is being handled, such as by the end of a with block."""
    return any(isinstance(error, KeyboardInterrupt) for error in _chain(sys.exception()))


def _noted(error: BaseException) -> str:
    """The notes of an exception and of those that led to it; see redheart.training.resumable."""
    return "; ".join(note for one in _chain(error) for note in getattr(one, "__notes__", ()))
