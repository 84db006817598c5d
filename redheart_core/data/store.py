"""The embedding store: records, targets and vectors on disk, verified and memory-mapped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from redheart_core.config.tables import DEFAULT_TERMS
from redheart_core.contract.data import SPLITS, Tokenizer
from redheart_core.contract.errors import DataError, StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.contents import read_line
from redheart_core.data.division import empty_split
from redheart_core.data.field_numbers import FieldNumbers, map_fields
from redheart_core.data.index import (
    FIELDS_FILE,
    RECORDS_FILE,
    ROWS_FILE,
    STORE_INDEX,
    TERMS_FILE,
    StoreIndex,
)
from redheart_core.data.language import UNDETERMINED, language_number, primary
from redheart_core.data.mapped import map_tensors
from redheart_core.data.sampling import draw_rows
from redheart_core.data.term_counts import TermCounts
from redheart_core.data.term_view import TermView, load_terms
from redheart_core.data.token_ids import TokenIds
from redheart_core.data.token_views import TOKENS, tokens_file
from redheart_core.exact.clusters import Clusters
from redheart_core.storage.files import check_sha256
from redheart_core.storage.paths import find_path
from redheart_core.storage.presence import require_store


class Store:
    """A finished store, open for reading. N records; embedding vectors have width D.

    Texts, targets, vectors and terms stay on disk and are read where they are used.
    """

    def __init__(self, folder: Path, index: StoreIndex) -> None:
        """Use Store.open."""
        self.folder = folder
        self.index = index
        self.fields: Mapping[str, Field] = MappingProxyType(dict(index.fields))
        self.encoder_identity = index.encoder
        self.embedding_width = index.encoder.width
        self.has_texts = bool(index.encoder.parts)
        """Without texts a record is one chunk, whose vector has no numbers."""
        rows = map_tensors(folder / ROWS_FILE)
        self._offsets = rows["offsets"]
        self._lines = np.memmap(folder / RECORDS_FILE, np.uint8, mode="r")
        self._languages = rows["languages"]
        self.source_names: tuple[str, ...] = index.sources
        """The data sets that the records come from; one, unless several were joined."""
        self.sources = torch.from_numpy(rows["sources"]).long()
        """(N,) int64, places in source_names."""
        self.clusters = torch.from_numpy(rows["clusters"]).long()
        """(N,) int64, equal for records whose texts are near-duplicates, or which the data set puts together."""
        self._rows = {
            split: torch.from_numpy(np.flatnonzero(rows["splits"] == place)) for place, split in enumerate(SPLITS)
        }
        width = self.embedding_width
        shapes = {name: (width,) if field.text else field.shape for name, field in self.fields.items()}
        self._targets = map_fields(folder / FIELDS_FILE, shapes)
        shards = [map_tensors(folder / shard.file) for shard in index.shards]
        self._chunks = [tensors["chunks"] for tensors in shards]
        starts = [tensors["offsets"][:-1] for tensors in shards]
        counts = [np.diff(tensors["offsets"]) for tensors in shards]
        if not self.has_texts:
            starts, counts = [np.zeros(len(self), np.int64)], [np.ones(len(self), np.int64)]
        self._starts = np.concatenate(starts)
        self.chunk_counts = torch.from_numpy(np.concatenate(counts))
        """(N,) int64, how many chunks each text has."""
        self.terms: TermView | None = load_terms(folder / "terms") if TERMS_FILE in index.files else None
        """The terms of the second view; None if there are none."""
        self._terms = TermCounts(folder / TERMS_FILE, self.terms) if self.terms is not None else None
        self.tokenizers: Mapping[str, Tokenizer] = MappingProxyType(index.tokenizers)
        """Of each view of tokens; none if there are none."""
        self._tokens = {view: TokenIds(folder / tokens_file(view)) for view in self.tokenizers}

    @classmethod
    def open(cls, folder: Path, verify: bool = True) -> Store:
        """Open what prepare made.

        Args:
            folder: Holds index.json; in any Unicode form of its name.
            verify: Compare every file with its SHA-256, not its size alone.

        Raises:
            StoreError: Missing, unfinished or damaged; names the file.
        """
        folder = find_path(folder)
        require_store(folder)
        index = STORE_INDEX.read(folder / "index.json")
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
        return len(self.clusters)

    def id(self, row: int) -> str:
        """The id of a record."""
        return str(read_line(self._lines, self._offsets, row)["id"])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all records."""
        return tuple(map(self.id, range(len(self))))

    @property
    def languages(self) -> tuple[str | None, ...]:
        """The languages of all records."""
        return tuple(self.index.languages[place] for place in self._languages.tolist())

    @cached_property
    def language_numbers(self) -> Tensor:
        """(N,) int64, the language_number of each record."""
        numbers = torch.tensor([language_number(code) for code in self.index.languages])
        return numbers[torch.from_numpy(self._languages.astype(np.int64))]

    def language(self, row: int) -> str | None:
        """The language of a record; None if its data set states none."""
        return self.index.languages[int(self._languages[row])]

    def codes(self, rows: Tensor) -> tuple[str, ...]:
        """The languages of some records without their regions, UNDETERMINED for those that state none."""
        names = [UNDETERMINED if code is None else primary(code) for code in self.index.languages]
        return tuple(names[place] for place in self._languages[rows.numpy()].tolist())

    def text(self, row: int) -> str:
        """The text of a record, in NFC."""
        return str(read_line(self._lines, self._offsets, row)["text"])

    def shuffle_key(self, row: int) -> bytes:
        """Orders records as if by chance, by their ids alone."""
        return hashlib.sha256(self.id(row).encode()).digest()

    @property
    def all_rows(self) -> Tensor:
        """The row numbers of all records, ascending int64."""
        return torch.arange(len(self))

    def rows(self, split: str) -> Tensor:
        """The row numbers of a split, ascending int64.

        Raises:
            DataError: No such split.
        """
        if split not in self._rows:
            raise DataError(f"there is no split '{split}' (splits: {', '.join(self._rows)})")
        return self._rows[split]

    def clusters_of(self, rows: Tensor) -> Clusters:
        """Which of some records are near-duplicates of each other."""
        return Clusters(self.clusters[rows])

    def sample(self, split: str, most: int) -> Tensor:
        """The row numbers of a split, at most so many, drawn by their ids; ascending int64."""
        rows = self.rows(split).numpy()
        return torch.from_numpy(draw_rows(rows, np.ones_like(rows), most, self.shuffle_key))

    def sample_of_numbers(self, split: str, most: int) -> Tensor:
        """The same with at most so many terms of their texts and numbers of their mean embeddings together."""
        rows = self.rows(split).numpy()
        sizes = np.full(len(rows), self.embedding_width, np.int64)
        if self._terms is not None:
            sizes += self._terms.sizes(rows)
        return torch.from_numpy(draw_rows(rows, sizes, most, self.shuffle_key))

    def filled(self, split: str) -> Tensor:
        """The row numbers of a split that has to have some.

        Raises:
            DataError: It has none; says why, and what to do.
        """
        rows = self.rows(split)
        if not len(rows):
            raise DataError(f"the data set has no {split} records: {empty_split(self.index.split_report)}")
        return rows

    def target(self, field: str) -> FieldNumbers:
        """The numbers of a field, (N, *shape) float32, to be read by rows; NaN where missing.

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
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(self):
            raise DataError(f"rows have to lie in 0..{len(self) - 1}, got {int(rows.min())}..{int(rows.max())}")
        if not self.has_texts:
            return torch.empty(len(rows), 1, 0), torch.ones(len(rows), 1, dtype=torch.bool)
        counts = self.chunk_counts[rows]
        longest = int(counts.max()) if len(rows) else 0
        embedding = np.empty((len(rows), longest, self.embedding_width), dtype=np.float32)
        shards, starts = rows // self.index.shard_records, self._starts[rows.numpy()]
        places = zip(embedding, shards.tolist(), starts.tolist(), counts.tolist(), strict=True)
        for padded, shard, start, count in places:
            padded[:count] = self._chunks[shard][start : start + count]
            padded[count:] = 0.0
        mask = torch.arange(longest) < counts.unsqueeze(1)
        return torch.from_numpy(embedding), mask

    def token_counts(self, view: str = TOKENS) -> Tensor:
        """(N,) int64, how many tokens each text has.

        Raises:
            DataError: The store has no such view.
        """
        return self._token_ids(view).counts

    def token_batch(self, rows: Tensor, view: str = TOKENS) -> Tensor:
        """Tokens of the whole texts of some records, (B, L) int64, -1 after a text's last one.

        Raises:
            DataError: The store has no such view.
        """
        return self._token_ids(view).batch(rows)

    def _token_ids(self, view: str) -> TokenIds:
        if not self._tokens:
            raise DataError('the data set has no tokens; prepare it with --set data.tokenizer="..."')
        if view not in self._tokens:
            raise DataError(f"the data set has no view '{view}' (views of tokens: {', '.join(self._tokens)})")
        return self._tokens[view]

    @property
    def term_count(self) -> int:
        """V, the number of terms."""
        return self.terms.size if self.terms else 0

    @property
    def word_count(self) -> int:
        """How many of the terms are words and pairs of words: the first ones."""
        return self.terms.words if self.terms else 0

    def known_terms(self, rows: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """The shares of terms that are known, (B, 2), as TermView.known gives them for the texts of some records; NaN
        without terms."""
        return np.full((len(rows), 2), np.nan) if self._terms is None else self._terms.known(rows.numpy(), texts)

    def term_matrix(self, rows: Tensor) -> sparse.csr_matrix:
        """Terms of the whole texts of some records, (B, V) float32, as TermView.weigh gives them.

        Raises:
            DataError: The store has no terms.
        """
        if self._terms is None:
            raise DataError(
                f"the data set has no terms; prepare it with --set data.terms={DEFAULT_TERMS}, or with more text"
            )
        return self._terms.weights(rows.numpy())
