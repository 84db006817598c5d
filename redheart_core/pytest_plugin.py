"""Fixtures for plugin authors: real embedded records, a small store, a trainer; see also redheart_core.testing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from redheart_core.data.store import Store
    from redheart_core.testing import Sample
    from redheart_core.training.context import TrainingContext


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark of the longest conformance checks known."""
    config.addinivalue_line("markers", "thorough: takes many seconds; left out with -m 'not thorough'")


@pytest.fixture(scope="session")
def redheart_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of 200 records, made by the data set and the encoder that redheart ships with a sample. Read only."""
    from redheart_core.testing import small_store

    return small_store(tmp_path_factory.mktemp("redheart") / "store")


@pytest.fixture(scope="session")
def redheart_sample() -> Sample:
    """Some real embedded training records with all their fields, which conformance tests look at. Read only."""
    from redheart_core.testing import real_sample

    return real_sample()


@pytest.fixture
def redheart_context(redheart_store: Store) -> Iterator[Callable[..., TrainingContext]]:
    """Makes a TrainingContext out of names of installed nodes: two epochs at scale tiny on the small store."""
    import torch

    from redheart_core.config.tables import TrainSettings
    from redheart_core.testing import activate, load_installed
    from redheart_core.training.context import TrainingContext

    def make(*names: str, **settings: Any) -> TrainingContext:
        chosen = TrainSettings(**{"scale": "tiny", "epochs": 2, "threads": 1, **settings})
        return TrainingContext.prepare(redheart_store, [activate(load_installed(name)) for name in names], chosen)

    threads = torch.get_num_threads()
    yield make
    torch.set_num_threads(threads)
