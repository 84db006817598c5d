"""index.json of a store: what it holds and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from redheart_core.contract.data import Provenance, Tokenizer
from redheart_core.contract.errors import StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.division import SplitReport
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.token_views import by_view
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import STORED_IF_SET, unstructure

RECORDS_FILE, ROWS_FILE = "records.jsonl", "rows.safetensors"
FIELDS_FILE, TERMS_FILE = "fields.safetensors", "terms.safetensors"


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
    dataset_settings: Mapping[str, object]
    """For people; paths are reduced to their last part, as the fingerprint tells data apart."""
    content: str
    """SHA-256 over fields, ids, the publisher's splits, languages, clusters, texts and labels."""
    fingerprint: str
    """SHA-256 over the content and the split of every record."""
    encoder: EncoderIdentity
    encoder_settings: Mapping[str, Mapping[str, object]]
    """By encoder."""
    chunk_chars: int
    terms: int
    """The most terms that were asked for."""
    tokenizer: str
    """What was asked for: "learnt:SIZE", the SHA-256 of a named one, several joined by a plus, or nothing."""
    tokens: Tokenizer | None
    """That of the third view, if there is one."""
    near_duplicates: float
    """Jaccard index from which on texts were kept in one split."""
    seed: int
    shard_records: int
    fields: Mapping[str, Field]
    coverage: Mapping[str, int]
    """Per field, the records that have at least one of its numbers."""
    counts: Mapping[str, int]
    """Records per split, and how many were excluded."""
    languages: tuple[str | None, ...]
    """The languages of the records; rows.safetensors holds places in them."""
    sources: tuple[str, ...]
    """The data sets that the records come from, likewise."""
    provenance: Mapping[str, Provenance]
    """Of each of them."""
    split_report: SplitReport
    shards: tuple[Shard, ...]
    files: Mapping[str, FileEntry]
    """Every other file of the store by its path in the folder."""
    more_tokens: tuple[Tokenizer, ...] = attrs.field(default=(), metadata=STORED_IF_SET)
    """Those of further views of tokens."""

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """Of every view of tokens."""
        return by_view(self.tokens, self.more_tokens)

    def to_json(self) -> dict[str, Any]:
        """As in index.json."""
        table: dict[str, Any] = unstructure(self)
        return table


STORE_INDEX = SealedFile(StoreIndex, "store", 11, "delete its folder and prepare the data again", StoreError)
