"""progress.json of a store that is being made: what it is made from, and which parts are finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from redheart_core.config.tables import Vectors
from redheart_core.contract.errors import StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.index import Shard, StoreIndex
from redheart_core.storage.files import sha256
from redheart_core.storage.locks import LOCK
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import NOT_STORED
from redheart_core.storage.temporary import is_temporary

JOURNAL_FILE = "progress.json"


@attrs.frozen
class Request:
    """The arguments that a store's bytes depend on."""

    dataset: str
    content: str
    fields: Mapping[str, Field]
    encoder: str
    """The names of the encoders, joined by a plus."""
    encoder_settings: Mapping[str, Mapping[str, object]]
    """By encoder."""
    vectors: Vectors
    chunk_chars: int
    terms: int
    tokenizer: str
    near_duplicates: float
    seed: int
    shard_records: int
    encoder_defaults: Mapping[str, Mapping[str, object]] = attrs.field(factory=dict, eq=False, metadata=NOT_STORED)
    """Of the encoders' settings as they are now, by encoder."""

    def check_index(self, index: StoreIndex, folder: Path) -> None:
        """Refuse a finished store that was made from something else.

        Raises:
            StoreError: Names every difference.
        """
        identity = index.encoder
        own = ("encoder", "vectors", "encoder_defaults")
        same = {key: getattr(index, key) for key in attrs.fields_dict(Request) if key not in own}
        self.check_same(Request(encoder=identity.label, vectors=identity.vectors, **same), folder)

    def check_same(self, there: Request, folder: Path) -> None:
        """Refuse another request than this one; settings of encoders that are newer than it count as their defaults.

        Raises:
            StoreError: Names every difference.
        """
        stored = attrs.filters.exclude("encoder_defaults")
        mine, theirs = (_flat(attrs.asdict(one, filter=stored)) for one in (self, there))
        theirs = {**_flat(self.encoder_defaults, "encoder_settings."), **theirs}
        differences = "; ".join(
            CHANGED if key == "content" else f"{key} is {theirs.get(key)!r:.80} there, {mine.get(key)!r:.80} here"
            for key in sorted(mine.keys() | theirs.keys())
            if theirs.get(key) != mine.get(key)
        )
        if differences:
            raise StoreError(
                f"{folder} holds a store that was made with other arguments: {differences}; "
                "choose another folder, or delete this one"
            )


CHANGED = "the data set has changed since: an id, text, language, label or field is another one, came or went"
"""What other contents mean."""


@attrs.frozen
class FinishedShard:
    """A shard that was written whole."""

    shard: Shard
    sha256: str


@attrs.frozen
class Progress:
    """progress.json."""

    request: Request
    encoder: str | None = None
    """The hash of the fitted encoder; None before it is fitted."""
    shards: Mapping[str, FinishedShard] = attrs.field(factory=dict)
    """By file."""


STORE_PROGRESS = SealedFile(
    Progress, "unfinished store", 3, "choose another folder, or delete this one and prepare the data again", StoreError
)


class Journal:
    """What is finished, written after each part."""

    def __init__(self, folder: Path, request: Request) -> None:
        """Begin, or go on with what an interrupted process left.

        Raises:
            StoreError: The folder holds something else.
        """
        self._path = folder / JOURNAL_FILE
        found = STORE_PROGRESS.read_if_there(self._path)
        own = (LOCK, JOURNAL_FILE)
        others = sorted(
            entry.name for entry in folder.iterdir() if entry.name not in own and not is_temporary(entry.name)
        )
        if found is None and others:
            raise StoreError(
                f"{folder} holds no embedding store but other files ({', '.join(others[:3])}); choose another folder"
            )
        if found is None or not others:  # what ended before its first part, as by a wrong setting, binds nobody
            self._write(Progress(request))
            return
        request.check_same(found.request, folder)
        self._progress = found

    @property
    def encoder(self) -> str | None:
        """The hash of the fitted encoder; None before it is fitted."""
        return self._progress.encoder

    def encoder_fitted(self, content_hash: str) -> None:
        """Another encoder makes other vectors, so that no shard is finished."""
        self._write(Progress(self._progress.request, content_hash))

    def finished_shard(self, path: Path) -> Shard | None:
        """A shard that was written whole."""
        entry = self._progress.shards.get(path.name)
        if entry is None or not path.exists() or sha256(path, StoreError) != entry.sha256:
            return None
        return entry.shard

    def shard_finished(self, shard: Shard, digest: str) -> None:
        """One more."""
        shards = {**self._progress.shards, shard.file: FinishedShard(shard, digest)}
        self._write(attrs.evolve(self._progress, shards=shards))

    def _write(self, progress: Progress) -> None:
        STORE_PROGRESS.write(self._path, progress)
        self._progress = progress


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table with the keys of inner tables as "outer.inner"."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
