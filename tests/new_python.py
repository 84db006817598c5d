"""Code in a new interpreter, for what only a first import can show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import attrs


@attrs.frozen
class Printed:
    """What the code printed."""

    out: str
    err: str


def run_python(code: str, *, with_path: bool = False, variables: Mapping[str, str] | None = None) -> Printed:
    """Run code that has to end well; all that it printed is shown if it does not.

    Args:
        code: A Python program.
        with_path: Modules are found where this process finds them.
        variables: The whole environment; that of this process if not given.
    """
    start = f"import sys; sys.path[:] = {sys.path!r}\n" if with_path else ""
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, env=variables)
    assert done.returncode == 0, f"{code}\nended with {done.returncode} and printed\n{done.stdout}{done.stderr}"
    return Printed(done.stdout, done.stderr)
