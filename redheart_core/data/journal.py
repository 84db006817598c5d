"""progress.json of a store that is being made: what it is made from, and which parts are finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.errors import StoreError
from redheart_core.data.index import FORMAT, Shard, StoreIndex, plain_fields
from redheart_core.storage.files import read_json, sha256, write_json
from redheart_core.storage.locks import LOCK
from redheart_core.storage.temporary import is_temporary

JOURNAL_FILE = "progress.json"


@attrs.frozen
class Request:
    """The arguments that a store's bytes depend on."""

    dataset: str
    content: str
    fields: Mapping[str, Mapping[str, Any]]
    """By name, as plain_fields gives them."""
    encoder: str
    encoder_settings: Mapping[str, Any]
    chunk_chars: int
    terms: int
    near_duplicates: float
    seed: int
    shard_records: int
    format: int = FORMAT

    def check_index(self, index: StoreIndex, folder: Path) -> None:
        """Refuse a finished store that was made from something else.

        Raises:
            StoreError: Names every difference.
        """
        there = {key: getattr(index, key) for key in attrs.fields_dict(Request) if key not in ("format", "encoder")}
        there |= {"format": FORMAT, "encoder": index.encoder.name, "fields": plain_fields(index.fields)}
        self.check_same(there, folder)

    def check_same(self, there: Mapping[str, Any], folder: Path) -> None:
        """Refuse another request than this one.

        Raises:
            StoreError: Names every difference.
        """
        mine, theirs = _flat(attrs.asdict(self)), _flat(there)
        differences = "; ".join(
            f"{key} is {theirs.get(key)!r:.80} there, {mine.get(key)!r:.80} here"
            for key in sorted(mine.keys() | theirs.keys())
            if theirs.get(key) != mine.get(key)
        )
        if differences:
            raise StoreError(
                f"{folder} holds a store that was made with other arguments: {differences}; "
                "choose another folder, or delete this one"
            )


class Journal:
    """What is finished, written after each part."""

    def __init__(self, folder: Path, request: Request) -> None:
        """Begin, or go on with what an interrupted process left.

        Raises:
            StoreError: The folder holds something else.
        """
        self._path = folder / JOURNAL_FILE
        if self._path.exists():
            found = read_json(self._path, StoreError)
            if not isinstance(found, dict) or found.keys() != {"request", "encoder", "shards"}:
                raise StoreError(f"{self._path} belongs to something else; choose another folder")
            request.check_same(found["request"], folder)
            self._table: dict[str, Any] = found
            return
        others = sorted(entry.name for entry in folder.iterdir() if entry.name != LOCK and not is_temporary(entry.name))
        if others:
            raise StoreError(
                f"{folder} holds no embedding store but other files ({', '.join(others[:3])}); choose another folder"
            )
        self._table = {"request": attrs.asdict(request), "encoder": None, "shards": {}}
        self._write()

    @property
    def encoder(self) -> str | None:
        """The hash of the fitted encoder; None before it is fitted."""
        encoder: str | None = self._table["encoder"]
        return encoder

    def encoder_fitted(self, content_hash: str) -> None:
        """Another encoder makes other vectors, so that no shard is finished."""
        self._table["encoder"], self._table["shards"] = content_hash, {}
        self._write()

    def finished_shard(self, path: Path) -> Shard | None:
        """A shard that was written whole."""
        entry = self._table["shards"].get(path.name)
        if entry is None or not path.exists() or sha256(path, StoreError) != entry["sha256"]:
            return None
        return Shard(**entry["shard"])

    def shard_finished(self, shard: Shard, digest: str) -> None:
        """One more."""
        self._table["shards"][shard.file] = {"shard": attrs.asdict(shard), "sha256": digest}
        self._write()

    def _write(self) -> None:
        write_json(self._path, self._table)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table with the keys of inner tables as "outer.inner"."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
