"""Keeps what foreign code prints out of standard output, which belongs to the results."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OUT, ERR = 1, 2
"""File descriptors of standard output and standard error."""


@contextmanager
def output_to_stderr() -> Iterator[None]:
    """Inside, everything that is printed goes to standard error: by print, by a file descriptor, by C code.

    The streams of sys are put back at the end, whatever the code made of them.
    """
    kept = sys.stdin, sys.stdout, sys.stderr
    _flush()
    saved = _redirect()
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        _flush()
        sys.stdin, sys.stdout, sys.stderr = kept
        if saved is not None:
            os.dup2(saved, OUT)
            os.close(saved)


def _redirect() -> int | None:
    """Let the descriptor of standard output lead to standard error; where it led before, None if it was closed."""
    try:
        saved = os.dup(OUT)
    except OSError:
        return None
    try:
        os.dup2(ERR, OUT)
    except OSError:  # standard error is closed, so the output has no reader
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, OUT)
        os.close(nowhere)
    return saved


def _flush() -> None:
    """Empty the buffers of Python and C, so that each text goes where it was meant to go."""
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        if stream is not None and not stream.closed:
            with suppress(OSError):  # a full disk or a closed pipe is an error of the one who prints results, later
                stream.flush()
    if os.name == "posix":
        import ctypes

        ctypes.CDLL(None).fflush(None)
