"""Wall time of bare Python, `redheart --help` and `redheart plugins list` with 20 plugins installed.

python tests/benchmarks/bench_startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path

RUNS = 10
PLUGINS = 20
SOURCE = """
import attrs
from redheart_core import NodeSpec, Output, hookimpl

@attrs.frozen
class Settings:
    width: int = 4

@hookimpl
def redheart_provide_analyzers():
    return [NodeSpec(name="{name}", meaning="", settings=Settings, reads=("embedding",), build=None,
        scales=dict.fromkeys(("tiny", "small", "base", "full"), {{}}), gives=(Output("value", "", "values"),))]
"""
CLI = "import sys; from redheart_cli.__main__ import main; sys.argv = ['redheart', *sys.argv[1:]]; main()"


def main() -> None:
    """Measure and print."""
    installed = len(entry_points(group="redheart"))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PLUGINS - installed):
            install(Path(folder), f"generated_{number}")
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        environment["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        # compiled files are there after any normal installation; here they are made by the first, uncounted start
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        seconds(["-c", CLI, "plugins", "info", "generated_0", "--help"], environment)
        first = seconds(["-c", CLI, "plugins", "list"], environment)
        cases = {
            "bare python -c pass": ["-c", "pass"],
            "redheart --help": ["-c", CLI, "--help"],
            "redheart plugins list": ["-c", CLI, "plugins", "list"],
        }
        # in turn, so that a change of the machine's load meets all of them
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(RUNS):
            for name, command in cases.items():
                times[name].append(seconds(command, environment))
        bare = statistics.median(times["bare python -c pass"])
        rows = output(["-c", CLI, "plugins", "list"], environment).splitlines()
        broken = sum("broken" in row.split()[1:2] for row in rows)
        print(f"{max(installed, PLUGINS)} plugins installed, {broken} of them broken, median of {RUNS} runs")
        for name, values in times.items():
            median = statistics.median(values)
            loaded = torch(cases[name], environment)
            print(f"{name:24} {median:.3f} s, {median - bare:+.3f} s beyond bare python, torch {loaded}")
        print(f"first list, nothing cached {first:.3f} s")


def install(folder: Path, name: str) -> None:
    """A plugin as pip would leave it."""
    (folder / f"{name}.py").write_text(SOURCE.format(name=name))
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[redheart]\n{name} = {name}\n")


def output(command: list[str], environment: dict[str, str]) -> str:
    """What Python prints; fails if the command does."""
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=True
    ).stdout


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of one start."""
    start = time.perf_counter()
    output(command, environment)
    return time.perf_counter() - start


def torch(command: list[str], environment: dict[str, str]) -> str:
    """Whether the command's own process imported torch."""
    log = subprocess.run(
        [sys.executable, "-X", "importtime", *command], env=environment, capture_output=True, text=True, check=True
    ).stderr
    return "imported" if any(line.split("|")[-1].strip() == "torch" for line in log.splitlines()) else "not imported"


if __name__ == "__main__":
    main()
