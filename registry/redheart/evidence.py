"""The store whose training split becomes evidence: that of a run, or one that is made of a data set for a while."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.encoders import EncoderOfModel
from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import data_settings, find_dataset
from redheart_core.storage.presence import require_run, require_store_of

if TYPE_CHECKING:
    from redheart_core.contract.data import Encoder, EncoderSpec
    from redheart_core.data.store import Store


@contextmanager
def training_store(
    run: Path | None, data: str | None, encoder: EncoderOfModel, choice: PluginChoice, display: Display
) -> Iterator[Store]:
    """A store of records with their splits.

    Args:
        run: Its store is opened.
        data: If no run is given, the records of this data set are divided as for a training, and encoded in a temporary
            folder.
        encoder: For these.
        choice: Plugins and settings of the data set.
        display: Shows progress.
    """
    if run is not None:
        yield _store_of(run)
        return
    assert data is not None
    with tempfile.TemporaryDirectory(prefix="redheart-") as temporary:
        yield _prepare(data, Path(temporary) / "store", encoder, choice, display)


def _store_of(run: Path) -> Store:
    require_run(run)
    from redheart_core.data.store import Store
    from redheart_core.runs.run import RunFolder

    place = run / RunFolder(run).read().data.store
    require_store_of(run, place)
    return Store.open(place)


def _prepare(data: str, folder: Path, encoder: EncoderOfModel, choice: PluginChoice, display: Display) -> Store:
    """Encode a data set with an encoder that is fitted already."""
    from redheart_core.data.prepare import prepare

    registry = choice.load(say=display.say)
    dataset, dataset_settings = find_dataset(registry, data)
    settings = data_settings(registry, dataset=data)
    identity = encoder.identity
    fitted = [
        _fitted(*encoder.registry.encoder(name), part)
        for name, part in zip(identity.names, encoder.encoder.parts, strict=True)
    ]
    return prepare(
        folder,
        dataset,
        dataset_settings,
        fitted,
        vectors=identity.vectors,
        chunk_chars=identity.chunk_chars,
        terms=0,
        near_duplicates=settings.near_duplicates,
        seed=settings.seed,
        progress=display.progress,
    )


def _fitted(spec: EncoderSpec, settings: Any, encoder: Encoder) -> tuple[EncoderSpec, Any]:
    """The spec of an encoder that is there already, so that fitting it gives just that one."""
    return attrs.evolve(spec, fit=lambda _settings, _chunks: encoder), settings
