"""redheart as a user meets it: the command line, and a finished small run to look at."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from traceback import format_exception
from typing import Any

import attrs
from click.testing import CliRunner
from filelock import FileLock
from process_state import importable, unchanged_process

TERMINAL = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")
"""Environment variables of a terminal, which a test must not inherit."""
DATA = (
    *("--set", "village.english=120", "--set", "village.korean=60", "--set", "lsa.width=48"),
    *("--set", "data.encoder=lsa"),
)
NETWORKS = tuple(part for name in ("bentham_head", "surd_head", "neural_bentham") for part in ("--disable", name))
"""Leaves three groups of networks, and linear and the fusion of all."""
PLUGINS = (*NETWORKS, "--disable", "linear", "--disable", "stacking_fusion")
TRAINING = ("--scale", "tiny", "--epochs", "3", "--set", "training.threads=1")
SMALL = (*DATA, *PLUGINS, *TRAINING)
GROUPS = ("backbone", "neural_regret", "neural_surd")

PLUGIN = '''
"""A module that is installed beside redheart."""
import attrs
from redheart_core import LossTerm, Metric, NodeSpec, Objective, Output, hookimpl

@attrs.frozen
class Settings:
    after: int = 5

@hookimpl
def redheart_provide_analyzers():
    return [NodeSpec(
        name="{name}", meaning="regret, until it breaks", settings=Settings,
        scales=dict.fromkeys(("tiny", "small", "base", "full"), {{}}), reads=("embedding",),
        gives=(Output("value", "regret", "values"),),
        build=build, objective=objective, targets=("regret",),
    )]

def build(context):
    import torch
    from torch import nn

    class Breaking(nn.Module):
        def __init__(self, width, after):
            super().__init__()
            self.line, self.after, self.steps = nn.Linear(width, 1), after, 0

        def forward(self, inputs):
            self.steps += self.training
            value = self.line(inputs["embedding"]).mean(1).squeeze(-1)
            return {{"value": value * float("nan") if self.steps > self.after else value}}

    return Breaking(context.input_width("embedding"), context.settings.after)

def objective(settings):
    from redheart_core.nn import losses, metrics
    return Objective(
        losses=(LossTerm("value", "regret", "values", losses.squared_error),),
        metrics=(Metric("mean_absolute_error", "value", "regret", metrics.mean_absolute_error, "min"),),
    )
'''


@attrs.frozen
class Answer:
    """What a finished command leaves."""

    code: int
    out: str
    err: str
    shown: str = ""
    """Both in their order, as a terminal shows them; of a command in this process."""

    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def redheart(
    *arguments: str | Path,
    cwd: Path,
    given: bytes = b"",
    site: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Answer:
    """Run a command in this process; it has to leave the process as it found it.

    What needs a process of its own, such as signals, terminals and limits, is in own_process.

    Args:
        arguments: Of the command line.
        cwd: The working directory.
        given: Standard input.
        site: A folder of further plugins; see install.
        more: Environment variables.
    """
    from redheart_cli.main import cli

    variables: dict[str, str | None] = {**dict.fromkeys(TERMINAL), **(more or {})}
    with unchanged_process(), chdir(cwd), importable(site):
        done = CliRunner().invoke(cli, [*map(str, arguments)], input=given, env=variables, prog_name="redheart")
    trace = "" if done.exc_info is None or done.exc_info[0] is SystemExit else "".join(format_exception(done.exception))
    return Answer(done.exit_code, done.stdout, done.stderr + trace, done.output)


def succeed(*arguments: str | Path, cwd: Path, **options: Any) -> Answer:
    """Run a command that has to exit with 0."""
    answer = redheart(*arguments, cwd=cwd, **options)
    assert answer.code == 0, answer.err
    return answer


def refuse(*arguments: str | Path, cwd: Path, says: Sequence[str], code: int = 1, **options: Any) -> str:
    """Run a command that has to be refused; returns standard error.

    Args:
        says: What the message has to hold; see check_refusal.
        code: 1 for a mistake in files or settings, 2 for one in the command line itself.
    """
    return check_refusal(redheart(*arguments, cwd=cwd, **options), says, code)


def check_refusal(answer: Answer, says: Sequence[str], code: int = 1) -> str:
    """A refusal in plain words: the culprit, its place, how to fix it; returns standard error."""
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
    assert "Error: " in answer.err
    message = " ".join(answer.err.split("Error: ", 1)[1].split())
    for part in says:
        assert part in message, f"{part!r} is not in: {message}"
    return answer.err


def hashes(folder: Path) -> dict[str, str]:
    """Every file below a folder with its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def flip_byte(path: Path) -> None:
    """Change one bit in the middle of a file, in a copy of its own should it be linked elsewhere."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def install(site: Path, name: str, source: str) -> None:
    """Lay a plugin of one module out as pip would leave it, in a folder that redheart takes as site."""
    (site / f"front_door_{name}.py").write_text(source)
    info = site / f"front_door_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: front-door-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[redheart]\n{name} = front_door_{name}\n")


@attrs.frozen
class Finished:
    """A run that `redheart run` has finished; tests only look at it."""

    folder: Path
    answer: Answer

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def copy(self, where: Path) -> Path:
        """The same for a test that changes it."""
        return Path(shutil.copytree(self.folder, where / "run"))


def other_model(shared: Path) -> Path:
    """A model that answers otherwise than that of the finished run: every group at another epoch than the best one.

    Args:
        shared: As for finished_run.
    """
    from redheart_core.models.manifest import read_manifest

    run, place = finished_run(shared), shared / "front_door_other"
    with FileLock(shared / "front_door_other.lock"):
        if not (place / "model").exists():
            best = {check.group: check.epoch for check in read_manifest(run.model).checks}
            epochs = [part for name in GROUPS for part in ("--epoch", f"{name}={2 if best[name] == '1' else 1}")]
            succeed("crossover", run.folder, "-o", place / "model", *epochs, cwd=shared)
    return place / "model"


def finished_run(shared: Path) -> Finished:
    """The run that all tests share, made by the first test that asks, in whichever process that is.

    Args:
        shared: A folder that all processes of the test session have in common.
    """
    folder = shared / "front_door"
    kept = folder / "answer.json"
    with FileLock(shared / "front_door.lock"):
        if not kept.exists():
            folder.mkdir()
            answer = succeed("run", "-o", "run", *SMALL, "--json", cwd=folder)
            kept.write_text(json.dumps(attrs.asdict(answer)))
    return Finished(folder / "run", Answer(**json.loads(kept.read_text())))
