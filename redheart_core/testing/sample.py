"""Real embedded records for the checks: a small store out of the samples that redheart's own plugins declare."""

from __future__ import annotations

import tempfile
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.contract.data import DatasetSpec, EncoderSpec, Tokenizer
from redheart_core.contract.errors import PluginError
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.contract.nodes import NodeSpec
from redheart_core.data.batch import Batch
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.data.text import chunk_text
from redheart_core.data.tokenizer import pad
from redheart_core.discovery.entries import installed_entries, names
from redheart_core.storage.settings import read_table
from redheart_core.testing.discovery import load_all
from redheart_core.testing.subject import Sample

Offer = TypeVar("Offer", DatasetSpec, EncoderSpec)

CHUNK_CHARS = 80
"""Short, so that texts have several chunks, and differently many."""
SIZE = 64
"""Records of a sample."""
WORDS = Tokenizer("words", "", 300, (1,), (2,), 0)
"""Of a sample's tokens."""


def small_store(folder: Path) -> Store:
    """200 embedded records, made in an empty folder in seconds."""
    dataset, encoder = shipped_sample(DatasetSpec), shipped_sample(EncoderSpec)
    return prepare(
        folder, dataset, sample_settings(dataset), [(encoder, sample_settings(encoder))], chunk_chars=CHUNK_CHARS
    )


def shipped_sample(kind: type[Offer]) -> Offer:
    """The data set or encoder of the distribution redheart itself that declares a sample.

    Raises:
        PluginError: None of its plugins declares one, or several do.
    """
    entries = tuple(entry for entry in installed_entries() if entry.distribution == PROJECT_NAME)
    offered = [plugin.spec for plugin in load_all(entries)]
    found = [spec for spec in offered if isinstance(spec, kind) and spec.sample is not None and has_texts(spec)]
    if len(found) != 1:
        raise PluginError(
            f"the conformance kit expects one {kind.__name__} with a sample in the distribution {PROJECT_NAME}, found "
            f"{names(spec.name for spec in found)}; install redheart again, or give other records: "
            "check_plugin(sample=...), or a fixture redheart_sample in conftest.py"
        )
    return found[0]


def has_texts(spec: DatasetSpec | EncoderSpec) -> bool:
    """Whether it is about texts, as every encoder is."""
    return not isinstance(spec, DatasetSpec) or spec.texts


def sample_settings(spec: DatasetSpec | EncoderSpec) -> Any:
    """The settings that make a sample."""
    return read_table(spec.settings, spec.sample or {}, f"the sample of '{spec.name}'")


def sample_of(store: Store, size: int = SIZE) -> Sample:
    """The training records of a store, at most so many, evenly spread."""
    train = store.rows("train")
    rows = train[torch.linspace(0, len(train) - 1, min(size, len(train))).round().long()]
    embedding, mask = store.batch(rows)
    targets = {name: store.target(name)[rows] for name in store.fields}
    if not store.has_texts:
        return Sample(Batch({"embedding": embedding, "mask": mask}, targets), store.fields)
    terms = torch.from_numpy(store.term_matrix(rows).toarray())
    tokens = pad([_hashed_words(store.text(row)) for row in rows.tolist()])
    inputs = {"embedding": embedding, "mask": mask, "terms": terms, "tokens": tokens}
    return Sample(Batch(inputs, targets), store.fields, {"tokens": WORDS})


def _hashed_words(text: str) -> NDArray[np.int32]:
    """A token for each word, by its bytes alone, so that no library is needed."""
    first = max(*WORDS.before, *WORDS.after, WORDS.padding) + 1
    return np.array([first + crc32(word.encode()) % (WORDS.size - first) for word in text.split()], np.int32)


@cache
def real_sample() -> Sample:
    """The sample that every check of this process looks at."""
    with tempfile.TemporaryDirectory() as folder:
        return sample_of(small_store(Path(folder)))


def sample_for(spec: NodeSpec) -> Sample:
    """The sample for a node: the real one, or that of an installed data set without texts, if only this one has the
    fields that the node reads."""
    usual, read = real_sample(), set(spec.read_fields)
    if read <= usual.fields.keys():
        return usual
    return next((one for one in samples_without_texts() if read <= one.fields.keys()), usual)


@cache
def samples_without_texts() -> tuple[Sample, ...]:
    """Of every installed data set without texts that declares one, by name."""
    offered = (plugin.spec for plugin in load_all(installed_entries()))
    found = [spec for spec in offered if isinstance(spec, DatasetSpec) and spec.sample is not None and not spec.texts]
    return tuple(map(sample_without_texts, sorted(found, key=lambda spec: spec.name)))


def sample_without_texts(spec: DatasetSpec) -> Sample:
    """The sample of a data set without texts."""
    with tempfile.TemporaryDirectory() as folder:
        return sample_of(prepare(Path(folder), spec, sample_settings(spec), ()))


@cache
def real_chunks() -> tuple[str, ...]:
    """A few hundred different chunks of text, for encoders."""
    dataset = shipped_sample(DatasetSpec)
    texts = (record.text for record in islice(dataset.records(sample_settings(dataset)), SIZE))
    return tuple(dict.fromkeys(chunk for text in texts for chunk in chunk_text(text, CHUNK_CHARS)))
