"""`redheart serve --workers 2` under load: clients that go, killed workers, models that are exchanged, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from front_door import Finished, redheart, refuse
from own_process import Started, started

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from http_load import Connection, Load, Reply, cancelled, oversized, same, slow

from redheart import load as load_model
from redheart.activating import activate
from redheart_core import CheckpointError, SettingsError
from redheart_export.opening import answering_sha256

TEXTS = [
    "I told my neighbour the truth about the fence, and now he avoids me.",
    "나는 친구에게 거짓말을 했다.",
    "I kept the money that I had found in the street.",
    "She forgave him. He wept.",
]


def events(server: Started, name: str) -> list[dict[str, Any]]:
    """Lines of the log with this event."""
    lines = os.pread(server.err.fileno(), 1 << 24, 0).decode().splitlines()
    return [one for line in lines if line.startswith("{") and (one := json.loads(line))["event"] == name]


def address(server: Started) -> tuple[str, int]:
    """Where it listens, once it does."""

    def found() -> re.Match[str] | None:
        return re.search(r"answers at http://([\d.]+):(\d+)", os.pread(server.err.fileno(), 1 << 24, 0).decode())

    server.wait_until(lambda: found() is not None)
    match = found()
    assert match
    return match[1], int(match[2])


@pytest.mark.slow
def test_every_process_answers_and_no_answer_is_lost_or_wrong_whatever_happens_meanwhile(
    finished: Finished, other_model: Path, tmp_path: Path
) -> None:
    """Two models with other answers are served side by side, and one of them is exchanged for the other.

    Every answer is that of the model which it names, and no client that was answered by the new model is answered by
    the old one again.
    """
    pid_file, live = tmp_path / "server.pid", tmp_path / "live"
    activate(finished.model, live)
    old, new = answering_sha256(finished.model), answering_sha256(other_model)
    expected = {
        answering_sha256(model.folder): {text: json.loads(json.dumps(model.analyze(text).to_json())) for text in TEXTS}
        for model in map(load_model, (finished.model, other_model))
    }
    assert not any(same(expected[old][text], expected[new][text]) for text in TEXTS)
    options = ("--port", "0", "--workers", "2", "--deadline", "300", "--pid-file", pid_file)
    with started("serve", live, f"fixed={other_model}", *options, cwd=tmp_path) as server:
        where = address(server)
        server.wait_until(lambda: len(events(server, "worker started")) == 1)
        check_pages_and_figures(server, where)
        load, after = (Load(where, expected, ("live", "fixed")) for _ in range(2))

        async def disturb() -> None:
            for number in range(3):
                await cancelled(where, TEXTS[0], 0.002 * number)
                assert await oversized(where) == 413
                assert await slow(where, TEXTS[0], 0.2) == 200
            await asyncio.to_thread(activate, other_model, live)  # the server was not told
            os.kill(events(server, "worker started")[0]["pid"], signal.SIGKILL)
            await load.run(16, 4)
            while len(events(server, "worker started")) < 2:  # the load below goes on
                await asyncio.sleep(0.1)
            await load.run(16, 4)
            assert load.models == {"live": {(old,)}, "fixed": {(new,)}}
            assert pid_file.read_text() == f"{server.pid}\n"
            await asyncio.to_thread(activate, other_model, live, pid_file)

        async def until_exchanged() -> None:
            task = asyncio.create_task(disturb())
            while not events(server, "keys and models loaded anew") or not task.done():
                await load.run(16, 2)
            await task
            await after.run(16, 4)

        asyncio.run(until_exchanged())
        assert {*load.statuses, *after.statuses} == {200}
        assert load.wrong + after.wrong == []
        assert load.models["live"] <= {(old,), (old, new), (new,)}
        assert load.models["fixed"] == {(new,)}
        assert after.models == {"live": {(new,)}, "fixed": {(new,)}}
        assert len(events(server, "a worker has died and is replaced")) == 1
        assert len(events(server, "worker started")) == 3  # at first, in place of the killed one, with the new model
        server.send(signal.SIGTERM)
        left = server.wait(60)
    assert left.code == 0
    assert "Traceback" not in left.err
    assert not pid_file.exists()
    for one in [json.loads(line)["pid"] for line in left.err.splitlines() if '"worker started"' in line]:
        assert not Path(f"/proc/{one}").exists()


def check_pages_and_figures(server: Started, where: tuple[str, int]) -> None:
    """Pages are answered by every process of a server that was asked nothing yet; figures are of all processes."""
    pages = ("/v1/analyze/page?details=1", "/v1/decide/page")
    bodies = ({"text": TEXTS[0]}, {"acts": TEXTS[2:]})

    async def ask(path: str, body: Any) -> list[Reply]:
        connection = Connection(where)
        found = [await connection.post(path, json.dumps(body).encode()) for _ in range(4)]
        await connection.close()
        return found

    async def ask_both() -> list[list[Reply]]:
        return await asyncio.gather(*(ask(*one) for one in zip(pages, bodies, strict=True) for _ in range(2)))

    for answers in asyncio.run(ask_both()):
        assert {(one.status, one.content) for one in answers} == {(200, answers[0].content)}
    with urllib.request.urlopen(f"http://{where[0]}:{where[1]}/metrics") as answer:
        figures = samples(answer.read().decode())
    by_worker = [figures["redheart_items_total", number] for number in "12"]
    assert min(by_worker) > 0
    assert sum(by_worker) == figures["redheart_batch_items_sum", ""] == 16
    assert sum(value for (name, _), value in figures.items() if name == "redheart_requests_total") == 16
    for number, pid in zip("12", (server.pid, events(server, "worker started")[0]["pid"]), strict=True):
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        assert figures["process_resident_memory_bytes", number] == pytest.approx(resident, rel=0.3)
        assert figures["process_cpu_seconds_total", number] > 0


def samples(text: str) -> dict[tuple[str, str], float]:
    """Name and worker, or what else it is counted by, to the value of each figure but those of histograms by size."""
    found = re.findall(r'^(\w+?)(?:\{(?:worker="(\d+)"|([^}]*))\})? (\S+)$', text, re.MULTILINE)
    return {(name, worker or other): float(value) for name, worker, other, value in found}


def test_activating_verifies_first_and_changes_nothing_otherwise(finished: Finished, tmp_path: Path) -> None:
    broken = shutil.copytree(finished.model, tmp_path / "broken")
    for file in broken.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    live = tmp_path / "live"
    said = redheart("models", "activate", finished.model, "live", cwd=tmp_path)
    assert "live is" in said.out
    assert live.resolve() == Path(finished.model).resolve()
    with pytest.raises(CheckpointError):
        activate(broken, live)
    with pytest.raises(SettingsError, match="no server runs"):
        activate(broken, live, tmp_path / "server.pid")
    (tmp_path / "server.pid").write_text(f"{os.getpid()}\n")  # left by a server that was killed
    with pytest.raises(SettingsError, match="no server runs"):
        activate(finished.model, live, tmp_path / "server.pid")
    assert live.resolve() == Path(finished.model).resolve()
    refuse("models", "activate", finished.model, broken, cwd=tmp_path, says=["is no link"])
