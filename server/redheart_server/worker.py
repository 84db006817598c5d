"""The queue before what computes: what waits together is answered together, by this process and those beside it."""

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
from redheart_server.lanes import Answer, Here, Lane, LaneDiedError

_DEATHS = 2
"""Of processes that worked on a job, before it is taken for the cause."""


class QueueFullError(Exception):
    """Too much waits already."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class ClosedError(Exception):
    """The server stops and takes nothing more."""


@attrs.define(eq=False)
class Job:
    """What one request asks for."""

    answer: Answer
    items: tuple[Any, ...]
    """None of a job that is no request, which is always taken."""
    future: Future[list[Any]] = attrs.field(factory=Future)
    """Gets a result for each item; cancelled while it waits, it leaves the queue."""
    deaths: int = 0
    """Of processes that worked on it."""


class Worker:
    """A thread for each lane; the first lane is this process, whose models only that thread uses.

    Args:
        most_waiting: Items that wait.
        together: Items that are answered by one call, unless one job has more.
        observe: Gets the number of the lane, from 1, the number of items of each call, and its seconds.
        beside: Further lanes.
    """

    def __init__(
        self,
        most_waiting: int,
        together: int,
        observe: Callable[[int, int, float], None],
        beside: Sequence[Lane] = (),
    ) -> None:
        self._most_waiting, self._together, self._observe = most_waiting, together, observe
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition(threading.RLock())  # a cancelled future calls back in the same thread
        self._closing = threading.Event()
        self._seconds_an_item = 0.02
        self._lanes: tuple[Lane, ...] = (Here(), *beside)
        self._threads = [
            threading.Thread(target=self._work, args=(number, lane), name=f"redheart-lane-{number}", daemon=True)
            for number, lane in enumerate(self._lanes, 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Items that no call has taken."""
        with self._changed:
            return sum(len(job.items) for job in self._jobs)

    @property
    def ready(self) -> bool:
        """Whether a job would be taken."""
        return self._threads[0].is_alive() and not self._closing.is_set()

    def submit(self, answer: Answer, items: Sequence[Any]) -> Future[list[Any]]:
        """Queue a job.

        Raises:
            QueueFullError: It would be more than may wait.
            ClosedError: The worker is closed.
        """
        job = Job(answer, tuple(items))
        with self._changed:
            if self._closing.is_set():
                raise ClosedError("the server is being stopped")
            waiting = self.waiting
            if waiting and items and waiting + len(items) > self._most_waiting:
                raise QueueFullError(max(1, math.ceil(waiting * self._seconds_an_item / len(self._lanes))))
            self._jobs.append(job)
            self._changed.notify_all()
        job.future.add_done_callback(lambda future: self._leave(job) if future.cancelled() else None)
        return job.future

    @property
    def processes(self) -> dict[int, int]:
        """Number of a lane, from 1, to the id of its process; without those that are being replaced."""
        return {number: pid for number, lane in enumerate(self._lanes, 1) if (pid := lane.pid) is not None}

    def renew(self) -> None:
        """Have every lane beside this process load its models anew, between two calls; returns when all have."""
        renewed = [lane.ask_to_renew() for lane in self._lanes]
        with self._changed:
            self._changed.notify_all()
        for one in renewed:
            while not one.wait(0.5) and not self._closing.is_set():
                pass

    def close(self) -> None:
        """Take nothing more, finish what waits, and end the lanes."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for job in self._jobs:  # its process died, and no other one could be started
            job.future.set_exception(ClosedError("the server was stopped before this was answered"))

    def _leave(self, job: Job) -> None:
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def _work(self, number: int, lane: Lane) -> None:
        lane.open(self._closing)
        while jobs := self._next(lane):
            self._call(number, lane, jobs)
        lane.close()

    def _call(self, number: int, lane: Lane, jobs: Sequence[Job]) -> None:
        began = time.perf_counter()
        items = sum(len(job.items) for job in jobs)
        try:
            _answer(lane, jobs)
        except LaneDiedError as error:
            self._put_back([job for job in jobs if not job.future.done()], error)
            return
        seconds = time.perf_counter() - began
        if items:
            with self._changed:
                self._seconds_an_item += 0.2 * (seconds / items - self._seconds_an_item)
            self._observe(number, items, seconds)

    def _put_back(self, jobs: Sequence[Job], error: LaneDiedError) -> None:
        """Have jobs answered by another process, each alone; one that has ended two is the cause."""
        with self._changed:
            for job in reversed(jobs):
                job.deaths += 1
                if job.deaths < _DEATHS:
                    self._jobs.appendleft(job)
                else:
                    job.future.set_exception(error)
            self._changed.notify_all()

    def _next(self, lane: Lane) -> list[Job]:
        """The jobs of the next call, the oldest first; none at the end."""
        while lane.settle():
            with self._changed:
                while not lane.has_to_settle:
                    if jobs := self._take(lane):
                        return jobs
                    if self._closing.is_set() and not any(self._takes(lane, job) for job in self._jobs):
                        return []
                    self._changed.wait()
        return []

    def _takes(self, lane: Lane, job: Job) -> bool:
        return lane.takes(job.answer, bool(job.deaths))

    def _take(self, lane: Lane) -> list[Job]:
        taken: list[Job] = []
        room = self._together
        for job in tuple(self._jobs):
            if not self._takes(lane, job):
                continue
            if taken and (job.answer != taken[0].answer or len(job.items) > room or job.deaths or taken[0].deaths):
                continue
            self._jobs.remove(job)
            if job.deaths or job.future.set_running_or_notify_cancel():
                taken.append(job)
                room -= len(job.items)
        return taken


def _answer(lane: Lane, jobs: Sequence[Job]) -> None:
    """Answer jobs by one call.

    Where it is refused, each is answered by its own, so that no job is refused for another one's items. An error that
    is no refusal is a fault of the program, which all of them get.
    """
    try:
        results = lane.compute(jobs[0].answer, [item for job in jobs for item in job.items])
    except LaneDiedError:
        raise
    except RedheartError as error:
        if len(jobs) == 1:
            jobs[0].future.set_exception(error)
        else:
            for job in jobs:
                _answer(lane, [job])
        return
    except Exception as error:
        for job in jobs:
            job.future.set_exception(error)
        return
    for job in jobs:
        job.future.set_result(results[: len(job.items)])
        del results[: len(job.items)]
