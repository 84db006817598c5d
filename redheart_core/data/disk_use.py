"""How much room the parts of a store take beside its texts.

Vectors take 4 bytes for each number of each chunk (2 as float16), and labels 2 bits to 4 bytes for each number of each
record, by how many values there are. They do not shrink with the texts; terms take a little more than a byte for each
one that a text holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from redheart_core.data.index import FIELDS_FILE, RECORDS_FILE, ROWS_FILE, TERMS_FILE
from redheart_core.data.token_views import TOKENS, tokens_file

if TYPE_CHECKING:
    from redheart_core.data.store import Store


_PARTS = {
    TERMS_FILE: "terms",
    tokens_file(TOKENS): "tokens",
    RECORDS_FILE: "records",
    ROWS_FILE: "records",
    FIELDS_FILE: "labels",
}


@attrs.frozen
class DiskUse:
    """Bytes of a store."""

    text: int
    """Of all texts, in UTF-8."""
    parts: Mapping[str, int]
    """Of the files, by part: "vectors", "terms", "tokens", "records" (texts, ids and places), "labels", and "encoder"
    (with the tables of terms and tokens), which does not grow with the records."""


def disk_use(store: Store) -> DiskUse:
    """The bytes of a store's files by part."""
    named = _PARTS | {tokens_file(view): "tokens" for view in store.tokenizers}
    named |= {shard.file: "vectors" for shard in store.index.shards}
    found: Counter[str] = Counter()
    for name, entry in store.index.files.items():
        found[named.get(name, "encoder")] += entry.bytes
    text = sum(len(store.text(row).encode()) for row in range(len(store)))
    return DiskUse(text, {part: found[part] for part in ("vectors", *dict.fromkeys(_PARTS.values()), "encoder")})
