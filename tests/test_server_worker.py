"""The queue before the thread that computes: what is answered together, refused, cancelled and finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from redheart_core import DataError
from redheart_server.lanes import LaneDiedError
from redheart_server.worker import ClosedError, QueueFullError, Worker


class Gate:
    """An answer that waits until it may go on, and keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[Any]) -> list[Any]:
        self.calls.append(list(items))
        self.begun.set()
        assert self.open.wait(30)
        if "poison" in items:
            raise DataError("poison")
        if "fault" in items:
            raise ZeroDivisionError
        return [f"answer {item}" for item in items]

    def here(self, items: Sequence[Any]) -> list[Any]:
        """The same, as nothing beside this process takes it."""
        return self(items)


@pytest.fixture
def make() -> Iterator[Callable[..., tuple[Worker, Gate]]]:
    made = []

    def make_worker(waiting: int = 100, together: int = 10) -> tuple[Worker, Gate]:
        worker, gate = Worker(waiting, together, lambda number, items, seconds: None), Gate()
        made.append((worker, gate))
        return worker, gate

    yield make_worker
    for worker, gate in made:
        gate.open.set()
        worker.close()


def test_what_waits_together_is_answered_by_one_call_up_to_a_limit(make: Callable[..., tuple[Worker, Gate]]) -> None:
    worker, gate = make(together=3)
    first = worker.submit(gate, ["a"])
    assert gate.begun.wait(30)
    rest = [worker.submit(gate, [name]) for name in "bcde"]
    gate.open.set()
    assert [one.result(30) for one in (first, *rest)] == [[f"answer {name}"] for name in "abcde"]
    assert gate.calls == [["a"], ["b", "c", "d"], ["e"]]


def test_a_job_larger_than_a_call_is_answered_alone(make: Callable[..., tuple[Worker, Gate]]) -> None:
    worker, gate = make(together=2)
    gate.open.set()
    assert worker.submit(gate, "abcde").result(30) == [f"answer {name}" for name in "abcde"]


def test_jobs_of_other_functions_are_not_mixed(make: Callable[..., tuple[Worker, Gate]]) -> None:
    worker, gate = make()
    worker.submit(gate, ["a"])
    assert gate.begun.wait(30)
    other = worker.submit(lambda items: [item * 2 for item in items], [4])
    again = worker.submit(gate, ["b"])
    gate.open.set()
    assert (other.result(30), again.result(30)) == ([8], ["answer b"])
    assert gate.calls == [["a"], ["b"]]


def test_a_full_queue_refuses_with_a_time_and_a_cancelled_job_frees_its_place(
    make: Callable[..., tuple[Worker, Gate]],
) -> None:
    worker, gate = make(waiting=2)
    worker.submit(gate, ["a"])
    assert gate.begun.wait(30)
    waits = worker.submit(gate, ["b", "c"])
    with pytest.raises(QueueFullError) as full:
        worker.submit(gate, ["d"])
    assert full.value.retry_after_s >= 1
    assert waits.cancel()
    assert worker.waiting == 0
    after = worker.submit(gate, ["d"])
    gate.open.set()
    assert after.result(30) == ["answer d"]
    assert gate.calls == [["a"], ["d"]]


def test_one_job_that_is_refused_is_refused_alone(make: Callable[..., tuple[Worker, Gate]]) -> None:
    worker, gate = make()
    worker.submit(gate, ["a"])
    assert gate.begun.wait(30)
    good, bad, after = (worker.submit(gate, [name]) for name in ("b", "poison", "c"))
    gate.open.set()
    assert (good.result(30), after.result(30)) == (["answer b"], ["answer c"])
    with pytest.raises(DataError, match="poison"):
        bad.result(30)
    assert worker.ready


def test_a_fault_of_the_program_goes_to_all_who_were_answered_together_and_the_next_ones_are_answered(
    make: Callable[..., tuple[Worker, Gate]],
) -> None:
    worker, gate = make(together=2)
    worker.submit(gate, ["a"])
    assert gate.begun.wait(30)
    together, after = [worker.submit(gate, [name]) for name in ("b", "fault")], worker.submit(gate, ["c"])
    gate.open.set()
    for job in together:
        with pytest.raises(ZeroDivisionError):
            job.result(30)
    assert after.result(30) == ["answer c"]
    assert gate.calls == [["a"], ["b", "fault"], ["c"]]


def test_closing_finishes_what_was_accepted_and_takes_nothing_more(make: Callable[..., tuple[Worker, Gate]]) -> None:
    worker, gate = make()
    jobs = [worker.submit(gate, [name]) for name in "abc"]
    gate.open.set()
    worker.close()
    assert [job.result(0) for job in jobs] == [["answer a"], ["answer b"], ["answer c"]]
    with pytest.raises(ClosedError):
        worker.submit(gate, ["d"])


class Frail:
    """A lane in this process that dies where it is asked to."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.settled = 0
        self.has_to_settle = True
        self.closed = False

    pid = None

    def open(self, closing: threading.Event) -> None:
        pass

    def ask_to_renew(self) -> threading.Event:
        raise NotImplementedError

    def takes(self, answer: Any, died: bool) -> bool:
        return isinstance(answer, Gate)

    def settle(self) -> bool:
        self.settled += self.has_to_settle
        self.has_to_settle = False
        return True

    def compute(self, answer: Any, items: Sequence[Any]) -> list[Any]:
        self.calls.append(list(items))
        if "deadly" in items or ("once" in items and self.settled == 1):
            self.has_to_settle = True
            raise LaneDiedError("it has died")
        return [f"beside {item}" for item in items]

    def close(self) -> None:
        self.closed = True


def test_jobs_of_a_process_that_died_are_answered_by_its_successor_and_one_that_kills_two_is_the_cause() -> None:
    lane, gate = Frail(), Gate()
    worker = Worker(100, 10, lambda number, items, seconds: None, [lane])
    here = worker.submit(gate.here, ["a"])
    assert gate.begun.wait(30)
    jobs = [worker.submit(gate, [name]) for name in ("b", "once", "deadly", "c")]
    with pytest.raises(LaneDiedError):
        jobs[2].result(30)
    assert [jobs[place].result(30) for place in (0, 1, 3)] == [["beside b"], ["beside once"], ["beside c"]]
    gate.open.set()
    assert here.result(30) == ["answer a"]
    worker.close()
    assert lane.closed
