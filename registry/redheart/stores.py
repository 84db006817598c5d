"""Data before training: prepared once, inspected at will."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redheart.options import PluginChoice, Settings
from redheart.progress import Display, make_display
from redheart.sessions import data_settings, prepare_store
from redheart_core.storage.paths import find_optional
from redheart_core.storage.presence import require_store

if TYPE_CHECKING:
    from redheart_core.config.tables import DataSettings
    from redheart_core.data.store import Store
    from redheart_core.inspection.findings import Inspection
    from redheart_registry import Registry


def prepare(
    data: str | None = None,
    *,
    encoder: str | Sequence[str] | None = None,
    output: str | Path | None = None,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    plugins: str | Path | None = None,
    progress: bool = True,
) -> Store:
    """Read a data set, divide it, fit the encoders on its train part and store all embeddings.

    A prepared store is opened; one that was interrupted is finished.

    Args:
        data: Name of the data set plugin; several are joined as "one+other". That of plugins.toml if left out.
        encoder: Name of the encoder plugin, or names of several whose vectors stand side by side.
        output: Folder of the store; runs/DATA/store if left out.
        enable: Plugins to add to the active ones.
        disable: Active plugins to leave out.
        settings: By "plugin.key", such as {"csv.path": "posts.csv", "data.seed": 1}.
        plugins: A plugins.toml.
        progress: Whether progress is shown on stderr.

    Raises:
        RedheartError: A record, a setting or a plugin is wrong; the message says which.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    with make_display(progress) as display:
        return prepare_data(choice, data, encoder, find_optional(output), display)


def inspect(
    data: str | None = None,
    *,
    store: str | Path | None = None,
    encoder: str | Sequence[str] | None = None,
    enable: str | Iterable[str] = (),
    disable: str | Iterable[str] = (),
    settings: Settings | None = None,
    plugins: str | Path | None = None,
    progress: bool = True,
) -> Inspection:
    """Coverage, balance, noise, baselines, near-duplicates and warnings of a data set, before anything is trained.

    Args:
        data: As for prepare; the data are prepared in a temporary folder.
        store: Folder of a prepared store, in place of data.
        encoder: As for prepare, like everything below.

    Raises:
        RedheartError: A record, a setting or a plugin is wrong; the message says which.
    """
    choice = PluginChoice.of(plugins, enable, disable, settings)
    with make_display(progress) as display:
        return inspect_data(choice, data, encoder, find_optional(store), display)


def prepare_data(
    choice: PluginChoice, data: str | None, encoder: str | Sequence[str] | None, folder: Path | None, display: Display
) -> Store:
    """What prepare does, for a caller with a display of its own."""
    return prepare_store(*wanted_store(choice, data, encoder, folder, display), display)


def wanted_store(
    choice: PluginChoice, data: str | None, encoder: str | Sequence[str] | None, folder: Path | None, display: Display
) -> tuple[Registry, Path, DataSettings]:
    """The plugins, the folder and the settings of the store that prepare makes."""
    registry = choice.load(say=display.say)
    settings = data_settings(registry, dataset=data, encoder=encoder)
    return registry, folder or Path("runs") / settings.dataset / "store", settings


def inspect_data(
    choice: PluginChoice, data: str | None, encoder: str | Sequence[str] | None, folder: Path | None, display: Display
) -> Inspection:
    """What inspect does, for a caller with a display of its own."""
    if folder is not None:
        require_store(folder)
    from redheart_core.data.store import Store
    from redheart_core.inspection.inspect import inspect_store

    if folder is not None:
        return inspect_store(Store.open(folder))
    with tempfile.TemporaryDirectory(prefix="redheart-") as temporary:
        return inspect_store(prepare_data(choice, data, encoder, Path(temporary) / "store", display))
