"""Makes the files of a store: the fitted encoder, vectors in shards, terms, records and numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.contract.data import SPLITS, EncoderSpec, Tokenizer
from redheart_core.contract.errors import PluginError
from redheart_core.data.company import Deviation, Encode, largest_deviation
from redheart_core.data.contents import Contents, Progress
from redheart_core.data.encoding import TextEncoder, hash_contents, mean_vector
from redheart_core.data.field_numbers import write_fields
from redheart_core.data.index import FIELDS_FILE, RECORDS_FILE, ROWS_FILE, TERMS_FILE, Shard
from redheart_core.data.journal import Journal
from redheart_core.data.mapped import narrowest, write_array, write_tensors
from redheart_core.data.sampling import draw_rows
from redheart_core.data.splits import Splits
from redheart_core.data.spool import Spool
from redheart_core.data.term_counts import write_term_counts
from redheart_core.data.term_view import fit_terms
from redheart_core.data.text import chunk_text
from redheart_core.data.token_ids import write_token_ids
from redheart_core.data.token_views import token_view, tokens_file
from redheart_core.data.tokenizer import TextTokenizer, learn_tokenizer
from redheart_core.discovery.fence import fence
from redheart_core.storage.files import remove_folder, save_tensors, sync, writing
from redheart_core.storage.new_folder import new_folder

ENCODE_CHUNKS = 128
"""Chunks of like length that go to the encoder in one call; progress is reported between calls."""
FIT_BYTES = 32_000_000
"""The encoder and the terms are fitted on at most so much of the training records, drawn by their ids."""


def fitting_rows(contents: Contents, splits: Splits, most: int = FIT_BYTES) -> list[int]:
    """The training records that encoder and terms are fitted on, ascending; all of them unless there are too many."""

    def key(row: int) -> bytes:
        return hashlib.sha256(contents.origins[row].id.encode()).digest()

    rows = np.flatnonzero(np.array(splits.names) == "train")
    chosen: list[int] = draw_rows(rows, np.diff(contents.offsets)[rows], most, key).tolist()
    return chosen


def fit_encoder(
    folder: Path,
    journal: Journal,
    encoders: Sequence[tuple[EncoderSpec, Any]],
    chunks: Sequence[str],
    tell: Progress,
) -> None:
    """Fit the encoders and save each to a folder of its name, unless an earlier process did."""
    final = folder / "encoder"
    if journal.encoder is None or not final.is_dir() or hash_contents(final) != journal.encoder:
        fitted = {}
        for number, (spec, settings) in enumerate(encoders):
            tell("fit", number, len(encoders))
            with fence(f"plugin '{spec.name}'", streams=False):
                fitted[spec.name] = spec.fit(settings, chunks)
        with writing(final), new_folder(final) as building:
            remove_folder(final)
            for name, encoder in fitted.items():
                (building / name).mkdir()
                encoder.save(building / name)
            for path in sorted(building.rglob("*")):
                sync(path)
        journal.encoder_fitted(hash_contents(final))
    tell("fit", len(encoders), len(encoders))


@attrs.frozen(eq=False)
class Encoded:
    """The vectors of a shard's records."""

    vectors: NDArray[Any]
    """(C, D) of all chunks, one record after another."""
    offsets: NDArray[np.int64]
    """(n + 1), where each record begins and ends."""
    deviation: Deviation


Texts = Sequence[str]
"""Of the records of a shard."""
Encoding = Callable[[Iterator[Texts]], Iterator[Encoded]]
"""Encodes shards, in their order."""


