"""Checks of data sets and encoders."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from redheart_core.contract.data import SPLITS, DatasetSpec, Encoder, EncoderSpec, Record
from redheart_core.contract.errors import DataError, RedheartError, StoreError
from redheart_core.data.company import largest_deviation
from redheart_core.data.contents import field_text
from redheart_core.data.text import check_text
from redheart_core.testing.plugin import ConformanceError, Plugin, require

RECORDS = 200
"""So many records of a data set are looked at."""


@attrs.frozen
class DatasetSubject:
    """A data set with settings with which it can be read."""

    plugin: Plugin
    spec: DatasetSpec
    settings: Any
    records: tuple[Record, ...]
    """The first ones."""


@attrs.frozen(eq=False)
class EncoderSubject:
    """An encoder with settings with which it can be fitted, and chunks of text for it."""

    plugin: Plugin
    spec: EncoderSpec
    settings: Any
    chunks: tuple[str, ...]


def check_fields(subject: DatasetSubject) -> None:
    """Fields are documented and named once, and some record has each of them."""
    fields = subject.spec.fields(subject.settings)
    names = [field.name for field in fields]
    require(subject.plugin, bool(fields), "it declares no field")
    require(subject.plugin, len(set(names)) == len(names), f"it declares a field twice: {', '.join(names)}")
    for field in fields:
        require(
            subject.plugin,
            bool(field.meaning.strip()),
            f"field '{field.name}' has no meaning; say in a few words what it is",
        )
        require(
            subject.plugin,
            field.low < field.high,
            f"field '{field.name}' has the empty range {field.low:g}..{field.high:g}",
        )
    records = subject.records
    unused = [name for name in names if all(record.values.get(name) is None for record in records)]
    require(subject.plugin, not unused, f"none of {len(records)} records has {', '.join(unused)}")


def check_records(subject: DatasetSubject) -> None:
    """Records have ids of their own, a place, a text, and values that fit the declared fields."""
    records = subject.records
    require(subject.plugin, bool(records), "it gives no record")
    fields = {field.name: field for field in subject.spec.fields(subject.settings)}
    places: dict[str, str] = {}
    for record in records:
        require(subject.plugin, bool(record.where.strip()), f"record '{record.id}' does not say where it was read")
        taken = places.get(record.id)
        require(subject.plugin, taken is None, f"{record.where} and {taken} have the same id '{record.id}'")
        places[record.id] = record.where
        unknown = sorted(record.values.keys() - fields.keys())
        require(subject.plugin, not unknown, f"{record.where} has the undeclared field {', '.join(unknown)}")
        try:
            if subject.spec.texts:
                check_text(record.text, record.where)
            for name, value in record.values.items():
                if fields[name].text:
                    field_text(fields[name], value, record.where)
                else:
                    fields[name].to_numbers(value, record.where)
        except DataError as error:
            raise ConformanceError(f"plugin '{subject.plugin.name}' gives a record that is refused: {error}") from error
    splits = {record.split for record in records}
    require(
        subject.plugin,
        splits == {None} or splits <= set(SPLITS),
        f"records have the splits {sorted(map(str, splits))}; all have one of {', '.join(SPLITS)}, or none has one",
    )
    require(
        subject.plugin,
        subject.spec.texts or not any(record.text for record in records),
        "it declares no texts, and records have some",
    )


def check_same_records_twice(subject: DatasetSubject) -> None:
    """Reading again gives the same records in the same order."""
    pairs = zip(subject.records, first_records(subject.spec, subject.settings), strict=True)
    differing = [first.where for first, second in pairs if first != second]
    require(subject.plugin, not differing, f"records differ when read again: {differing[:3]}")


def check_what_comes_next(subject: DatasetSubject) -> None:
    """The end of a series has a place, values that fit the declared fields, and a time for each place of an answer."""
    if subject.spec.upcoming is None:
        return
    fields = {field.name: field for field in subject.spec.fields(subject.settings)}
    ends = tuple(islice(subject.spec.upcoming(subject.settings, fields), RECORDS))
    require(subject.plugin, bool(ends), "it has no end of a series")
    for end in ends:
        require(subject.plugin, bool(end.where.strip()), f"series '{end.series}' does not say where it ends")
        unknown = sorted((end.values.keys() | end.times.keys()) - fields.keys())
        require(subject.plugin, not unknown, f"{end.where} has the undeclared field {', '.join(unknown)}")
        told = sorted(end.values.keys() & end.times.keys())
        require(subject.plugin, not told, f"{end.where} has both values and times to come of {', '.join(told)}")
        for name, times in end.times.items():
            places = (fields[name].axes or (1,))[0]
            require(
                subject.plugin, len(times) == places, f"{end.where} has {len(times)} times for '{name}' of {places}"
            )
        try:
            for name, value in end.values.items():
                fields[name].to_numbers(value, end.where)
        except DataError as error:
            raise ConformanceError(f"plugin '{subject.plugin.name}' gives an end that is refused: {error}") from error


def check_vectors(subject: EncoderSubject) -> None:
    """Vectors are finite float32 of the declared width, and do not depend on neighbours beyond rounding."""
    encoder = subject.spec.fit(subject.settings, subject.chunks)
    vectors = _encode(subject, encoder, subject.chunks)
    require(subject.plugin, bool(np.isfinite(vectors).all()), "it gives numbers that are not finite")
    require(subject.plugin, bool(vectors.any()), "it gives nothing but zeros for the texts that it was fitted on")
    _encode(subject, encoder, ())
    deviation = largest_deviation(lambda alone: _encode(subject, encoder, tuple(alone)), subject.chunks, vectors)
    require(
        subject.plugin, not deviation.too_large, f"a chunk alone gets another vector than among others: {deviation}"
    )


def check_fitting_twice(subject: EncoderSubject) -> None:
    """Fitted twice on the same chunks, it saves the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        contents = []
        for name in ("first", "second"):
            place = Path(folder, name)
            place.mkdir()
            subject.spec.fit(subject.settings, subject.chunks).save(place)
            contents.append(_contents(place))
    first, second = contents
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    require(subject.plugin, not differing, f"fitted twice, it saves other bytes in {', '.join(differing)}")


