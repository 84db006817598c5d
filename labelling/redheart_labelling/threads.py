"""Several threads ask at once; the first reason to stop ends all of them, after the replies that are on their way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from redheart_labelling.asking import BudgetSpentError, Desk, LabellingError, StoppedError, UnansweredError, label_one
from redheart_labelling.ledger import Job

UNANSWERED_IN_A_ROW = 10
"""Texts without a reply, one after another, that end the command."""
GRACE_S = 8.0
"""How long an interrupted command waits for replies that are on their way: they are paid for."""
TICK_S = 0.1


@attrs.frozen
class Outcome:
    """How the work ended."""

    unanswered: dict[Job, str]
    """Jobs without a reply, with the reason; the next command asks for them again."""
    budget_spent: bool
    error: LabellingError | None
    """Why the endpoint could not be worked with any more."""


class _Work:
    """What the threads share."""

    def __init__(self, desk: Desk, jobs: Sequence[Job]) -> None:
        self.desk, self.jobs = desk, deque(jobs)
        self.lock = threading.Lock()
        self.threads = min(desk.transport.concurrency, len(jobs))
        self.ended = threading.Event()
        """Set when no thread works any more; Thread.join(), when a signal interrupts it, takes a thread for ended."""
        if not jobs:
            self.ended.set()
        self.done = self.in_a_row = 0
        self.unanswered: dict[Job, str] = {}
        self.budget_spent = False
        self.error: LabellingError | None = None
        self.bug: BaseException | None = None

    def run(self) -> None:
        """Of one thread: take jobs until none is left."""
        try:
            while (job := self._next()) is not None:
                self._label(job)
        except BudgetSpentError:
            self.budget_spent = True
            self.halt()
        except StoppedError:
            pass
        except LabellingError as error:
            with self.lock:
                self.error = self.error or error
            self.halt()
        except BaseException as error:  # raised again by the thread that waits
            self.bug = error
            self.halt()
        finally:
            with self.lock:
                self.threads -= 1
                if not self.threads:
                    self.ended.set()

    def halt(self) -> None:
        """No thread begins another request."""
        self.desk.stop.set()
        self.desk.budget.close()

    def _next(self) -> Job | None:
        with self.lock:
            return self.jobs.popleft() if self.jobs and not self.desk.stop.is_set() else None

    def _label(self, job: Job) -> None:
        try:
            label_one(self.desk, job)
        except UnansweredError as reason:
            with self.lock:
                self.unanswered[job] = str(reason)
                self.in_a_row += 1
                if self.in_a_row >= UNANSWERED_IN_A_ROW:
                    raise LabellingError(
                        f"{self.in_a_row} answers in a row got no reply, the last: {job.words}: {reason}; what was "
                        "answered is kept, and the same command goes on"
                    ) from None
        else:
            with self.lock:
                self.in_a_row = 0
        with self.lock:
            self.done += 1


def work_through(desk: Desk, jobs: Sequence[Job], show: Callable[[int], None]) -> Outcome:
    """Do the jobs, in their order as far as several threads keep one.

    Args:
        desk: What they work with.
        jobs: The wanted answers.
        show: Called now and then with the number of jobs that are done.

    """
    work = _Work(desk, jobs)
    try:
        for number in range(work.threads):
            threading.Thread(target=work.run, name=f"labelling-{number}", daemon=True).start()
        while not work.ended.wait(TICK_S):
            show(work.done)
    finally:
        work.halt()
        work.ended.wait(GRACE_S)
    if work.bug is not None:
        raise work.bug
    show(work.done)
    return Outcome(work.unanswered, work.budget_spent, work.error)
