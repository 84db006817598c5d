"""Data preparation: records of a data set to an embedding store, resumable after a kill at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.bad_rows import BadRows
from redheart_core.contract.data import DatasetSpec, Encoder, EncoderSpec, Record
from redheart_core.contract.errors import DataError, PluginError, StoreError
from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import has_any
from redheart_core.data.division import empty_split
from redheart_core.data.encoding import encode_chunks, hash_contents, identify
from redheart_core.data.near_duplicates import NEAR_DUPLICATE, near_duplicate_clusters
from redheart_core.data.splits import Origin, PublishedParts, Splits, assign_splits
from redheart_core.data.store import FORMAT, TERMS_FILE, FileEntry, Shard, Store, StoreIndex
from redheart_core.data.term_view import fit_terms
from redheart_core.data.text import check_text, chunk_text
from redheart_core.storage.files import (
    locked,
    make_folder,
    read_json,
    save_tensors,
    sha256,
    sync,
    to_json,
    write_bytes,
    write_json,
    writing,
)

Progress = Callable[[str, int, int], None]
"""Stage ("read", "fit" or "encode"), how much is done, out of how much (0: not known yet)."""

ENCODE_RECORDS = 100
"""Records whose chunks go to the encoder in one call."""


@attrs.frozen
class _Data:
    """Checked records, with everything that is derived from them alone."""

    records: tuple[Record, ...]
    fields: tuple[Field, ...]
    targets: Mapping[str, Tensor]
    splits: Splits
    clusters: NDArray[np.int64]
    fingerprint: str


@attrs.frozen
class _Request:
    """The arguments that a store's bytes depend on."""

    format: int
    dataset: str
    fingerprint: str
    encoder: str
    encoder_settings: Mapping[str, Any]
    chunk_chars: int
    terms: int
    near_duplicates: float
    seed: int
    shard_records: int

    def check_same(self, there: Mapping[str, Any], folder: Path) -> None:
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


def prepare(
    folder: Path,
    dataset: DatasetSpec,
    dataset_settings: Any,
    encoder: EncoderSpec,
    encoder_settings: Any,
    chunk_chars: int = 200,
    terms: int = 20_000,
    near_duplicates: float = NEAR_DUPLICATE,
    seed: int = 0,
    shard_records: int = 1000,
    progress: Progress | None = None,
) -> Store:
    """Make an embedding store, go on with an unfinished one, or open a finished one.

    A store that was interrupted and finished later equals an uninterrupted one byte for byte.

    Args:
        folder: Made if missing; holds nothing else.
        dataset: Gives the records.
        dataset_settings: An instance of dataset.settings.
        encoder: Fitted on the train split alone.
        encoder_settings: An instance of encoder.settings.
        chunk_chars: Longest chunk of text that gets a vector of its own.
        terms: At most so many terms of the train split make up the second view of a text; 0 for none.
        near_duplicates: Jaccard index from which on texts are kept in one split, 0.5..1.
        seed: Decides the splits.
        shard_records: Records per file of vectors; a kill loses at most the work on one.
        progress: Called now and then.

    Raises:
        DataError: A record, a text or a value is not what it has to be; names the record.
        StoreError: The folder holds something else.
        FileError: Disk full, no permission or the like.
    """
    if shard_records < 1:
        raise DataError(f"shard_records has to be at least 1, got {shard_records}")
    tell = progress if progress is not None else _quiet
    data = _read(dataset, dataset_settings, near_duplicates, seed, tell)
    settings = _plain_settings(encoder_settings, encoder.name, str)
    request = _Request(
        format=FORMAT,
        dataset=dataset.name,
        fingerprint=data.fingerprint,
        encoder=encoder.name,
        encoder_settings=settings,
        chunk_chars=chunk_chars,
        terms=terms,
        near_duplicates=near_duplicates,
        seed=seed,
        shard_records=shard_records,
    )
    make_folder(folder)
    with locked(folder):
        if not (folder / "index.json").exists():
            chunks = [chunk_text(record.text, chunk_chars) for record in data.records]
            _build(folder, request, data, dataset_settings, chunks, encoder, encoder_settings, tell)
        index = StoreIndex.read(folder / "index.json")
        there = {key: getattr(index, key) for key in attrs.fields_dict(_Request) if key not in ("format", "encoder")}
        request.check_same(there | {"format": FORMAT, "encoder": index.encoder.name}, folder)
        (folder / "progress.json").unlink(missing_ok=True)
    return Store.open(folder)


