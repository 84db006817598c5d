"""What a process that answers one text imports, and commands that compute nothing, which import no PyTorch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from exported_toy import exported_once
from front_door import Finished
from new_python import run_python

__all__ = ["exported_once"]
TEXT = "I lost my job and cannot sleep"
NEEDLESS = {
    *("scipy.optimize", "scipy.linalg", "scipy.stats", "scipy.signal", "scipy.spatial", "scipy.sparse.csgraph"),
    *("sklearn", "pandas", "matplotlib", "transformers", "onnx", "onnxruntime", "rich", "filelock"),
    *("redheart_core.training.context", "redheart_core.data.prepare", "redheart_linear.training"),
}
"""Each takes from a hundredth to half a second; fits, trainings and other runtimes need them."""
SCRIPT = """
import sys
from redheart_cli.main import cli
cli(['analyze', *{arguments!r}], standalone_mode=False)
print('\\n'.join(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("shipped", [False, True], ids=["assembled", "shipped"])
def test_an_answer_imports_nothing_that_only_a_training_needs(shipped: bool, finished: Finished) -> None:
    arguments: list[str | Path] = [TEXT] if shipped else [finished.model, TEXT]
    done = run_python(SCRIPT.format(arguments=list(map(str, arguments))), with_path=True)
    assert "emotion" in done.out
    loaded = set(done.err.split())
    assert {"torch", "redheart_core.models.analysis"} <= loaded
    assert loaded & NEEDLESS == set()


COMMANDS = """
import sys
from click.testing import CliRunner
from redheart_cli.main import cli

for command in {commands!r}:
    done = CliRunner().invoke(cli, command)
    print(done.exit_code, "torch" in sys.modules, *command, done.output if done.exit_code else "")
"""


def test_commands_that_compute_nothing_import_no_torch(finished: Finished) -> None:
    run = str(finished.folder)
    commands = [
        *(["--version"], ["--help"], ["plugins", "list"], ["models", "list"]),
        *(["verify", run], ["verify", str(finished.model)], ["verify", str(finished.store)]),
    ]
    done = run_python(COMMANDS.format(commands=commands), with_path=True)
    assert done.out.splitlines() == [" ".join(["0 False", *command, ""]) for command in commands]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("onnxscript") is None, reason="needs redheart[export]")
def test_verifying_an_export_imports_no_torch(exported_once: Path) -> None:
    command = ["verify", str(exported_once / "onnx")]
    done = run_python(COMMANDS.format(commands=[command]), with_path=True)
    assert done.out.splitlines() == [" ".join(["0 False", *command, ""])]
