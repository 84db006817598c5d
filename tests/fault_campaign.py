"""Disturbs a job in a forked process, resumes it, and compares with the undisturbed one."""

from __future__ import annotations

import datetime
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import attrs
from fault_jobs import Job, Tree, every_file
from faulty_disk import KINDS, FaultyDisk

from redheart_core.contract.errors import RedheartError

REPORTED, BUG, NO_MEMORY = 3, 4, 5
"""Exit codes: a RedheartError, any other exception, a MemoryError that was made up."""
ENDS = {
    0: "went on",
    REPORTED: "reported",
    NO_MEMORY: "raised",
    -signal.SIGKILL: "died",
    -signal.SIGTERM: "died before it listened",
    128 + signal.SIGTERM: "stopped in order",
}
SIGNALS = ("random kill", "SIGTERM")
DAMAGES = ("torn file", "flipped bit")
OTHERS = ("two processes", "clock back")
EVERY_KIND = (*KINDS, *SIGNALS, *DAMAGES, *OTHERS)


class Wrong(Exception):  # noqa: N818 - what a campaign is after
    """A finding."""


def in_child(work: Callable[[], object], log: Path, signal_after: tuple[int, float] | None = None) -> int:
    """Do work in a forked process; its exit code, negative for a signal."""
    child = start(work, log)
    if signal_after is not None:
        time.sleep(signal_after[1])
        os.kill(child, signal_after[0])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start(work: Callable[[], object], log: Path) -> int:
    """Begin work in a forked process; its number."""
    child = os.fork()
    if child == 0:
        os._exit(_ended(work, log))
    return child


def _ended(work: Callable[[], object], log: Path) -> int:
    """The exit code of work; what it raised stands in the log."""
    said, code = "", 0
    try:
        work()
    except RedheartError as error:
        said, code = str(error), REPORTED
    except MemoryError:
        code = NO_MEMORY
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:  # the campaign's very finding; os._exit leaves no other way to show it
        said, code = traceback.format_exc(), BUG
    if said:
        os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), said.encode())
    return code


