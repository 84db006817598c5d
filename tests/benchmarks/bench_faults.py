"""Faults at write operations, and kills at random moments, of data preparation and training; each is resumed.

What comes out has to be the uninterrupted result bit for bit; a fault that is no kill has to be a RedheartError.
Prints a table of what was hit and what happened; the exit code is 1 if anything else happened.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_faults.py [--faults 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))
import word_store
from faulty_disk import KINDS, FaultyDisk
from toy import Toy

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import RedheartError
from redheart_core.data.store import Store

REPORTED, BUG = 3, 4
"""Exit codes: a RedheartError, any other exception."""
LEFT_OUT = (".lock", ".update.lock", "run.json")
"""Files that an uninterrupted twin need not equal: locks, and the record of the machine and the time."""


@attrs.frozen
class Job:
    """What is disturbed."""

    name: str
    prepare: Callable[[Path], object]
    """What it begins from, undisturbed."""
    work: Callable[[Path], object]


def _train(folder: Path) -> None:
    toy = Toy(folder)
    nodes = [toy.node("a"), toy.node("high", reads=("a.value", "embedding"), target="choice_factors")]
    settings = {"a": GroupSettings(ema=0.8)}
    _, stopped = toy.run("run", nodes, Store.open(folder / "store"), groups=settings, epochs=3, keep_epochs=1)
    assert not stopped, stopped


JOBS = (
    Job("data preparation", lambda folder: None, lambda folder: word_store.make(folder / "store", shard_records=15)),
    Job("training", lambda folder: Toy(folder).store(), _train),
)


def in_child(work: Callable[[], object], log: Path, kill_after_s: float | None = None) -> int:
    """Do work in a forked process; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            work()
        except RedheartError as error:
            code = REPORTED
            os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), str(error).encode())
        except BaseException:  # the campaign's very finding; os._exit leaves no other way to show it
            code = BUG
            os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), traceback.format_exc().encode())
        os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tree(folder: Path) -> dict[str, bytes]:
    """Every file that a twin has to equal."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in LEFT_OUT]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@attrs.frozen
class Ground:
    """A job with its beginning, its undisturbed end, and how long that took."""

    job: Job
    begin: Path
    whole: dict[str, bytes]
    operations: tuple[str, ...]
    seconds: float

    @classmethod
    def of(cls, job: Job, folder: Path) -> Ground:
        begin, end, log = folder / "begin", folder / "end", folder / "log"
        begin.mkdir(parents=True)
        assert in_child(lambda: job.prepare(begin), log) == 0, log.read_text()
        shutil.copytree(begin, end)

        def counted() -> None:
            disk = FaultyDisk("kill", 0)
            disk.install()
            job.work(end)
            seen = "\n".join(disk.operations).encode()
            os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), seen)

        started = time.monotonic()
        code = in_child(counted, log)
        assert code == 0, log.read_text()
        return cls(job, begin, tree(end), tuple(log.read_text().split("\n")), time.monotonic() - started)

    def disturb(self, folder: Path, kind: str, at: int, kill_after_s: float | None = None) -> str:
        """One fault and what comes of it; a word that begins with WRONG is a finding."""
        shutil.copytree(self.begin, folder)
        log = folder.with_suffix(".log")

        def faulty() -> None:
            if kill_after_s is None:
                FaultyDisk(kind, at).install()
            self.job.work(folder)

        first = in_child(faulty, log, kill_after_s)
        if first == BUG:
            return f"WRONG: traceback\n{log.read_text()}"
        if in_child(lambda: self.job.work(folder), log) != 0:
            return f"WRONG: cannot be resumed\n{log.read_text()}"
        if tree(folder) != self.whole:
            return f"WRONG: other bytes in {sorted(k for k, v in tree(folder).items() if self.whole.get(k) != v)}"
        ends = {0: "went on", REPORTED: "reported", -signal.SIGKILL: "died"}
        return f"{ends[first]}, resumed to the same bytes"


def main() -> int:
    """The campaign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ResourceWarning)  # files that a fault leaves open
    draw, counts, wrong = random.Random(options.seed), Counter[tuple[str, str, str, str]](), 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        grounds = [Ground.of(job, Path(name) / job.name) for job in JOBS]
        for number in range(options.faults):
            ground, kind = grounds[number % len(grounds)], draw.choice(("random kill", *KINDS))
            at = draw.randrange(len(ground.operations))
            after_s = draw.uniform(0, ground.seconds) if kind == "random kill" else None
            folder = Path(name) / f"fault-{number}"
            found = ground.disturb(folder, kind, at + 1, after_s)
            hit = "any moment" if after_s is not None else ground.operations[at]
            if found.startswith("WRONG"):
                wrong += 1
                print(f"{ground.job.name}, {kind} at {hit} (operation {at + 1}): {found}", flush=True)
            counts[ground.job.name, kind, hit, found.partition("\n")[0]] += 1
            shutil.rmtree(folder)
    print("| job | fault | at | what happened | times |\n|---|---|---|---|---|")
    for row, times in sorted(counts.items()):
        print("|", " | ".join(row), "|", times, "|")
    print(f"{options.faults} faults in {time.monotonic() - started:.0f} s, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
