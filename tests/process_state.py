"""The state of this process that a command has to leave as it found it."""

from __future__ import annotations

import importlib
import locale
import logging
import os
import pickle
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

OF_LIBRARIES = ("TORCHINDUCTOR_CACHE_DIR", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")
"""Environment variables that torch sets when the first optimizer steps, and scikit-learn when it is first imported."""
SIGNALS = signal.valid_signals()
SYMPY = "sympy.utilities.exceptions"
"""Has a warning filter of its own, from when torch first imports sympy."""


def process_state() -> dict[str, Any]:
    """What the next command, or a notebook that called this one, would notice."""
    return {
        "working directory": os.getcwd(),
        **{f"environment variable {name}": value for name, value in os.environ.items() if name not in OF_LIBRARIES},
        "path": list(sys.path),
        "standard streams": (sys.stdin, sys.stdout, sys.stderr),
        "signal handlers": {number: signal.getsignal(number) for number in SIGNALS},
        "threads": {thread.name for thread in threading.enumerate()},
        "warning filters": [one for one in warnings.filters if one[2].__module__ != SYMPY],
        "locale": locale.setlocale(locale.LC_ALL),
        "root logger": (list(logging.root.handlers), logging.root.level),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "random numbers of Python": random.getstate(),
        "random numbers of numpy": pickle.dumps(np.random.get_state()),
        "random numbers of torch": torch.get_rng_state().numpy().tobytes(),
    }


@contextmanager
def unchanged_process() -> Iterator[None]:
    """What happens inside has to restore what it changes, but for the number of threads, which is restored here."""
    before, threads = process_state(), torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
    after = process_state()
    after["threads"] = before["threads"] | after["threads"]  # one that an earlier test left may end meanwhile
    names = before.keys() | after.keys()
    changed = {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
    assert not changed, f"the command has changed for good, from and to: {changed}"


@contextmanager
def importable(site: Path | None) -> Iterator[None]:
    """Modules of a folder can be imported inside, here and in processes started from here, and are forgotten after."""
    if site is None:
        yield
        return
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        inside = f"{site}{os.sep}"  # of thousands of modules a Path each would take longer than most commands
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(inside):
                del sys.modules[name]