def check_saving_and_loading(subject: EncoderSubject) -> None:
    """Saved and loaded, it gives the same vectors, bit for bit; what is not whole is refused."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        encoder = subject.spec.fit(subject.settings, subject.chunks)
        encoder.save(place)
        loaded = subject.spec.load(place)
        before, after = (encoder.revision, encoder.width), (loaded.revision, loaded.width)
        require(subject.plugin, bool(encoder.revision), "its revision is empty; say what was fitted or loaded")
        require(subject.plugin, before == after, f"revision and width were {before}, loaded they are {after}")
        vectors, again = (_encode(subject, one, subject.chunks) for one in (encoder, loaded))
        require(subject.plugin, bool(np.array_equal(vectors, again)), "loaded, it gives other vectors than before")
        contents = _contents(place)
        require(subject.plugin, bool(contents), "save wrote no file")
        for name, data in contents.items():
            (place / name).unlink()
            _require_refused(subject, place, f"without {name}")
            (place / name).write_bytes(data[: len(data) // 2])
            _require_refused(subject, place, f"with half of {name}")
            (place / name).write_bytes(data)


def _require_refused(subject: EncoderSubject, place: Path, what: str) -> None:
    try:
        subject.spec.load(place)
    except StoreError:
        return
    except (RedheartError, ValueError, OSError, LookupError) as error:
        raise ConformanceError(
            f"plugin '{subject.plugin.name}': loaded {what}, it has to raise a StoreError, "
            f"it raised {type(error).__name__}: {error}"
        ) from error
    raise ConformanceError(f"plugin '{subject.plugin.name}': loaded {what}, it has to raise a StoreError; nothing came")


def _encode(subject: EncoderSubject, encoder: Encoder, chunks: tuple[str, ...]) -> Any:
    vectors = encoder.encode(chunks)
    expected = (len(chunks), encoder.width)
    require(
        subject.plugin,
        vectors.shape == expected and vectors.dtype == np.float32,
        f"encode has to give {expected} float32, it gave {vectors.shape} {vectors.dtype}",
    )
    return vectors


def first_records(spec: DatasetSpec, settings: Any) -> tuple[Record, ...]:
    """As many records as the checks look at."""
    return tuple(islice(spec.records(settings), RECORDS))


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
