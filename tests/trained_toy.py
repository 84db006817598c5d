"""A toy run, trained once for each process of a test session and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.data.store import Store
from redheart_core.runs.run import RunFolder
from redheart_core.selection.picks import Pool
from redheart_core.training.context import TrainingContext

EPOCHS = 8
LEARNING_RATE = 3e-2
"""Makes epochs differ."""


@attrs.frozen
class Trained:
    """A run with what it was trained from."""

    run: RunFolder
    context: TrainingContext

    def pool(self, name: str) -> Pool:
        return Pool(self.run, self.context, next(group for group in self.context.groups if group.name == name))


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the toy with its store and its run; read only."""
    toy = Toy(tmp_path_factory.mktemp("trained"))
    toy.run("run", _nodes(toy), epochs=EPOCHS, learning_rate=LEARNING_RATE)
    return toy.folder


@pytest.fixture
def trained(trained_once: Path, toy: Toy) -> Trained:
    """Three groups, one above another, in a folder that the test may change."""
    shutil.copytree(trained_once, toy.folder, dirs_exist_ok=True)
    return trained_in(toy)


def trained_in(toy: Toy) -> Trained:
    """The run that lies in a toy's folder."""
    context = toy.context(_nodes(toy), Store.open(toy.folder / "store"), epochs=EPOCHS, learning_rate=LEARNING_RATE)
    return Trained(RunFolder(toy.folder / "run"), context)


def _nodes(toy: Toy) -> list[ActiveNode]:
    return [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value", "embedding"))]
