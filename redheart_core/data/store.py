"""The embedding store: records, targets and vectors on disk, verified and memory-mapped."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from redheart_core.contract.data import SPLITS
from redheart_core.contract.errors import DataError, StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.division import ClusterReport, SplitReport, empty_split
from redheart_core.data.encoding import EncoderIdentity
from redheart_core.data.term_view import TermView, load_terms
from redheart_core.storage.files import check_sha256, load_tensors, read_json, to_json

__all__ = ["EncoderIdentity", "FileEntry", "Shard", "Store", "StoreIndex", "map_tensors", "parse_field"]

FORMAT = 3
TERMS_FILE = "terms.safetensors"
_TYPES: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}


@attrs.frozen
class FileEntry:
    """A file of the store."""

    bytes: int
    sha256: str


@attrs.frozen
class Shard:
    """A file with the vectors of some consecutive records."""

    file: str
    records: int
    chunks: int
    unknown_records: int
    """Records of which the encoder knows no part, all vectors zero."""


@attrs.frozen
class StoreIndex:
    """index.json: what the store holds and what it was made from."""

    dataset: str
    dataset_settings: Mapping[str, Any]
    """For people; paths are reduced to their last part, as the fingerprint tells data apart."""
    fingerprint: str
    """SHA-256 over fields, ids, splits, languages, texts and labels."""
    encoder: EncoderIdentity
    encoder_settings: Mapping[str, Any]
    chunk_chars: int
    terms: int
    """The most terms that were asked for."""
    near_duplicates: float
    """Jaccard index from which on texts were kept in one split."""
    seed: int
    shard_records: int
    fields: Mapping[str, Field]
    coverage: Mapping[str, int]
    """Per field, the records that have at least one of its numbers."""
    counts: Mapping[str, int]
    """Records per split, and how many were excluded."""
    split_report: SplitReport
    shards: tuple[Shard, ...]
    files: Mapping[str, FileEntry]
    """Every other file of the store by its path in the folder."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with a SHA-256 over themselves."""
        table: dict[str, Any] = json.loads(to_json(attrs.asdict(self, value_serializer=_plain) | {"format": FORMAT}))
        return table | {"sha256": _own_sha256(table)}

    @classmethod
    def read(cls, path: Path) -> StoreIndex:
        """What to_json gave.

        Raises:
            StoreError: Missing, damaged or of another format.
        """
        table = read_json(path, StoreError)
        if not isinstance(table, dict) or table.pop("sha256", None) != _own_sha256(table):
            raise StoreError(
                f"{path} is damaged, or belongs to something else; prepare the data again in another folder"
            )
        if table.pop("format") != FORMAT:
            raise StoreError(f"{path} has another format than {FORMAT}; prepare the data again in another folder")
        return cls(
            encoder=EncoderIdentity(**table.pop("encoder")),
            fields={name: parse_field(field) for name, field in table.pop("fields").items()},
            split_report=_parse_report(table.pop("split_report")),
            shards=tuple(Shard(**shard) for shard in table.pop("shards")),
            files={name: FileEntry(**entry) for name, entry in table.pop("files").items()},
            **table,
        )


