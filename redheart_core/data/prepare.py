"""Data preparation: records of a data set to an embedding store, resumable after a kill at any moment."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.config.tables import DEFAULT_TERMS, Vectors
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import DataError, PluginError, StoreError
from redheart_core.contract.tensors import has_any
from redheart_core.data.build import (
    Encoding,
    fit_encoder,
    fitting_rows,
    text_vectors,
    write_records,
    write_shards,
    write_terms,
    write_tokens,
)
from redheart_core.data.contents import Contents, Progress, read_contents
from redheart_core.data.division import empty_split
from redheart_core.data.encoding import identify, open_encoder
from redheart_core.data.index import (
    FIELDS_FILE,
    RECORDS_FILE,
    ROWS_FILE,
    STORE_INDEX,
    FileEntry,
    Shard,
    StoreIndex,
)
from redheart_core.data.journal import JOURNAL_FILE, Journal, Request
from redheart_core.data.near_duplicates import NEAR_DUPLICATE, near_duplicate_clusters
from redheart_core.data.record_clusters import merge_clusters
from redheart_core.data.splits import Splits, assign_splits
from redheart_core.data.store import Store
from redheart_core.data.text import chunk_text
from redheart_core.data.token_views import TOKENS, token_view, tokens_file
from redheart_core.data.tokenizer import TextTokenizer, requested
from redheart_core.storage.files import make_folder, remove_file, sha256, to_json
from redheart_core.storage.locks import locked
from redheart_core.storage.paths import find_path
from redheart_core.storage.settings import default_table
from redheart_core.storage.temporary import remove_stale


def prepare(
    folder: Path,
    dataset: DatasetSpec,
    dataset_settings: Any,
    encoders: Sequence[tuple[EncoderSpec, Any]],
    vectors: Vectors = "float32",
    chunk_chars: int = 200,
    terms: int = DEFAULT_TERMS,
    tokenizers: Sequence[str] = (),
    near_duplicates: float = NEAR_DUPLICATE,
    seed: int = 0,
    shard_records: int = 1000,
    progress: Progress | None = None,
    encoding: Encoding | None = None,
) -> Store:
    """Make an embedding store, go on with an unfinished one, or open a finished one.

    A store that was interrupted and finished later equals an uninterrupted one byte for byte. Records are read once
    and kept on disk, so that memory holds little more than their ids, whatever their number.

    Args:
        folder: Made if missing; holds nothing else.
        dataset: Gives the records.
        dataset_settings: An instance of dataset.settings.
        encoders: Each with an instance of its settings; fitted on the train split alone, on at most 32 MB of it. A data
            set without texts needs none, and the arguments about texts say nothing there.
        vectors: The type of the numbers that are stored.
        chunk_chars: Longest chunk of text that gets a vector of its own.
        terms: At most so many terms of the train split make up the second view of a text; 0 for none.
        tokenizers: Each makes a view of tokens, as [data] tokenizer says.
        near_duplicates: Jaccard index from which on texts are kept in one split, 0.5..1.
        seed: Decides the splits.
        shard_records: Records per file of vectors; a kill loses at most the work on one.
        progress: Called now and then.
        encoding: Has other processes encode the records of shards, each as encode_shard does with the encoders that
            were saved to the folder; None encodes here.

    Raises:
        SettingsError: There is no such tokenizer, it cannot be used, or it is named twice.
        DataError: Records, texts or values are not what they have to be; names all of them.
        StoreError: The folder holds something else.
        FileError: Disk full, no permission or the like.
    """
    if shard_records < 1:
        raise DataError(f"shard_records has to be at least 1, got {shard_records}")
    tell = progress if progress is not None else _quiet
    if not dataset.texts:
        encoders, vectors, chunk_chars, terms, tokenizers, near_duplicates = (), "float32", 1, 0, (), 1.0
    elif not encoders:
        raise DataError(f"data set '{dataset.name}' has texts, and no encoder is given; name one under [data]")
    chosen = requested(tokenizers)
    parts = ["terms", *map(token_view, range(len(chosen)))]
    folder = find_path(folder)
    make_folder(folder)
    try:
        # A finished store is only compared and opened, so that any number of processes may work on it.
        finished = (folder / "index.json").exists()
        with nullcontext() if finished else locked(folder):
            for part in () if finished else (folder, *(folder / part for part in parts)):
                remove_stale(part)
            scratch = Path(tempfile.gettempdir()) if finished else folder  # a finished store may be read-only
            contents = read_contents(dataset, dataset_settings, scratch, tell)
            request = Request(
                dataset=dataset.name,
                content=contents.sha256,
                fields={field.name: field for field in contents.fields},
                encoder="+".join(spec.name for spec, _ in encoders),
                encoder_settings={spec.name: _plain_settings(settings, spec.name, str) for spec, settings in encoders},
                encoder_defaults={spec.name: default_table(spec.settings) for spec, _ in encoders},
                vectors=vectors,
                chunk_chars=chunk_chars,
                terms=terms,
                tokenizer="+".join(
                    one.identity.sha256 if isinstance(one, TextTokenizer) else place
                    for place, one in zip(tokenizers, chosen, strict=True)
                ),
                near_duplicates=near_duplicates,
                seed=seed,
                shard_records=shard_records,
            )
            if not (folder / "index.json").exists():
                _build(folder, request, contents, dataset, dataset_settings, encoders, chosen, tell, encoding)
            request.check_index(STORE_INDEX.read(folder / "index.json"), folder)
            remove_file(folder / JOURNAL_FILE)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # if nothing was written
        raise
    return Store.open(folder)


def _build(
    folder: Path,
    request: Request,
    contents: Contents,
    dataset: DatasetSpec,
    dataset_settings: Any,
    encoders: Sequence[tuple[EncoderSpec, Any]],
    tokenizers: Sequence[TextTokenizer | int],
    tell: Progress,
    encoding: Encoding | None,
) -> None:
    if dataset.texts:
        alike = near_duplicate_clusters(contents.texts(), request.near_duplicates, folder)
    else:
        alike = np.arange(len(contents))
    clusters = merge_clusters(alike, contents.clusters)
    splits = assign_splits(contents.origins, clusters, request.seed, contents.text)
    if "train" not in splits.names:
        raise DataError(f"data set '{request.dataset}' has no train records: {empty_split(splits.report)}")
    journal = Journal(folder, request)
    fitted_on = fitting_rows(contents, splits) if dataset.texts else []
    shards: tuple[Shard, ...] = ()
    if dataset.texts:
        chunks = [chunk for row in fitted_on for chunk in chunk_text(contents.text(row), request.chunk_chars)]
        fit_encoder(folder, journal, encoders, chunks, tell)
        del chunks
    specs = [spec for spec, _ in encoders]
    encoder = open_encoder(specs, folder / "encoder", request.chunk_chars, request.vectors)
    if dataset.texts:
        shards = write_shards(folder, journal, encoder, contents, request.shard_records, tell, encoding)
    targets = {**contents.targets, **text_vectors(folder, encoder, contents, tell)}
    languages, sources = write_records(folder, contents, splits, clusters, targets)
    names = [RECORDS_FILE, ROWS_FILE, FIELDS_FILE, *(shard.file for shard in shards)]
    names += write_terms(folder, contents, fitted_on, request.terms, tell)
    tokens = write_tokens(folder, contents, fitted_on, tokenizers, tell)
    names += map(tokens_file, tokens)
    names += [
        path.relative_to(folder).as_posix()
        for part in ("encoder", "terms", TOKENS)
        for path in (folder / part).rglob("*")
        if path.is_file()
    ]
    index = StoreIndex(
        dataset=request.dataset,
        dataset_settings=_plain_settings(dataset_settings, request.dataset, lambda path: path.name),
        content=request.content,
        fingerprint=_fingerprint(request.content, splits),
        encoder=identify([spec.name for spec in specs], encoder, folder / "encoder"),
        encoder_settings=request.encoder_settings,
        chunk_chars=request.chunk_chars,
        terms=request.terms,
        tokenizer=request.tokenizer,
        tokens=tokens.pop(TOKENS, None),
        more_tokens=tuple(tokens.values()),
        near_duplicates=request.near_duplicates,
        seed=request.seed,
        shard_records=request.shard_records,
        fields={field.name: field for field in contents.fields},
        coverage={name: _coverage(target) for name, target in targets.items()},
        counts=splits.report.counts,
        languages=languages,
        sources=sources,
        provenance=dataset.provenance,
        split_report=splits.report,
        shards=shards,
        files={name: FileEntry((folder / name).stat().st_size, sha256(folder / name, StoreError)) for name in names},
    )
    STORE_INDEX.write(folder / "index.json", index)


def _fingerprint(content: str, splits: Splits) -> str:
    digest = hashlib.sha256(content.encode())
    for name in splits.names:
        digest.update(f"{name}\n".encode())
    return digest.hexdigest()


def _coverage(target: NDArray[np.float32]) -> int:
    return int(has_any(torch.from_numpy(target)).sum())


def _plain_settings(settings: Any, plugin: str, path_text: Callable[[Path], str]) -> dict[str, Any]:
    """Settings as JSON values."""

    def plain(_instance: object, _attribute: object, value: Any) -> Any:
        return path_text(value) if isinstance(value, Path) else value

    try:
        table: dict[str, Any] = json.loads(to_json(attrs.asdict(settings, value_serializer=plain)))
    except (TypeError, ValueError) as error:
        raise PluginError(f"the settings of '{plugin}' have to be plain values that JSON can hold: {error}") from error
    return table


def _quiet(_stage: str, _done: int, _total: int) -> None:
    """Report nothing."""
