"""`redheart serve` under load on this machine's loopback: latency, throughput, errors, memory, and disturbances.

Every answer is compared with the library's by the model that it names. The clients run on the same cores as the server.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_server.py MODEL OTHER FILE.txt [--requests 10000] [--workers 1]

MODEL and OTHER are exchanged for each other under load; they have to answer otherwise, so that a stale answer is seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import redheart
from redheart.activating import activate
from redheart.finding import find_model
from redheart_export.opening import answering_sha256

sys.path.insert(0, str(Path(__file__).parents[1]))
from http_load import Load, cancelled, oversized, same, slow

TEXTS = 50
CLIENTS = (1, 4, 16, 64)
EACH = 600
"""Requests of each row."""
Expected = Mapping[str, Mapping[str, Any]]
"""SHA-256 of a model to text to the library's JSON by that model."""


@attrs.frozen
class Server:
    """A server as a process."""

    process: subprocess.Popen[bytes]
    log: Path
    where: tuple[str, int]
    live: Path
    """The link to the model that it answers with."""

    def megabytes(self) -> float:
        """Resident, of it and its workers."""
        pids = [self.process.pid, *self.workers()]
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
        return pages * os.sysconf("SC_PAGESIZE") / 1e6

    def workers(self) -> list[int]:
        """Processes that the log says were started and that live."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        started = [one["pid"] for one in found if one["event"] == "worker started"]
        return [pid for pid in started if Path(f"/proc/{pid}").exists()]


@contextmanager
def running(model: str, workers: int) -> Iterator[Server]:
    """A server until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        log, live = Path(folder) / "log", Path(folder) / "live"
        activate(model, live)
        command = [
            str(Path(sys.executable).with_name("redheart")),
            "serve",
            str(live),
            "--port",
            "0",
            "--workers",
            str(workers),
        ]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stderr=file)
        try:
            until = time.monotonic() + 120
            while not (found := re.search(r"answers at http://([\d.]+):(\d+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            server = Server(process, log, (found[1], int(found[2])), live)
            while len(server.workers()) < workers - 1:
                time.sleep(0.1)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            print(f"ended with {process.wait(60)}")


def row(name: str, load: Load, seconds: float, server: Server) -> None:
    """One line of the table."""
    p50, p99 = np.percentile(load.seconds, [50, 99]) * 1000.0
    errors = sum(count for status, count in load.statuses.items() if status != 200)
    print(
        f"| {name} | {len(load.seconds)} | {p50:.1f} | {p99:.1f} | {len(load.seconds) / seconds:.0f} | {errors} | "
        f"{len(load.wrong)} | {server.megabytes():.0f} |",
        flush=True,
    )


def load_on(server: Server, expected: Expected) -> Load:
    """Clients that have not asked yet."""
    return Load(server.where, expected, ["live"])


async def table(server: Server, expected: Expected) -> None:
    """Latency and throughput by the number of clients."""
    await load_on(server, expected).run(200, 4)
    print("| load | requests | p50 ms | p99 ms | a second | errors | wrong | MB |\n|---|---|---|---|---|---|---|---|")
    load, began = load_on(server, expected), time.perf_counter()
    await load.run_evenly(EACH, 20.0)
    row("20 a second", load, time.perf_counter() - began, server)
    for clients in CLIENTS:
        load = load_on(server, expected)
        row(f"{clients} clients", load, await load.run(EACH, clients), server)


async def disturbed(server: Server, expected: Expected, models: Sequence[str]) -> None:
    """Requests of eight clients, while others misbehave, models are exchanged and a worker is killed."""
    load = load_on(server, expected)
    text, exchanges = load.texts[0], iter((models[1], models[0]))
    found: dict[str, list[int]] = {"slow": [], "oversized": []}

    async def disturb() -> None:
        for number in range(20):
            await cancelled(server.where, text, 0.001 * number)
            found["oversized"].append(await oversized(server.where))
            found["slow"].append(await slow(server.where, text, 0.2))
            if number in (5, 12):
                await asyncio.to_thread(activate, next(exchanges), server.live)
                server.process.send_signal(signal.SIGHUP)
            if number in (8, 16) and server.workers():
                os.kill(server.workers()[-1], signal.SIGKILL)

    seconds, _ = await asyncio.gather(load.run(4 * EACH, 8), disturb())
    row("8 clients, disturbed", load, seconds, server)
    print(
        f"models that clients were answered by: {sorted(map(len, load.models['live']))} different ones in their order"
    )
    print(f"slow clients got {set(found['slow'])}, oversized bodies {set(found['oversized'])}")


async def sustained(server: Server, expected: Expected, requests: int) -> None:
    """Many requests, and what memory does meanwhile."""
    await load_on(server, expected).run(1000, 8)
    before, load = server.megabytes(), load_on(server, expected)
    row("8 clients, sustained", load, await load.run(requests, 8), server)
    print(f"memory grew by {100 * (server.megabytes() / before - 1):.1f} % from {before:.0f} MB")


def answers(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """What the library says of each text."""
    loaded = redheart.load(model)
    return {text: json.loads(json.dumps(loaded.analyze(text).to_json())) for text in texts}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("other")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    texts = [line for line in given.texts.read_text(encoding="utf-8").splitlines() if line.strip()][:TEXTS]
    models = (given.model, given.other)
    expected = {answering_sha256(find_model(one)[0]): answers(one, texts) for one in models}
    first, second = expected.values()
    equal = sum(same(first[text], second[text]) for text in texts)
    assert not equal, f"{equal} texts have the same answer by both models, so that a stale one would not be seen"
    with running(given.model, given.workers) as server:
        asyncio.run(table(server, expected))
        asyncio.run(disturbed(server, expected, models))
        asyncio.run(sustained(server, expected, given.requests))


if __name__ == "__main__":
    main()
