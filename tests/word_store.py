"""A small data set and an encoder that adds up a vector for each known word; stores made of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import CATALOGUE, DatasetSpec, EncoderSpec, Field, Record
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.storage.locks import LOCK

FIELDS = (CATALOGUE["regret"], CATALOGUE["bentham"].with_labels("intensity", "purity"), CATALOGUE["utility"])
WORDS = ["bread", "stole", "friend", "rain", "because", "she", "비가", "친구는", "말했다", "never", "told", "truth"]


@attrs.frozen
class Settings:
    source: Path = Path("/somewhere/data.jsonl")
    width: int = 4


class WordHashEncoder:
    """Adds up a small vector for each word that was fitted."""

    revision = "word hash 1"

    def __init__(self, width: int, words: frozenset[str]) -> None:
        self.width = width
        self._words = words

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(chunks), self.width), dtype=np.float32)
        for vector, chunk in zip(vectors, chunks, strict=True):
            for word in chunk.split():
                if word in self._words:
                    vector += np.float32(zlib.crc32(word.encode()) % 997 + 1) / np.arange(1, self.width + 1)
        return vectors

    def save(self, folder: Path) -> None:
        (folder / "words").mkdir()
        (folder / "words" / "known.txt").write_text("\n".join(sorted(self._words)))
        (folder / "width.json").write_text(json.dumps(self.width))


def load(folder: Path) -> WordHashEncoder:
    width = json.loads((folder / "width.json").read_text())
    return WordHashEncoder(width, frozenset((folder / "words" / "known.txt").read_text().split("\n")))


def fit(settings: Settings, chunks: Sequence[str]) -> WordHashEncoder:
    return WordHashEncoder(settings.width, frozenset(word for chunk in chunks for word in chunk.split()))


def word_hash(**changes: Any) -> EncoderSpec:
    return attrs.evolve(EncoderSpec("word_hash", "for tests", Settings, fit, load), **changes)


def records(count: int = 30) -> list[Record]:
    draw = np.random.default_rng(0)
    return [
        Record(
            f"id{number}",
            " ".join([*draw.choice(WORDS, draw.integers(4, 30)).tolist(), f"number{number}."]),
            {"regret": number / count, "bentham": {"purity": 0.5} if number % 3 else None},
            f"data.jsonl line {number + 1}",
            language="ko" if number % 2 else "en",
        )
        for number in range(count)
    ]


def dataset(given: Sequence[Record], fields: tuple[Field, ...] = FIELDS) -> DatasetSpec:
    def read(settings: Settings) -> Iterator[Record]:
        return iter(given)

    return DatasetSpec("tiny", "for tests", Settings, lambda settings: fields, read)


def make(
    folder: Path,
    encoder: EncoderSpec | None = None,
    given: Sequence[Record] | None = None,
    own: Settings | None = None,
    **args: Any,
) -> Store:
    """30 records in 5 shards, if nothing else is asked for; own are settings of the encoder."""
    data = dataset(records() if given is None else given)
    options, encoder = {"chunk_chars": 30, "shard_records": 6} | args, encoder or word_hash()
    return prepare(folder, data, Settings(), [(encoder, own or encoder.settings())], **options)


def tree(folder: Path) -> dict[str, bytes]:
    """All files; a killed process leaves its lock, which holds nobody up."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refuse(*_: object) -> Any:
    raise AssertionError("the encoder is not needed")
