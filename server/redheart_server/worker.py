"""One thread that computes, and the queue before it: what waits together is answered together."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import attrs

from redheart_core.contract.errors import RedheartError

Answer = Callable[[Sequence[Any]], Sequence[Any]]
"""Items to one result each; jobs with an equal function are answered by one call of it."""


class QueueFullError(Exception):
    """Too much waits already."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class ClosedError(Exception):
    """The server stops and takes nothing more."""


@attrs.frozen(eq=False)
class Job:
    """What one request asks for."""

    answer: Answer
    items: tuple[Any, ...]
    """None of a job that is no request, which is always taken."""
    future: Future[list[Any]] = attrs.field(factory=Future)
    """Gets a result for each item; cancelled while it waits, it leaves the queue."""


class Worker:
    """The only thread that uses models: the number of threads that torch computes with is one for the process.

    Args:
        most_waiting: Items that wait.
        together: Items that are answered by one call, unless one job has more.
        observe: Gets the number of items of each call, and its seconds.
    """

    def __init__(self, most_waiting: int, together: int, observe: Callable[[int, float], None]) -> None:
        self._most_waiting, self._together, self._observe = most_waiting, together, observe
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition(threading.RLock())  # a cancelled future calls back in the same thread
        self._closed = False
        self._seconds_an_item = 0.02
        self._thread = threading.Thread(target=self._work, name="redheart-worker", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that no call has taken."""
        with self._changed:
            return sum(len(job.items) for job in self._jobs)

    @property
    def ready(self) -> bool:
        """Whether a job would be taken."""
        return self._thread.is_alive() and not self._closed

    def submit(self, answer: Answer, items: Sequence[Any]) -> Future[list[Any]]:
        """Queue a job.

        Raises:
            QueueFullError: It would be more than may wait.
            ClosedError: The worker is closed.
        """
        job = Job(answer, tuple(items))
        with self._changed:
            if self._closed:
                raise ClosedError("the server is being stopped")
            waiting = self.waiting
            if waiting and items and waiting + len(items) > self._most_waiting:
                raise QueueFullError(max(1, math.ceil(waiting * self._seconds_an_item)))
            self._jobs.append(job)
            self._changed.notify()
        job.future.add_done_callback(lambda future: self._leave(job) if future.cancelled() else None)
        return job.future

    def close(self) -> None:
        """Take nothing more, finish what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _leave(self, job: Job) -> None:
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def _work(self) -> None:
        while jobs := self._next():
            began = time.perf_counter()
            items = sum(len(job.items) for job in jobs)
            _answer(jobs)
            seconds = time.perf_counter() - began
            if items:
                self._seconds_an_item += 0.2 * (seconds / items - self._seconds_an_item)
                self._observe(items, seconds)

    def _next(self) -> list[Job]:
        """The jobs of the next call, the oldest first; none at the end."""
        with self._changed:
            while True:
                jobs = self._take()
                if jobs or (self._closed and not self._jobs):
                    return jobs
                if not self._jobs:
                    self._changed.wait()

    def _take(self) -> list[Job]:
        taken: list[Job] = []
        room = self._together
        for job in tuple(self._jobs):
            if taken and (job.answer != taken[0].answer or len(job.items) > room):
                continue
            self._jobs.remove(job)
            if job.future.set_running_or_notify_cancel():
                taken.append(job)
                room -= len(job.items)
        return taken


def _answer(jobs: Sequence[Job]) -> None:
    """Answer jobs by one call.

    Where it is refused, each is answered by its own, so that no job is refused for another one's items. An error that
    is no refusal is a fault of the program, which all of them get.
    """
    try:
        results = list(jobs[0].answer([item for job in jobs for item in job.items]))
    except RedheartError as error:
        if len(jobs) == 1:
            jobs[0].future.set_exception(error)
        else:
            for job in jobs:
                _answer([job])
        return
    except Exception as error:
        for job in jobs:
            job.future.set_exception(error)
        return
    for job in jobs:
        job.future.set_result(results[: len(job.items)])
        del results[: len(job.items)]