def write_shards(
    folder: Path,
    journal: Journal,
    encoder: TextEncoder,
    contents: Contents,
    shard_records: int,
    tell: Progress,
    encoding: Encoding | None = None,
) -> tuple[Shard, ...]:
    """The vectors of all records, shard by shard; finished shards stay.

    Args:
        folder: Of the store.
        journal: What is finished.
        encoder: The fitted encoders.
        contents: The records.
        shard_records: Records of a shard.
        tell: Called now and then.
        encoding: Has other processes encode the shards, each as encode_shard does; None encodes here.
    """
    total = len(contents)
    ranges = [range(start, min(start + shard_records, total)) for start in range(0, total, shard_records)]
    paths = [folder / f"embedding-{number:05d}.safetensors" for number in range(len(ranges))]
    shards = [journal.finished_shard(path) for path in paths]
    left = [rows for rows, shard in zip(ranges, shards, strict=True) if shard is None]

    def texts_of(rows: range) -> Texts:
        return [contents.text(row) for row in rows]

    def here(rows: range) -> Encoded:
        return encode_shard(encoder, texts_of(rows), lambda done: tell("encode", rows.start + done, total))

    encoded = map(here, left) if encoding is None else encoding(map(texts_of, left))
    for number, rows in enumerate(ranges):
        if shards[number] is None:
            shard, digest = _write_shard(paths[number], encoder, next(encoded))
            journal.shard_finished(shard, digest)
            shards[number] = shard
        tell("encode", rows.stop, total)
    return tuple(shard for shard in shards if shard is not None)