def _build(
    folder: Path,
    request: _Request,
    data: _Data,
    dataset_settings: Any,
    chunks: list[tuple[str, ...]],
    spec: EncoderSpec,
    encoder_settings: Any,
    tell: Progress,
) -> None:
    journal = _open_journal(folder, request)
    train = [chunk for row, name in enumerate(data.splits.names) if name == "train" for chunk in chunks[row]]
    encoder = _fit(folder, journal, spec, encoder_settings, train, tell)
    shards = []
    for number, start in enumerate(range(0, len(chunks), request.shard_records)):
        part = chunks[start : start + request.shard_records]
        name = f"embedding-{number:05d}.safetensors"
        if not _is_whole(folder / name, journal["shards"].get(name)):
            shard, digest = _encode_shard(folder / name, encoder, part, start, len(chunks), tell)
            journal["shards"][name] = {"shard": attrs.asdict(shard), "sha256": digest}
            write_json(folder / "progress.json", journal)
        shards.append(Shard(**journal["shards"][name]["shard"]))
        tell("encode", start + len(part), len(chunks))
    write_bytes(folder / "records.jsonl", _record_lines(data))
    save_tensors(folder / "fields.safetensors", data.targets)
    names = ["records.jsonl", "fields.safetensors", *(shard.file for shard in shards)]
    names += _write_terms(folder, data, request.terms)
    names += [
        path.relative_to(folder).as_posix()
        for part in ("encoder", "terms")
        for path in (folder / part).rglob("*")
        if path.is_file()
    ]
    index = StoreIndex(
        dataset=request.dataset,
        dataset_settings=_plain_settings(dataset_settings, request.dataset, lambda path: path.name),
        fingerprint=request.fingerprint,
        encoder=identify(spec.name, encoder, folder / "encoder", request.chunk_chars),
        encoder_settings=request.encoder_settings,
        chunk_chars=request.chunk_chars,
        terms=request.terms,
        near_duplicates=request.near_duplicates,
        seed=request.seed,
        shard_records=request.shard_records,
        fields={field.name: field for field in data.fields},
        coverage={name: _coverage(target) for name, target in data.targets.items()},
        counts=data.splits.report.counts,
        split_report=data.splits.report,
        shards=tuple(shards),
        files={name: FileEntry((folder / name).stat().st_size, sha256(folder / name, StoreError)) for name in names},
    )
    write_json(folder / "index.json", index.to_json())


def _read(dataset: DatasetSpec, settings: Any, near_duplicates: float, seed: int, tell: Progress) -> _Data:
    """Read and check all records, and divide them."""
    fields = dataset.fields(settings)
    if len({field.name for field in fields}) != len(fields):
        raise PluginError(f"data set '{dataset.name}' declares a field twice: {', '.join(f.name for f in fields)}")
    records: list[Record] = []
    numbers: dict[str, list[NDArray[np.float32]]] = {field.name: [] for field in fields}
    places: dict[str, str] = {}
    parts = PublishedParts()
    bad = BadRows()
    for record in bad.passing(dataset.records(settings)):
        with bad.row():
            where = _check_record(record, numbers, places)
            source = record.source if record.source is not None else dataset.name
            checked = attrs.evolve(record, text=check_text(record.text, where), source=source)
            parts.check(checked)
            values = [field.to_numbers(record.values.get(field.name), where) for field in fields]
            places[record.id] = record.where
            records.append(checked)
            for field, value in zip(fields, values, strict=True):
                numbers[field.name].append(value)
        if len(records) % 1000 == 0:
            tell("read", len(records), 0)
    bad.check()
    if not records:
        raise DataError(f"data set '{dataset.name}' has no records")
    clusters = near_duplicate_clusters((record.text for record in records), near_duplicates)
    origins = [Origin(record.id, record.source, record.split) for record in records]
    splits = assign_splits(origins, clusters, seed, lambda row: records[row].text)
    if "train" not in splits.names:
        raise DataError(f"data set '{dataset.name}' has no train records: {empty_split(splits.report)}")
    targets = {field.name: torch.from_numpy(np.stack(numbers[field.name])) for field in fields}
    tell("read", len(records), len(records))
    return _Data(tuple(records), fields, targets, splits, clusters, _fingerprint(records, fields, targets, splits))


def _check_record(record: Record, numbers: Mapping[str, object], places: Mapping[str, str]) -> str:
    """Check everything but text and numbers, and give the record's name for messages."""
    if not isinstance(record.id, str) or not record.id or not record.id.isprintable():
        raise DataError(f"{record.where}: a record's id has to be printable text, got {record.id!r:.60}")
    where = f"{record.where} (record '{record.id}')"
    if record.id in places:
        raise DataError(f"{where}: this id was taken already, at {places[record.id]}; ids have to be unique")
    if not isinstance(record.text, str):
        raise DataError(f"{where}: the text has to be a string, got {type(record.text).__name__}")
    if not isinstance(record.language, str | None):
        raise DataError(f"{where}: the language has to be a code such as en, got {record.language!r:.60}")
    unknown = sorted(name for name in record.values if name not in numbers)
    if unknown:
        raise DataError(f"{where}: unknown field {', '.join(unknown)} (fields: {', '.join(numbers) or 'none'})")
    return where


def _fingerprint(
    records: list[Record], fields: tuple[Field, ...], targets: Mapping[str, Tensor], splits: Splits
) -> str:
    digest = hashlib.sha256()
    for field in fields:
        digest.update(_line([field.name, *field.labels, *field.axes]))
    for record, split in zip(records, splits.names, strict=True):
        digest.update(_line([record.id, split, record.language, record.text]))
    for field in fields:
        digest.update(targets[field.name].numpy().tobytes())
    return digest.hexdigest()