class Store:
    """A finished store, open for reading. N records; embedding vectors have width D."""

    def __init__(self, folder: Path, index: StoreIndex) -> None:
        """Use Store.open."""
        self.folder = folder
        self.index = index
        self.fields: Mapping[str, Field] = MappingProxyType(dict(index.fields))
        self.encoder_identity = index.encoder
        self.embedding_width = index.encoder.width
        lines = [json.loads(line) for line in (folder / "records.jsonl").read_bytes().split(b"\n")[:-1]]
        self.ids: tuple[str, ...] = tuple(line["id"] for line in lines)
        self.languages: tuple[str | None, ...] = tuple(line["language"] for line in lines)
        names = [line["source"] for line in lines]
        self.source_names: tuple[str, ...] = tuple(sorted(set(names)))
        """The data sets that the records come from; one, unless several were joined."""
        numbers = {name: number for number, name in enumerate(self.source_names)}
        self.sources = torch.tensor([numbers[name] for name in names], dtype=torch.int64)
        """(N,) int64, places in source_names."""
        self._texts: tuple[str, ...] = tuple(line["text"] for line in lines)
        splits = np.array([line["split"] for line in lines])
        self.clusters = torch.tensor([line["cluster"] for line in lines], dtype=torch.int64)
        """(N,) int64, equal for records whose texts are near-duplicates."""
        self._rows = {split: torch.from_numpy(np.flatnonzero(splits == split)) for split in SPLITS}
        self._targets = load_tensors(folder / "fields.safetensors", index.files["fields.safetensors"].sha256)
        self._places: list[tuple[NDArray[np.float32], int, int]] = []
        for shard in index.shards:
            tensors = map_tensors(folder / shard.file)
            offsets = tensors["offsets"].tolist()
            chunks = tensors["chunks"]
            self._places += [(chunks, start, end) for start, end in pairwise(offsets)]
        self.terms: TermView | None = load_terms(folder / "terms") if TERMS_FILE in index.files else None
        """The terms of the second view; None if there are none."""
        self._terms = self._read_terms()
        self.chunk_counts = torch.tensor([end - start for _, start, end in self._places], dtype=torch.int64)
        """(N,) int64, how many chunks each text has."""

    @classmethod
    def open(cls, folder: Path, verify: bool = True) -> Store:
        """Open what prepare made.

        Args:
            folder: Holds index.json.
            verify: Compare every file with its SHA-256, not its size alone.

        Raises:
            StoreError: Missing, unfinished or damaged; names the file.
        """
        if not (folder / "index.json").exists():
            if (folder / "progress.json").exists():
                raise StoreError(f"{folder} is unfinished; prepare the data again with the same settings to go on")
            raise StoreError(f"{folder} holds no embedding store; prepare the data first")
        index = StoreIndex.read(folder / "index.json")
        for name, entry in index.files.items():
            path = folder / name
            if not path.exists():
                raise StoreError(f"{path} is missing; delete {folder} and prepare the data again")
            if path.stat().st_size != entry.bytes:
                raise StoreError(
                    f"{path} is damaged: {path.stat().st_size} bytes, recorded are {entry.bytes}; "
                    f"delete {folder} and prepare the data again"
                )
            if verify:
                check_sha256(path, entry.sha256, StoreError)
        return cls(folder, index)

    def __len__(self) -> int:
        return len(self.ids)

    def text(self, row: int) -> str:
        """The text of a record, in NFC."""
        return self._texts[row]

    def shuffle_key(self, row: int) -> bytes:
        """Orders records as if by chance, by their ids alone."""
        return hashlib.sha256(self.ids[row].encode()).digest()

    def rows(self, split: str) -> Tensor:
        """The row numbers of a split, ascending int64.

        Raises:
            DataError: No such split.
        """
        if split not in self._rows:
            raise DataError(f"there is no split '{split}' (splits: {', '.join(self._rows)})")
        return self._rows[split]

    def filled(self, split: str) -> Tensor:
        """The row numbers of a split that has to have some.

        Raises:
            DataError: It has none; says why, and what to do.
        """
        rows = self.rows(split)
        if not len(rows):
            raise DataError(f"the data set has no {split} records: {empty_split(self.index.split_report)}")
        return rows

    def target(self, field: str) -> Tensor:
        """(N, L) or (N,) float32, NaN where missing.

        Raises:
            DataError: The data set has no such field.
        """
        if field not in self._targets:
            raise DataError(
                f"the data set '{self.index.dataset}' has no field '{field}' (fields: {', '.join(self.fields)})"
            )
        return self._targets[field]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of some records, in fresh memory.

        Args:
            rows: (B,) int64.

        Returns:
            (B, T, D) float32, zero after a record's last chunk, and (B, T) bool, True
            for real chunks; T is the largest number of chunks in the batch.

        Raises:
            DataError: There is no such row.
        """
        numbers: list[int] = rows.tolist()
        if numbers and not 0 <= min(numbers) <= max(numbers) < len(self._places):
            raise DataError(f"rows have to lie in 0..{len(self._places) - 1}, got {min(numbers)}..{max(numbers)}")
        places = [self._places[number] for number in numbers]
        longest = max((end - start for _, start, end in places), default=0)
        embedding = np.empty((len(places), longest, self.embedding_width), dtype=np.float32)
        for padded, (chunks, start, end) in zip(embedding, places, strict=True):
            padded[: end - start] = chunks[start:end]
            padded[end - start :] = 0.0
        mask = torch.arange(longest) < self.chunk_counts[rows].unsqueeze(1)
        return torch.from_numpy(embedding), mask

    @property
    def term_count(self) -> int:
        """V, the number of terms."""
        return self.terms.size if self.terms else 0

    def term_matrix(self, rows: Tensor) -> sparse.csr_matrix:
        """Terms of the whole texts of some records, (B, V) float32, as TermView.weigh gives them.

        Raises:
            DataError: The store has no terms.
        """
        if self._terms is None:
            raise DataError("the data set has no terms; prepare it with --set data.terms=20000, or with more text")
        return self._terms[rows.numpy()]

    def _read_terms(self) -> sparse.csr_matrix | None:
        if self.terms is None:
            return None
        tensors = map_tensors(self.folder / TERMS_FILE)
        parts = (tensors["weights"], tensors["columns"], tensors["starts"])
        return sparse.csr_matrix(parts, shape=(len(self), self.terms.size), copy=False)

    def require_encoder(self, identity: EncoderIdentity) -> None:
        """Refuse another encoder than the one that made this store.

        Raises:
            StoreError: Names every difference.
        """
        self.encoder_identity.require(identity, self.folder)


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file as memory-mapped arrays; writing to them changes no file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    tensors: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        start, shape = 8 + size + entry["data_offsets"][0], tuple(entry["shape"])
        # Copy-on-write, since torch warns of read-only memory; a plain array, since slicing a memmap is slow.
        tensors[name] = np.asarray(np.memmap(path, _TYPES[entry["dtype"]], mode="c", offset=start, shape=shape))
    return tensors


def _parse_report(table: Mapping[str, Any]) -> SplitReport:
    clusters = tuple(ClusterReport(**one | {"ids": tuple(one["ids"])}) for one in table["clusters"])
    return SplitReport(**{**table, "examples": tuple((a, b) for a, b in table["examples"]), "clusters": clusters})


def _plain(_instance: object, _attribute: object, value: Any) -> Any:
    """JSON has no infinity; a field without a bound has null there."""
    return None if isinstance(value, float) and math.isinf(value) else value


def _own_sha256(table: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(table)).hexdigest()


def parse_field(table: Mapping[str, Any]) -> Field:
    """A field as StoreIndex.to_json writes it."""
    low = -math.inf if table["low"] is None else table["low"]
    high = math.inf if table["high"] is None else table["high"]
    return Field(**{**table, "low": low, "high": high, "labels": tuple(table["labels"]), "axes": tuple(table["axes"])})