def encode_shard(encoder: TextEncoder, texts: Texts, tell: Callable[[int], object] = lambda done: None) -> Encoded:
    """The vectors of some records.

    Args:
        encoder: The fitted encoders.
        texts: Of one record or more.
        tell: Called now and then with the number of records that are about done.
    """
    own = [chunk_text(text, encoder.chunk_chars) for text in texts]
    chunks = [chunk for text in own for chunk in text]
    vectors = encode_chunks(encoder.encode, chunks, lambda done: tell(len(own) * done // len(chunks)))
    offsets = np.cumsum([0, *map(len, own)], dtype=np.int64)
    return Encoded(vectors, offsets, largest_deviation(encoder.encode, chunks, vectors))


def _write_shard(path: Path, encoder: TextEncoder, encoded: Encoded) -> tuple[Shard, str]:
    """Write the vectors of some records: chunks (C, D) float32 or float16, offsets (n + 1) int64."""
    if encoded.deviation.too_large:
        raise PluginError(
            f"the encoder {encoder.revision} gives a chunk another vector when it is alone, so an analysis would not "
            f"see what was trained on: {encoded.deviation}; encode must not depend on neighbouring chunks"
        )
    vectors, offsets = encoded.vectors, encoded.offsets
    digest = save_tensors(path, {"chunks": _tensor(vectors), "offsets": _tensor(offsets)})
    known = np.logical_or.reduceat(vectors.any(axis=1), offsets[:-1])
    return Shard(path.name, len(offsets) - 1, len(vectors), int((~known).sum())), digest


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """Of an array that another process may have given, which cannot be written to."""
    return torch.from_numpy(np.require(array, requirements="W"))


def encode_chunks(encode: Encode, chunks: Sequence[str], tell: Callable[[int], object]) -> NDArray[Any]:
    """N chunks to (N, D), in calls of ENCODE_CHUNKS from the longest to the shortest, so that little is padded.

    Args:
        encode: N chunks to (N, D) vectors.
        chunks: One or more.
        tell: Called before each call, with the number of chunks that are done.
    """
    order = sorted(range(len(chunks)), key=lambda place: -len(chunks[place]))
    parts = []
    for first in range(0, len(chunks), ENCODE_CHUNKS):
        tell(first)
        parts.append(encode([chunks[place] for place in order[first : first + ENCODE_CHUNKS]]))
    sorted_vectors = np.concatenate(parts)
    vectors = np.empty_like(sorted_vectors)
    vectors[order] = sorted_vectors
    return vectors


def write_terms(folder: Path, contents: Contents, rows: Sequence[int], most: int, tell: Progress) -> list[str]:
    """The terms of the training texts and every record's counts of them; the file beside the folder terms/."""
    languages = [contents.languages[row] for row in rows]
    view = fit_terms([contents.text(row) for row in rows], most, languages) if most else None
    if view is None:
        return []
    view.save(folder / "terms")
    total = len(contents)
    write_term_counts(folder / TERMS_FILE, view, contents.texts(), folder, lambda done: tell("terms", done, total))
    return [TERMS_FILE]


def write_tokens(
    folder: Path, contents: Contents, rows: Sequence[int], chosen: Sequence[TextTokenizer | int], tell: Progress
) -> dict[str, Tokenizer]:
    """The tokens of all texts by each tokenizer; the files beside the folder tokens/, which holds the tokenizers.

    Args:
        folder: Of the store.
        contents: The records.
        rows: Those that a tokenizer may learn from.
        chosen: The tokenizers, and the size of one that is learnt.
        tell: Called now and then.

    Returns:
        The tokenizer of each view.
    """
    total, found = len(chosen) * len(contents), {}
    for place, one in enumerate(chosen):
        view, before = token_view(place), place * len(contents)
        if isinstance(one, int):
            tell("tokens", before, total)
            one = learn_tokenizer([contents.text(row) for row in rows], one)
        one.save(folder / view)
        report = partial(_report_beyond, tell, before, total)
        write_token_ids(folder / tokens_file(view), one, contents.texts(), folder, report)
        found[view] = one.identity
    return found


def _report_beyond(tell: Progress, before: int, total: int, done: int) -> None:
    tell("tokens", before + done, total)


def text_vectors(
    folder: Path, encoder: TextEncoder, contents: Contents, tell: Progress
) -> dict[str, NDArray[np.float32]]:
    """By field that is a text the vectors of the records' texts, (N, D), NaN where there is none.

    Each different text is encoded once, so that equal texts have equal vectors to the last bit. In the folder while
    they are made.
    """
    names = [field.name for field in contents.fields if field.text]
    vectors, places = Spool(np.float32, (encoder.width,), folder), dict[bytes, int]()
    vectors.append(np.full((1, encoder.width), np.nan, np.float32))
    found = {name: np.zeros(len(contents), np.int64) for name in names}
    waiting: list[str] = []

    def encode_waiting() -> None:
        chunks = [chunk_text(text, encoder.chunk_chars) for text in waiting]
        encoded = encode_chunks(encoder.encode, [chunk for text in chunks for chunk in text], lambda _: None)
        ends = np.cumsum([len(text) for text in chunks])[:-1]
        vectors.append(np.stack([mean_vector(part) for part in np.split(encoded, ends)]))
        waiting.clear()

    for row in range(len(contents) if names else 0):
        for name in names:
            text = contents.beside(row, name)
            if text is None:
                continue
            key = hashlib.sha256(text.encode()).digest()
            if key not in places:
                places[key] = 1 + len(places)
                waiting.append(text)
            found[name][row] = places[key]
        if len(waiting) >= ENCODE_CHUNKS:
            encode_waiting()
            tell("encode", row + 1, len(contents))
    if waiting:
        encode_waiting()
    whole = vectors.array()
    return {name: whole[rows] for name, rows in found.items()}


def write_records(
    folder: Path,
    contents: Contents,
    splits: Splits,
    clusters: NDArray[np.int64],
    targets: Mapping[str, NDArray[np.float32]],
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """records.jsonl, rows.safetensors and fields.safetensors, which holds (N, *shape) numbers by field.

    Returns:
        The languages and data sets whose places rows.safetensors holds.
    """
    write_array(folder / RECORDS_FILE, contents.lines)
    languages = tuple(sorted(set(contents.languages), key=str))
    sources = tuple(sorted({str(origin.source) for origin in contents.origins}))
    codes: dict[str, NDArray[Any]] = {
        "offsets": narrowest(contents.offsets),
        "clusters": narrowest(clusters),
        "languages": _places(languages.index(one) for one in contents.languages),
        "sources": _places(sources.index(str(origin.source)) for origin in contents.origins),
        "splits": _places((*SPLITS, "excluded").index(name) for name in splits.names),
    }
    write_tensors(folder / ROWS_FILE, codes)
    write_fields(folder / FIELDS_FILE, targets, folder)
    return languages, sources


def _places(numbers: Iterable[int]) -> NDArray[Any]:
    return narrowest(np.fromiter(numbers, np.int64))