def _record_lines(data: _Data) -> bytes:
    return b"".join(
        _line(
            {key: getattr(r, key) for key in ("id", "language", "source", "text", "where")} | {"split": s, "cluster": c}
        )
        for r, s, c in zip(data.records, data.splits.names, data.clusters.tolist(), strict=True)
    )


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _coverage(target: Tensor) -> int:
    return int(has_any(target).sum())


def _plain_settings(settings: Any, plugin: str, path_text: Callable[[Path], str]) -> dict[str, Any]:
    """Settings as JSON values."""

    def plain(_instance: object, _attribute: object, value: Any) -> Any:
        return path_text(value) if isinstance(value, Path) else value

    try:
        table: dict[str, Any] = json.loads(to_json(attrs.asdict(settings, value_serializer=plain)))
    except (TypeError, ValueError) as error:
        raise PluginError(f"the settings of '{plugin}' have to be plain values that JSON can hold: {error}") from error
    return table


def _open_journal(folder: Path, request: _Request) -> dict[str, Any]:
    """progress.json: the request, the encoder's hash once it is fitted, and the finished shards."""
    path = folder / "progress.json"
    if path.exists():
        found = read_json(path, StoreError)
        if not isinstance(found, dict) or found.keys() != {"request", "encoder", "shards"}:
            raise StoreError(f"{path} belongs to something else; choose another folder")
        request.check_same(found["request"], folder)
        return found
    others = sorted(entry.name for entry in folder.iterdir() if entry.name != ".progress.json.tmp")
    if others:
        raise StoreError(
            f"{folder} holds no embedding store but other files ({', '.join(others[:3])}); choose another folder"
        )
    journal = {"request": attrs.asdict(request), "encoder": None, "shards": {}}
    write_json(path, journal)
    return journal


def _fit(
    folder: Path, journal: dict[str, Any], spec: EncoderSpec, settings: Any, train: list[str], tell: Progress
) -> Encoder:
    """Fit the encoder, or load it if an earlier process did; always the one that is on disk."""
    final, temporary = folder / "encoder", folder / ".encoder.tmp"
    if journal["encoder"] is None or not final.is_dir() or hash_contents(final) != journal["encoder"]:
        tell("fit", 0, 1)
        fitted = spec.fit(settings, train)
        with writing(final):
            for remains in (final, temporary):
                if remains.exists():
                    shutil.rmtree(remains)
            temporary.mkdir()
            fitted.save(temporary)
            for path in sorted(temporary.rglob("*")):
                sync(path)
            sync(temporary)
            os.replace(temporary, final)
            sync(folder)
        journal["encoder"], journal["shards"] = hash_contents(final), {}
        write_json(folder / "progress.json", journal)
    tell("fit", 1, 1)
    return spec.load(final)


def _encode_shard(
    path: Path, encoder: Encoder, texts: list[tuple[str, ...]], start: int, total: int, tell: Progress
) -> tuple[Shard, str]:
    """Write the vectors of some records: chunks (C, D) float32, offsets (n + 1) int64."""
    counts = [len(text) for text in texts]
    offsets = np.cumsum([0, *counts], dtype=np.int64)
    parts: list[NDArray[np.float32]] = []
    for first in range(0, len(texts), ENCODE_RECORDS):
        tell("encode", start + first, total)
        batch = [chunk for text in texts[first : first + ENCODE_RECORDS] for chunk in text]
        parts.append(encode_chunks(encoder, batch))
    vectors = np.concatenate(parts)
    if not np.array_equal(encode_chunks(encoder, texts[0]), vectors[: counts[0]]):
        raise PluginError(
            f"encoder '{encoder.revision}' gives a text other vectors when it is alone, so an analysis would not see "
            "what was trained on; encode must not depend on neighbouring chunks"
        )
    digest = save_tensors(path, {"chunks": torch.from_numpy(vectors), "offsets": torch.from_numpy(offsets)})
    known = np.logical_or.reduceat(vectors.any(axis=1), offsets[:-1])
    return Shard(path.name, len(texts), len(vectors), int((~known).sum())), digest


def _write_terms(folder: Path, data: _Data, most: int) -> list[str]:
    """The terms of the train split and every record's weights of them; the file written beside the folder terms/."""
    train = [record.text for record, split in zip(data.records, data.splits.names, strict=True) if split == "train"]
    view = fit_terms(train, most) if most else None
    if view is None:
        return []
    view.save(folder / "terms")
    weighed = view.weigh([record.text for record in data.records])
    save_tensors(
        folder / TERMS_FILE,
        {
            "starts": torch.from_numpy(weighed.indptr.astype(np.int64)),
            "columns": torch.from_numpy(weighed.indices.astype(np.int64)),
            "weights": torch.from_numpy(weighed.data),
        },
    )
    return [TERMS_FILE]


def _is_whole(path: Path, entry: Mapping[str, Any] | None) -> bool:
    return entry is not None and path.exists() and sha256(path, StoreError) == entry["sha256"]


def _quiet(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table with the keys of inner tables as "outer.inner"."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
