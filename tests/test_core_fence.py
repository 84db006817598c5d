"""The fence around a plugin's own code: its output and what it changes for the whole process stay inside."""

from __future__ import annotations

import decimal
import json
import locale
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own_process import run_and_die

from redheart_core import PluginError
from redheart_core.discovery.fence import fence
from redheart_core.discovery.library_state import LIBRARIES
from redheart_core.discovery.process_state import PROCESS

__all__ = ["decimal", "locale"]  # imported, so that their state can be read

PROBE = """
import json, sys
from redheart_core.discovery.fence import fence
try:
    with fence("plugin 'loud'") as changed:
        exec(sys.argv[1])
    result = changed
except Exception as error:
    result = f"{type(error).__name__}: {error}"
exec(sys.argv[2])
print(json.dumps(result))
"""


def run(code: str, late: str = "") -> list[str] | str:
    """What the fence of a new process says that the code changed, or its error; then other code looks."""
    done = subprocess.run([sys.executable, "-c", PROBE, code, late], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] | str = json.loads(done.stdout)  # nothing else is on standard output
    return found


def complaint(code: str, said: Path) -> None:
    """Write down how the fence refuses code, in a process of its own."""
    names: dict[str, object] = {}  # keep what the code has made
    with pytest.raises(PluginError) as refusal, fence("plugin 'loud'"):
        exec(code, names)
    said.write_text(str(refusal.value))


def state() -> list[object]:
    """Everything that can be put back."""
    return [one.read() for one in (*PROCESS, *LIBRARIES) if one.restore is not None]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import os; os.environ['OMP_NUM_THREADS'] = '7'", "the environment variables"),
        ("import os; del os.environ['PATH']", "the environment variables"),
        ("import os; os.chdir('/')", "the working directory"),
        ("import sys; sys.path.insert(0, '/nowhere')", "sys.path"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "the handlers of signals"),
        ("import warnings; warnings.simplefilter('ignore')", "the warnings filters"),
        ("import warnings; warnings.showwarning = print", "the warnings filters"),
        ("import builtins; builtins.open = None", "the built-in functions"),
        ("import sys; sys.excepthook = print", "the hooks for exceptions and results"),
        ("import sys; sys.setrecursionlimit(77_777)", "the recursion limit"),
        ("import sys; sys.setswitchinterval(0.5)", "the switch interval of threads"),
        ("import gc; gc.disable()", "the garbage collector"),
        ("import os; os.umask(0o77)", "the mask for new files"),
        ("import locale; locale.setlocale(locale.LC_ALL, 'C' if 'UTF' in locale.setlocale(0) else '')", "the locale"),
        ("import logging; logging.getLogger().setLevel(5)", "the set-up of logging"),
        ("import logging; logging.disable(50)", "the set-up of logging"),
        ("import decimal; decimal.getcontext().prec = 3", "the decimal context"),
        ("import random; random.seed(1)", "the random numbers of Python"),
        ("import numpy; numpy.random.seed(1)", "the random numbers of numpy"),
        ("import numpy; numpy.seterr(all='raise')", "numpy's handling of floating-point errors"),
        ("import torch; torch.manual_seed(1)", "the random numbers of torch"),
        ("import torch; torch.set_default_dtype(torch.float64)", "torch's default dtype"),
        ("import torch; torch.set_default_device('meta')", "torch's default device"),
        ("import torch; torch.set_grad_enabled(False)", "torch's gradient mode"),
        ("import torch; torch.use_deterministic_algorithms(True)", "torch's choice of deterministic algorithms"),
        ("import torch; torch.backends.cudnn.benchmark = True", "the flags of cuDNN"),
        ("import torch; torch.set_float32_matmul_precision('medium')", "torch's precision of matrix products"),
        ("import torch; torch.autograd.set_detect_anomaly(True)", "torch's detection of anomalies"),
        ("import torch; torch.set_autocast_enabled('cpu', True)", "torch's autocast on the CPU"),
        ("import torch; torch.set_num_threads(torch.get_num_threads() + 1)", "the number of torch's threads"),
    ],
)
def test_what_a_plugin_changes_is_put_back_and_named(code: str, name: str) -> None:
    before = state()
    with fence("plugin 'loud'") as changed:
        exec(code, {})
    assert name in changed
    assert state() == before


