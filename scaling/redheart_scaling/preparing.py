"""A store whose records the nodes of a cluster encode shard by shard; one process reads, fits and writes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import prepare_store
from redheart.stores import wanted_store
from redheart_core.config.tables import DataSettings
from redheart_core.contract.errors import StoreError
from redheart_core.data.build import Encoded, Texts, encode_shard
from redheart_core.data.encoding import TextEncoder, hash_contents, open_encoder
from redheart_core.storage.runtime import use_threads
from redheart_registry.plugins_toml import find_plugins_toml
from redheart_scaling.cluster import Asked, Resources, connected, in_order, require_room, resources_for

if TYPE_CHECKING:
    from redheart_core.data.store import Store

TASK = "encode"
"""The name of the tasks."""


@attrs.frozen
class Encoder:
    """What encodes a shard."""

    choice: PluginChoice
    folder: str
    """Where the fitted encoders were saved."""
    content: str
    """Hash of that folder."""
    data: DataSettings
    threads: int
    """Those of the process that begins the tasks: sums of floating-point numbers depend on how they are divided."""


def prepare_on_ray(
    choice: PluginChoice,
    dataset: str | None,
    encoder: str | None,
    folder: Path | None,
    display: Display,
    address: str,
    asked: Asked | None = None,
) -> Store:
    """What prepare_data gives, with the same bytes on the same hardware; nodes encode the records.

    The nodes see the folder of the store and plugins.toml at the same path. They get the texts through the memory of
    the cluster, and this process alone writes, so that each shard is there once whatever nodes are lost. Called again,
    it goes on with the shards that are missing.

    Args:
        choice: As for prepare_data, like all that is not named here.
        address: Of the cluster; see connected.
        asked: What tasks ask of a node beyond the defaults; the name of all of them is TASK.

    Raises:
        RedheartError: As prepare_data, or the cluster cannot be used.
    """
    import torch

    toml = find_plugins_toml(choice.plugins_toml).resolve()
    plugins, threads = attrs.evolve(choice, plugins_toml=toml, trace=None), torch.get_num_threads()
    wanted = resources_for({TASK: Resources(cpus=threads)}, asked or {})

    with connected(address) as ray:
        require_room(ray, wanted)
        registry, store, data = wanted_store(choice, dataset, encoder, folder, display)
        encoders = store.resolve() / "encoder"

        def encoding(shards: Iterator[Texts]) -> Iterator[Encoded]:
            what = Encoder(plugins, str(encoders), hash_contents(encoders), data, threads)
            return in_order(ray, TASK, encode_one_shard, wanted[TASK], what, shards)

        return prepare_store(registry, store, data, display, encoding)


def encode_one_shard(what: Encoder, texts: Texts) -> Encoded:
    """The task: the vectors of the records of a shard."""
    use_threads(what.threads)
    return encode_shard(_opened(what), texts)


@lru_cache(maxsize=1)
def _opened(what: Encoder) -> TextEncoder:
    """The encoders, which a process loads once.

    Raises:
        StoreError: This node has others.
    """
    folder = Path(what.folder)
    found = hash_contents(folder)
    if found != what.content:
        raise StoreError(
            f"{folder} holds other encoders on a node (hash {found}, expected is {what.content}); put the store where "
            "all nodes see it at the same path"
        )
    registry = what.choice.load()
    specs = [registry.encoder(name)[0] for name in what.data.encoders]
    return open_encoder(specs, folder, what.data.chunk_chars, what.data.vectors)
