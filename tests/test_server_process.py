"""`redheart serve` as a process: it answers on loopback, loads models anew on SIGHUP, and finishes work on SIGTERM."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from front_door import Finished, redheart, refuse
from own_process import Started, started

from redheart_core.contract.events import RunStarted
from redheart_core.runs.event_log import EventLog

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from redheart_server.process import Address, listen

pytest.importorskip("uvicorn", reason="needs redheart[serve]")
httpx = pytest.importorskip("httpx", reason="needs redheart[dev]")

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
CRISIS = "I told my neighbour the truth about the fence, and now I want to die."


def shown(server: Started) -> str:
    """What it has written so far on standard error."""
    return os.pread(server.err.fileno(), 1 << 20, 0).decode()


def address(server: Started) -> tuple[str, int]:
    """Where it listens, once it does."""
    server.wait_until(lambda: "redheart answers at" in shown(server))
    found = re.search(r"http://([\d.]+):(\d+)", shown(server))
    assert found, shown(server)
    return found[1], int(found[2])


def begun(where: tuple[str, int], body: bytes) -> socket.socket:
    """A request that the server has accepted and works on, without its body."""
    connection = socket.create_connection(where, timeout=60)
    head = f"POST /v1/analyze HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    connection.sendall(f"{head}\r\nExpect: 100-continue\r\n\r\n".encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")
    return connection


def alive(connection: HTTPConnection) -> None:
    """A request on a connection that stays open."""
    connection.request("GET", "/health/live")
    answer = connection.getresponse()
    assert (answer.status, answer.will_close) == (200, False)
    answer.read()


def refuses(where: tuple[str, int]) -> bool:
    try:
        socket.create_connection(where, timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


def finish(connection: socket.socket, body: bytes) -> tuple[bytes, Any]:
    """The status line and the JSON of a request that was begun."""
    connection.sendall(body)
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    connection.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], json.loads(content)


def test_a_process_answers_loads_anew_on_sighup_and_finishes_on_sigterm(finished: Finished, tmp_path: Path) -> None:
    folder = shutil.copytree(finished.model, tmp_path / "model")
    said = {text: redheart("analyze", folder, text, "--json", cwd=tmp_path).json() for text in (TEXT, CRISIS)}
    body = json.dumps({"text": TEXT}).encode()
    with started("serve", folder, "--port", "0", cwd=tmp_path) as server:
        where = address(server)
        waiting, began = HTTPConnection(*where, timeout=60), time.monotonic()
        alive(waiting)
        with httpx.Client(base_url=f"http://{where[0]}:{where[1]}", timeout=60) as client:
            assert client.get("/health/ready").json() == {"status": "ready"}
            for text, expected in said.items():
                assert client.post("/v1/analyze", json={"text": text}).json() == expected
            assert next(iter(client.post("/v1/analyze", json={"text": CRISIS}).json())) == "help"

            def answers_until(line: str) -> None:
                asked = 0
                while line not in shown(server) or not asked:
                    assert client.post("/v1/analyze", json={"text": TEXT}).json() == said[TEXT]
                    asked += 1

            server.send(signal.SIGHUP)
            answers_until("keys and models loaded anew")
            folder.rename(tmp_path / "elsewhere")
            server.send(signal.SIGHUP)
            answers_until("not loaded anew; the old models go on")
        time.sleep(max(0.0, began + 6 - time.monotonic()))  # clients such as httpx keep a connection for 5 seconds
        alive(waiting)
        waiting.close()
        connection = begun(where, body)
        server.send(signal.SIGTERM)
        server.wait_until(lambda: refuses(where), timeout_s=30)
        assert server.running
        assert finish(connection, body) == (b"HTTP/1.1 200 OK", said[TEXT])
        left = server.wait(60)
    assert (left.code, left.out) == (0, "")
    assert "Traceback" not in left.err
    assert "neighbour" not in left.err
    first, *rest = left.err.splitlines()
    assert first.startswith("redheart answers at http://127.0.0.1:")
    assert {json.loads(line)["event"] for line in rest} == {
        "request", "keys and models loaded anew", "not loaded anew; the old models go on",
    }  # fmt: skip


def test_a_run_that_is_followed_does_not_keep_a_server_from_stopping(
    finished: Finished, write_run: Callable[..., Any], tmp_path: Path
) -> None:
    run = write_run(tmp_path / "runs" / "live", {"backbone": ("backbone",)}, epochs=3).path
    (run / "events.jsonl").unlink()
    EventLog().redheart_before_run(RunStarted(run, ("backbone",), {"backbone": 3}, {"backbone": 0}))
    refuse("serve", finished.model, "--runs", "none", cwd=tmp_path, says=["--runs none is no folder"])
    with started("serve", finished.model, "--port", "0", "--runs", "runs", cwd=tmp_path) as server:
        host, port = address(server)
        with httpx.stream("GET", f"http://{host}:{port}/v1/runs/live/events", timeout=60) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "id: 1"
            server.send(signal.SIGTERM)
            left = server.wait(30)
    assert (left.code, "Traceback" in left.err) == (0, False)


def test_the_end_of_an_answer_does_not_wait_for_the_client_to_acknowledge_its_beginning() -> None:
    with (
        listen(Address("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_an_address_that_is_taken_or_that_others_reach_is_refused(finished: Finished, tmp_path: Path) -> None:
    refuse("serve", finished.model, "--host", "0.0.0.0", cwd=tmp_path, says=["redheart serve keys add", "127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refuse("serve", finished.model, "--port", port, cwd=tmp_path, says=[f"--port {port}", "--port 0 for a free"])