def test_the_time_zone_follows_the_environment() -> None:
    before = time.tzname
    with fence("plugin 'loud'") as changed:
        os.environ["TZ"] = "Asia/Seoul"
        time.tzset()
    assert changed == ["the environment variables", "the time zone"]
    assert time.tzname == before


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import torch; torch.set_flush_denormal(True)", "the handling of tiny numbers by the processor"),
        ("import torch; torch.set_num_interop_threads(3)", "the number of torch's inter-op threads"),
        ("import torch; keep = torch.inference_mode(); keep.__enter__()", "torch's inference mode"),
    ],
)
def test_what_cannot_be_put_back_is_refused_by_name(code: str, name: str, tmp_path: Path) -> None:
    assert run_and_die(complaint, code, tmp_path / "said") == 0
    assert (tmp_path / "said").read_text().startswith(f"plugin 'loud' changes {name}")


@pytest.mark.parametrize(
    ("code", "late", "name"),
    [
        (
            "import torch; torch.set_default_dtype(torch.float64)",
            "import torch; assert torch.get_default_dtype() == torch.float32",
            "torch's default dtype",
        ),
        ("from torch import nn, manual_seed; manual_seed(3)", "", "the random numbers of torch"),
        (
            "import numpy.linalg as l, numpy; numpy.seterr(all='ignore')",
            "import numpy; assert numpy.geterr()['divide'] == 'warn'",
            "numpy's handling of floating-point errors",
        ),
    ],
)
def test_a_library_that_the_plugin_itself_imports_is_watched_from_then_on(code: str, late: str, name: str) -> None:
    changed = run(f"assert 'torch' not in sys.modules; {code}", late)
    assert name in changed


def test_importing_numpy_and_torch_is_no_change_of_their_state() -> None:
    late = (
        "import torch; loader = torch.__spec__.loader; assert loader is torch.__loader__; "
        "assert 'redheart' not in type(loader).__module__"
    )
    changed = run("import torch, numpy", late)
    assert not [name for name in changed if "torch" in name or "numpy" in name]


@pytest.mark.parametrize(
    "code",
    [
        "print('hello')",
        "import sys; sys.stdout.write('hello')",
        "import sys; sys.__stdout__.write('hello')",
        "import os; os.write(1, b'hello')",
        "import ctypes; ctypes.CDLL(None).printf(b'hello')",
        "import subprocess; subprocess.run(['echo', 'hello'])",
        "import io, sys; sys.stdout = io.StringIO(); sys.__stdout__.write('hello')",
    ],
)
def test_output_goes_to_standard_error(code: str, capfd: pytest.CaptureFixture[str]) -> None:
    with fence("plugin 'loud'") as changed:
        exec(code, {})
    print("result")
    printed = capfd.readouterr()
    assert changed == []
    assert (printed.out, "hello" in printed.err) == ("result\n", True)


def test_an_error_inside_passes_and_the_state_is_put_back(tmp_path: Path) -> None:
    before = os.getcwd()

    def leave() -> None:
        with fence("plugin 'loud'"):
            os.chdir(tmp_path)
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        leave()
    assert os.getcwd() == before


def test_the_finders_leave_no_trace() -> None:
    before = list(sys.meta_path)
    with fence("plugin 'loud'"):
        pass
    assert sys.meta_path == before


def test_code_that_builds_a_module_may_draw_random_numbers() -> None:
    state = random.getstate()
    with fence("plugin 'loud'", streams=False) as changed:
        random.random()
    assert changed == []
    assert random.getstate() != state


def test_closed_standard_streams_do_no_harm() -> None:
    code = "from redheart_core.discovery.fence import fence\nwith fence('x'):\n    pass\n"
    for closed in ("1>&-", "2>&-", "1>&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code], check=False)
        assert done.returncode == 0, closed
