"""Writes what happens during a run for TensorBoard: event hooks, and nothing that trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core import EpochFinished, RunFinished, RunStarted, hookimpl

if TYPE_CHECKING:
    from redheart_tensorboard.boards import Boards

_open: list[Boards] = []
"""Those of the run that goes on in this process; one at most."""


@hookimpl
def redheart_before_run(event: RunStarted) -> None:
    """Begin a file for each group."""
    from redheart_tensorboard.boards import open_boards  # torch, only when something is trained

    _close()  # an earlier run of this process that an error ended
    _open.append(open_boards(event))


@hookimpl
def redheart_after_epoch(event: EpochFinished) -> None:
    """Write the figures of an epoch."""
    for boards in _open:
        boards.write(event)


@hookimpl
def redheart_after_run(event: RunFinished) -> None:
    """End the files."""
    _close()


def _close() -> None:
    while _open:
        _open.pop().close()
