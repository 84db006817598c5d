"""Fixtures that several test files use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from made_up_run import groups, made, make_run, write_run
from toy import Toy, group_files
from wheels import redheart_wheel

from redheart_core.runs.run import RunFolder

__all__ = ["groups", "made", "make_run", "redheart_wheel", "write_run"]


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Makers of toy stores, nodes and runs in a temporary folder."""
    return Toy(tmp_path)


@pytest.fixture
def files_of() -> Callable[[RunFolder, str], dict[str, str]]:
    """Function that gives every file of a group with its SHA-256."""
    return group_files


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """A test may fix the number of threads; the next one gets the old number."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
