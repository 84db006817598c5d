"""Wheels and virtual environments for tests of what pip installs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, requires
from pathlib import Path

import attrs
import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]


@attrs.frozen
class Environment:
    """A virtual environment with nothing but the wheels given; what they depend on comes from this one."""

    python: Path
    packages: Path
    """Its site-packages."""

    def redheart(self, *arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """What its own command prints."""
        return run(str(self.python.parent / "redheart"), *arguments, cwd=cwd, code=code)


@pytest.fixture(scope="session")
def redheart_wheel(shared: Path) -> Path:
    """The wheel that pip builds from the checkout, once for all processes of the test session."""
    folder = shared / "redheart_wheel"
    with FileLock(shared / "redheart_wheel.lock"):
        if not folder.exists():
            build_wheel(ROOT, folder)
    (built,) = folder.glob("*.whl")
    return built


def build_wheel(source: Path, folder: Path) -> Path:
    """Build a project with pip, into an empty folder."""
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


def make_environment(home: Path, *wheels: Path) -> Environment:
    """Make a virtual environment and install wheels with pip."""
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index")
    run(*pip, *map(str, wheels))
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    # A path in a .pth file is added as it is, without reading the .pth files there, so this environment's own
    # editable redheart brings no folder of the checkout.
    Path(paths["purelib"], "dependencies.pth").write_text("".join(f"{folder}\n" for folder in dependencies()))
    return Environment(python, Path(paths["purelib"]))


def dependencies() -> list[str]:
    """The folders in which what redheart needs is installed."""
    needed = [re.match(r"[\w.-]+", line) for line in requires("redheart") or () if "extra ==" not in line]
    assert all(needed)
    return sorted({str(distribution(name[0]).locate_file("")) for name in needed if name})


def run(*command: str, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command without this process's Python settings; fails with what it printed if it exits otherwise."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=clean, check=False)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
