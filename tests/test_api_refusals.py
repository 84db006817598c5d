"""What can be refused is refused before anything heavy is imported."""

from __future__ import annotations

from new_python import run_python

COMMANDS = (
    *(["sweetspot", "none"], ["crossover", "none"], ["crossover", "none", "--compare"], ["report", "none"]),
    *(["evaluate", "none"], ["analyze", "none", "hello"], ["watch", "none"], ["train", "--resume", "-o", "none"]),
    *(["decompose", "none", "--target", "regret"], ["data", "inspect", "--store", "none"]),
    *(["train", "--enable", "nobody"], ["run", "--set", "nobody.key=1"], ["data", "prepare", "--plugins", "none.toml"]),
    *(["sweep", "--rates", "x"], ["calculate", "nobody", "-"], ["bench", "plugin", "nobody"]),
)
SCRIPT = """
import sys
from click.testing import CliRunner
from redheart_cli.main import cli

for command in {commands!r}:
    done = CliRunner().invoke(cli, command)
    heavy = sorted({{"torch", "sklearn", "scipy", "matplotlib"}} & set(sys.modules))
    print(done.exit_code, "Traceback" in done.output, ",".join(heavy), " ".join(command), sep="|")
"""


def test_a_command_that_can_refuse_does_so_without_torch() -> None:
    done = run_python(SCRIPT.format(commands=[list(one) for one in COMMANDS]), with_path=True)
    rows = [line.split("|") for line in done.out.splitlines()]
    assert [row[3] for row in rows] == [" ".join(command) for command in COMMANDS]
    assert [row for row in rows if row[0] not in ("1", "2")] == []
    assert [row for row in rows if row[1] != "False" or row[2]] == []
