"""The state of the process that foreign code could change for everybody: how to read it, and how to put it back."""

from __future__ import annotations

import builtins
import gc
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen
class State:
    """One piece of it."""

    name: str
    """In words, for messages."""
    read: Callable[[], Any]
    """Something that == compares."""
    restore: Callable[[Any], object] | None
    """Puts back what read gave; None for what cannot be put back."""
    module: str = "sys"
    """The module that it belongs to; there is nothing to read before that is imported."""
    drawn: bool = False
    """Whether it is a stream of random numbers, which code that builds a module may draw from."""


_SIGNALS = tuple(map(int, signal.valid_signals()))


def _signals() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _restore_signals(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _restore_environment(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def _directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed, and everything that needs it says so
        return None


def _restore_directory(path: str | None) -> None:
    if path is not None:
        os.chdir(path)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current


def _restore_builtins(names: dict[str, Any]) -> None:
    for name in vars(builtins).keys() - names.keys():
        delattr(builtins, name)
    vars(builtins).update(names)


def _hooks() -> tuple[Any, ...]:
    return sys.excepthook, sys.displayhook, sys.unraisablehook


def _restore_hooks(hooks: tuple[Any, ...]) -> None:
    sys.excepthook, sys.displayhook, sys.unraisablehook = hooks


def _warnings() -> tuple[Any, ...]:
    return list(warnings.filters), warnings.showwarning, warnings.formatwarning


def _restore_warnings(kept: tuple[Any, ...]) -> None:
    warnings.resetwarnings()  # also says that cached decisions are void
    filters: Any = warnings.filters
    filters[:], warnings.showwarning, warnings.formatwarning = kept


def _restore_zone(_: object) -> None:
    if os.name == "posix":
        time.tzset()  # from the environment, which is restored before


def _flushes_small_numbers() -> bool:
    return sys.float_info.min / 2 == 0.0


def _logging() -> tuple[Any, ...]:
    logging = sys.modules["logging"]
    root = logging.root
    return root.level, tuple(root.handlers), tuple(root.filters), root.manager.disable, logging.raiseExceptions


def _restore_logging(kept: tuple[Any, ...]) -> None:
    logging: Any = sys.modules["logging"]
    root = logging.root
    level, root.handlers[:], root.filters[:], root.manager.disable, logging.raiseExceptions = kept
    root.setLevel(level)


def _locale() -> str:
    locale = sys.modules["locale"]
    found: str = locale.setlocale(locale.LC_ALL)
    return found


def _restore_locale(kept: str) -> None:
    locale = sys.modules["locale"]
    locale.setlocale(locale.LC_ALL, kept)


def _decimal() -> tuple[Any, ...]:
    context = sys.modules["decimal"].getcontext()
    traps = {signal for signal, on in context.traps.items() if on}
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps


def _restore_decimal(kept: tuple[Any, ...]) -> None:
    context = sys.modules["decimal"].getcontext()
    *numbers, traps = kept
    context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp = numbers
    for signal_ in context.traps:
        context.traps[signal_] = signal_ in traps


PROCESS: tuple[State, ...] = (
    State("the environment variables", lambda: dict(os.environ), _restore_environment),
    State("the working directory", _directory, _restore_directory),
    State("sys.path", lambda: list(sys.path), lambda path: sys.path.__setitem__(slice(None), path)),
    State("the handlers of signals", _signals, _restore_signals),
    State("the warnings filters", _warnings, _restore_warnings),
    State("the time zone", lambda: (time.timezone, time.tzname), _restore_zone),
    State("the built-in functions", lambda: dict(vars(builtins)), _restore_builtins),
    State("the hooks for exceptions and results", _hooks, _restore_hooks),
    State("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    State("the switch interval of threads", sys.getswitchinterval, sys.setswitchinterval),
    State("the garbage collector", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    State("the mask for new files", _umask, os.umask),
    State("the handling of tiny numbers by the processor (they are flushed to zero)", _flushes_small_numbers, None),
    State("the locale", _locale, _restore_locale, "locale"),
    State("the set-up of logging", _logging, _restore_logging, "logging"),
    State("the decimal context", _decimal, _restore_decimal, "decimal"),
    State(
        "the random numbers of Python",
        lambda: sys.modules["random"].getstate(),
        lambda state: sys.modules["random"].setstate(state),
        "random",
        drawn=True,
    ),
)
