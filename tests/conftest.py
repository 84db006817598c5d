"""Fixtures that several test files use."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes of a test session share the cores; read at import

import compileall
import gc
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from front_door import Finished, finished_run
from front_door import other_model as made_other_model
from hypothesis import settings
from made_up_run import groups, made, make_run, write_run
from plugin_sources import install
from toy import Toy, group_files
from trained_toy import trained, trained_once
from wheels import redheart_wheel

import redheart_village.records
from redheart_core import Record
from redheart_core.runs.run import RunFolder
from redheart_village.phrases import Wording

__all__ = ["groups", "install", "made", "make_run", "redheart_wheel", "trained", "trained_once", "write_run"]

settings.register_profile("repeatable", derandomize=True, deadline=None)  # `--hypothesis-profile default` searches on
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Compile redheart once for all processes that tests start, where Python keeps nothing that it compiled."""
    if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
        root = Path(__file__).parents[1]
        for folder in (root / "redheart_core", *root.glob("*/redheart*"), *root.glob("plugins/*/redheart_*")):
            compileall.compile_dir(folder, quiet=2)


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end, so that no search for cycles has to go through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _village_records_are_made_once() -> Iterator[None]:
    """A record depends on the arguments alone, and most tests make the same ones; plugins/village tests it."""
    make, made_records = redheart_village.records.make_record, dict[tuple[object, ...], Record]()

    def make_once(seed: int, wording: Wording, index: int, signals: bool = False) -> Record:
        key = (seed, wording.language, index, signals)
        if key not in made_records:
            made_records[key] = make(seed, wording, index, signals)
        return made_records[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redheart_village.records, "make_record", make_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Only a power failure would make a difference; tests of what is brought to disk, and when, look at the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that all processes of the test session have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def finished(shared: Path) -> Finished:
    """A small run from data to report; tests only look at it, or at a copy."""
    return finished_run(shared)


@pytest.fixture(scope="session")
def other_model(shared: Path) -> Path:
    """A model beside that of the finished run, with other answers; tests only look at it."""
    return made_other_model(shared)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Makers of toy stores, nodes and runs in a temporary folder."""
    return Toy(tmp_path)


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk; only a power failure would make a difference."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def files_of() -> Callable[[RunFolder, str], dict[str, str]]:
    """Function that gives every file of a group with its SHA-256."""
    return group_files


@pytest.fixture(autouse=True)
def _alike() -> Iterator[None]:
    """A test sees the same random numbers and threads, whatever ran before it in its process."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    random.seed(0)
    yield
    torch.set_num_threads(threads)
