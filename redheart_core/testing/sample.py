"""Real embedded records for the checks: a small store out of the embedded data set and encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.contract.data import DatasetSpec, EncoderSpec, Tokenizer
from redheart_core.contract.errors import PluginError
from redheart_core.data.batch import Batch
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.data.text import chunk_text
from redheart_core.data.tokenizer import pad
from redheart_core.storage.settings import read_table
from redheart_core.testing.discovery import load_installed
from redheart_core.testing.subject import Sample

DATASET: Mapping[str, Any] = MappingProxyType({"english": 120, "korean": 80})
"""Settings of village for a small store."""
ENCODER: Mapping[str, Any] = MappingProxyType({"width": 24})
"""Settings of lsa for a small store."""
CHUNK_CHARS = 80
"""Short, so that texts have several chunks, and differently many."""
SIZE = 64
"""Records of a sample."""
WORDS = Tokenizer("words", "", 300, (1,), (2,), 0)
"""Of a sample's tokens."""


def small_store(folder: Path) -> Store:
    """200 embedded records, made in an empty folder in seconds."""
    dataset, dataset_settings = _village()
    encoder = load_installed("lsa").spec
    if not isinstance(encoder, EncoderSpec):
        raise PluginError("'lsa' has to be an encoder; another plugin took this name")
    return prepare(
        folder,
        dataset,
        dataset_settings,
        encoder,
        read_table(encoder.settings, ENCODER, "the settings of 'lsa'"),
        chunk_chars=CHUNK_CHARS,
    )


def sample_of(store: Store, size: int = SIZE) -> Sample:
    """The training records of a store, at most so many, evenly spread."""
    train = store.rows("train")
    rows = train[torch.linspace(0, len(train) - 1, min(size, len(train))).round().long()]
    embedding, mask = store.batch(rows)
    targets = {name: store.target(name)[rows] for name in store.fields}
    terms = torch.from_numpy(store.term_matrix(rows).toarray())
    tokens = pad([_hashed_words(store.text(row)) for row in rows.tolist()])
    inputs = {"embedding": embedding, "mask": mask, "terms": terms, "tokens": tokens}
    return Sample(Batch(inputs, targets), store.fields, WORDS)


def _hashed_words(text: str) -> NDArray[np.int32]:
    """A token for each word, by its bytes alone, so that no library is needed."""
    first = max(*WORDS.before, *WORDS.after, WORDS.padding) + 1
    return np.array([first + crc32(word.encode()) % (WORDS.size - first) for word in text.split()], np.int32)


@cache
def real_sample() -> Sample:
    """The sample that every check of this process looks at."""
    with tempfile.TemporaryDirectory() as folder:
        return sample_of(small_store(Path(folder)))


@cache
def real_chunks() -> tuple[str, ...]:
    """A few hundred different chunks of text, for encoders."""
    dataset, settings = _village()
    texts = (record.text for record in islice(dataset.records(settings), SIZE))
    return tuple(dict.fromkeys(chunk for text in texts for chunk in chunk_text(text, CHUNK_CHARS)))


def _village() -> tuple[DatasetSpec, Any]:
    dataset = load_installed("village").spec
    if not isinstance(dataset, DatasetSpec):
        raise PluginError("'village' has to be a data set; another plugin took this name")
    return dataset, read_table(dataset.settings, DATASET, "the settings of 'village'")
