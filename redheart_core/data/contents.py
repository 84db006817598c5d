"""The records of a data set, read once, checked, and kept on disk until a store is made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.data import DatasetSpec, Record
from redheart_core.contract.errors import DataError, PluginError
from redheart_core.contract.fields import Field
from redheart_core.data.field_names import check_field_name
from redheart_core.data.language import stated
from redheart_core.data.splits import Origin, PublishedParts
from redheart_core.data.spool import Spool
from redheart_core.data.text import check_text
from redheart_core.discovery.fence import fence
from redheart_core.storage.bad_rows import BadRows

Progress = Callable[[str, int, int], None]
"""Stage ("read", "fit", "encode", "terms" or "tokens"), how much is done, out of how much (0: not known yet)."""


@attrs.frozen(eq=False)
class Contents:
    """Checked records. In memory are their ids and places; texts and numbers are on disk."""

    fields: tuple[Field, ...]
    origins: tuple[Origin, ...]
    languages: tuple[str | None, ...]
    """Of each record."""
    clusters: tuple[str | None, ...]
    """Of each record, as the data set declares them."""
    lines: NDArray[np.uint8]
    """One JSON object per record, as in records.jsonl."""
    offsets: NDArray[np.int64]
    """(N + 1,), where each line starts."""
    targets: Mapping[str, NDArray[np.float32]]
    """Field to (N, *shape), NaN where missing; none of fields that are texts."""
    sha256: str
    """Over fields, ids, data sets, the publisher's splits, languages, clusters, texts and labels."""

    def __len__(self) -> int:
        return len(self.origins)

    def text(self, row: int) -> str:
        """The text of a record, in NFC."""
        return str(read_line(self.lines, self.offsets, row)["text"])

    def beside(self, row: int, field: str) -> str | None:
        """The text that a record gives in a field, in NFC; None if it has none."""
        given = read_line(self.lines, self.offsets, row).get("beside", {}).get(field)
        return None if given is None else str(given)

    def texts(self) -> Iterator[str]:
        """All texts, one after another."""
        return map(self.text, range(len(self)))


def read_line(lines: NDArray[np.uint8], offsets: NDArray[np.int64], row: int) -> dict[str, Any]:
    """A record as it stands in records.jsonl."""
    line: dict[str, Any] = json.loads(lines[offsets[row] : offsets[row + 1]].tobytes())
    return line


def read_contents(dataset: DatasetSpec, settings: Any, scratch: Path, tell: Progress) -> Contents:
    """Read and check all records.

    Args:
        dataset: Gives the records.
        settings: An instance of dataset.settings.
        scratch: Folder for unnamed files.
        tell: Called now and then.

    Raises:
        DataError: Records or values are not what they have to be; all of them, with their places.
    """
    fields = dataset.fields(settings)
    if len({field.name for field in fields}) != len(fields):
        raise PluginError(f"data set '{dataset.name}' declares a field twice: {', '.join(f.name for f in fields)}")
    for field in fields:
        check_field_name(field.name, f"data set '{dataset.name}'")
        if field.text and not dataset.texts:
            raise PluginError(f"data set '{dataset.name}' has no texts, and its field '{field.name}' is one")
    numbers = {field.name: Spool(np.float32, field.shape, scratch) for field in fields if not field.text}
    beside = [field for field in fields if field.text]
    lines, offsets = Spool(np.uint8, (), scratch), Spool(np.int64, (), scratch)
    offsets.append(np.zeros(1, np.int64))
    known = {field.name: field for field in fields}
    places: dict[str, str] = {}
    origins: list[Origin] = []
    languages: list[str | None] = []
    clusters: list[str | None] = []
    parts, bad, digest = PublishedParts(), BadRows(), hashlib.sha256()
    for field in fields:
        digest.update(_line([field.name, *field.labels, *field.axes, *field.mean, *field.std]))
    with fence(f"plugin '{dataset.name}'", streams=False):
        given = dataset.records(settings)
    for record in bad.passing(given):
        with bad.row():
            where = _check(record, [field.name for field in fields], places)
            source = record.source if record.source is not None else dataset.name
            if record.text and not dataset.texts:
                raise DataError(f"{where}: data set '{dataset.name}' declares no texts, and the record has one")
            text = check_text(record.text, where) if dataset.texts else ""
            checked = attrs.evolve(record, text=text, source=source)
            parts.check(checked)
            values = {name: known[name].to_numbers(record.values.get(name), where) for name in numbers}
            texts = {field.name: field_text(field, record.values.get(field.name), where) for field in beside}
            places[record.id] = record.where
            origins.append(Origin(record.id, source, record.split))
            languages.append(record.language)
            clusters.append(record.cluster)
            said = {name: text for name, text in texts.items() if text is not None}
            line = _line(
                {key: getattr(checked, key) for key in ("id", "text", "where")} | ({"beside": said} if said else {})
            )
            lines.append(np.frombuffer(line, np.uint8))
            offsets.append(np.array([len(lines)]))
            digest.update(_line([record.id, source, record.split, record.language, record.cluster, checked.text]))
            if beside:
                digest.update(_line([texts[field.name] for field in beside]))
            for name, value in values.items():
                numbers[name].append(value[None])
                digest.update(value.tobytes())
            if len(origins) % 1000 == 0:
                tell("read", len(origins), 0)
    bad.check()
    if not origins:
        raise DataError(f"data set '{dataset.name}' has no records")
    tell("read", len(origins), len(origins))
    return Contents(
        fields=fields,
        origins=tuple(origins),
        languages=tuple(languages),
        clusters=tuple(clusters),
        lines=lines.array(),
        offsets=offsets.array(),
        targets={name: spool.array() for name, spool in numbers.items()},
        sha256=digest.hexdigest(),
    )


def field_text(field: Field, value: object, where: str) -> str | None:
    """What a record gives in a field that is a text, in NFC; None if it has none.

    Raises:
        DataError: It is no string, or a text that is refused.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise DataError(f"{where}: {field.name} expects a text, got {type(value).__name__} {value!r:.60}")
    return check_text(value, f"{where}, {field.name}")


def _check(record: Record, names: Sequence[str], places: Mapping[str, str]) -> str:
    """Check everything but text and numbers, and give the record's name for messages."""
    if not isinstance(record.id, str) or not record.id or not record.id.isprintable():
        raise DataError(f"{record.where}: a record's id has to be printable text, got {record.id!r:.60}")
    where = f"{record.where} (record '{record.id}')"
    if record.id in places:
        raise DataError(f"{where}: this id was taken already, at {places[record.id]}; ids have to be unique")
    if not isinstance(record.text, str):
        raise DataError(f"{where}: the text has to be a string, got {type(record.text).__name__}")
    if record.language is not None:
        stated(record.language, where)
    if not isinstance(record.cluster, str | None):
        raise DataError(f"{where}: the cluster has to be a string, got {record.cluster!r:.60}")
    unknown = sorted(name for name in record.values if name not in names)
    if unknown:
        raise DataError(f"{where}: unknown field {', '.join(unknown)} (fields: {', '.join(names) or 'none'})")
    return where


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