def turn_clock_back() -> None:
    """From now on each look at the clock is an hour before the last one."""
    looks = iter(range(1, sys.maxsize))

    class Back(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Back:
            return cls.fromtimestamp(1.7e9 - 3600 * next(looks), tz)

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("redheart") and hasattr(module, "datetime"):
            module.datetime = Back  # type: ignore[attr-defined] # as hasattr says
    time.time = lambda: 1.7e9 - 3600 * next(looks)


@attrs.frozen
class Ground:
    """A job with its beginning, its undisturbed end, and how long that took."""

    job: Job
    begin: Path
    whole: Tree
    operations: tuple[str, ...]
    seconds: float

    @classmethod
    def of(cls, job: Job, folder: Path) -> Ground:
        """Do a job undisturbed: in this process, so that later ones find all modules imported, and in a forked one."""
        begin, end, twin, log = folder / "begin", folder / "end", folder / "twin", folder / "log"
        begin.mkdir(parents=True)
        job.prepare(begin)
        shutil.copytree(begin, end)
        shutil.copytree(begin, twin)
        job.work(end)

        def counted() -> None:
            disk = FaultyDisk("kill", 0)
            disk.install()
            job.work(twin)
            seen = "\n".join(disk.operations).encode()
            os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), seen)

        started = time.monotonic()
        code = in_child(counted, log)
        seconds = time.monotonic() - started
        assert code == 0, log.read_text()
        first, second = job.result(end), job.result(twin)
        assert first.keys() == second.keys(), sorted(first.keys() ^ second.keys())
        whole = {name: data for name, data in first.items() if second[name] == data}
        return cls(job, begin, whole, tuple(filter(None, log.read_text().split("\n"))), seconds)

    @property
    def varying(self) -> tuple[str, ...]:
        """Files that two undisturbed twins have with other bytes, such as times; they only have to be there."""
        return tuple(sorted(name for name in self.job.result(self.begin.parent / "end") if name not in self.whole))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The faults that can be had here."""
        if not self.job.seen:
            return (*SIGNALS, "two processes", "clock back")
        return EVERY_KIND

    def disturb(self, folder: Path, kind: str, draw: random.Random) -> tuple[str, str]:
        """One fault: what was hit, and what came of it.

        Raises:
            Wrong: Neither the same bytes nor a clear error.
        """
        shutil.copytree(self.begin, folder)
        log = folder.with_suffix(".log")

        def work() -> None:
            self.job.work(folder)

        if kind in DAMAGES:
            return self._damage(folder, kind, draw, log)
        hit, first = "any moment", 0
        if kind in SIGNALS:
            number = signal.SIGKILL if kind == "random kill" else signal.SIGTERM
            first = in_child(
                work if number == signal.SIGKILL else lambda: _as_a_command(work),
                log,
                (number, draw.uniform(0, self.seconds)),
            )
        elif kind == "two processes":
            children = [start(work, log) for _ in range(2)]
            codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            first = max(codes, key=lambda code: (code == BUG, code))
        elif kind == "clock back":

            def late() -> None:
                turn_clock_back()
                work()

            first = in_child(late, log)
        else:
            at = draw.randrange(len(self.operations))
            hit = self.operations[at]

            def faulty() -> None:
                FaultyDisk(kind, at + 1).install()
                work()

            first = in_child(faulty, log)
        if first not in ENDS:
            raise Wrong(f"{hit}: ended with {first}\n{log.read_text() if log.exists() else ''}")
        self._resume(folder, log)
        return hit, f"{ENDS[first]}, resumed to the same bytes"

    def _resume(self, folder: Path, log: Path) -> None:
        code = in_child(lambda: self.job.work(folder), log)
        if code != 0:
            raise Wrong(f"cannot be resumed ({code})\n{log.read_text() if log.exists() else ''}")
        if different := self._different(folder):
            raise Wrong(f"other bytes in {', '.join(different)}")

    def _different(self, folder: Path) -> list[str]:
        found = self.job.result(folder)
        missing = [name for name in self.varying if name not in found]
        more = [name for name in found if name not in self.whole and name not in self.varying]
        return sorted([name for name, data in self.whole.items() if found.get(name) != data] + missing + more)

    def _damage(self, folder: Path, kind: str, draw: random.Random, log: Path) -> tuple[str, str]:
        """Kill the job at an operation, damage a file, and resume; what is refused goes on once the file is whole."""
        at = draw.randrange(len(self.operations) + 1)

        def killed() -> None:
            FaultyDisk("kill", at + 1).install()
            self.job.work(folder)

        in_child(killed, log)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
        if not files:
            return "no file", "there was nothing to damage"
        path = draw.choice(files)
        data = bytearray(path.read_bytes())
        place, hit = draw.randrange(len(data)), _kind_of(path)
        damaged = bytes(data[:place])
        if kind != "torn file":
            damaged += bytes([data[place] ^ 1]) + data[place + 1 :]
        replace_file(path, damaged)
        code = in_child(lambda: self.job.work(folder), log)
        if code == REPORTED:
            replace_file(path, bytes(data))
            self._resume(folder, log)
            return hit, "reported; with the file restored, resumed to the same bytes"
        if code != 0:
            raise Wrong(f"{path.relative_to(folder)} {kind} at {place}: ended with {code}\n{log.read_text()}")
        different, name = self._different(folder), str(path.relative_to(folder))
        if different in ([], [name]) and (name not in every_file(self.begin) or path.read_bytes() == damaged):
            return hit, "not read, stays damaged" if different else "the same bytes"
        raise Wrong(f"{name} {kind} at {place}: other bytes in {', '.join(different)}")


def replace_file(path: Path, data: bytes) -> None:
    """Give a file other bytes; what is linked to it keeps its own."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def _kind_of(path: Path) -> str:
    """epoch-0003.safetensors and the like are of one kind."""
    return "".join("" if letter.isdigit() else letter for letter in path.name).replace("-.", ".")


def _as_a_command(work: Callable[[], object]) -> None:
    from redheart_cli.interruption import ending_in_order, interruptible, listen

    listen()
    with ending_in_order(), interruptible():
        work()
