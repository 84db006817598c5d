"""Several data sets as one: each record carries the fields that its own data set has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from redheart_core.contract.data import DatasetSpec, Record
from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.discovery.fence import fence
from redheart_core.storage.bad_rows import BadRows

SEPARATOR = "+"
"""Between the names of data sets that are to be joined, as in "first+second"."""


@attrs.frozen
class JoinedSettings:
    """The settings of every data set by its name."""

    members: Mapping[str, Any]


def join_datasets(members: Sequence[tuple[DatasetSpec, Any]]) -> tuple[DatasetSpec, JoinedSettings]:
    """A data set that gives the records of several, one after the other.

    A record's id becomes "data set/id". A field of the same name has to be the same in all that have it; a record
    lacks the fields of the others. Records of one cluster belong together across data sets.

    Args:
        members: At least two data sets with their settings.

    Raises:
        DataError: A data set comes twice, or two declare one field differently.
    """
    names = [spec.name for spec, _ in members]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"data set {', '.join(twice)} comes more than once in {SEPARATOR.join(names)}")
    without = sorted(spec.name for spec, _ in members if not spec.texts)
    if without and len(without) < len(members):
        raise DataError(
            f"data set {', '.join(without)} has no texts, and the others of {'+'.join(names)} have some; "
            "train on each by itself"
        )
    fields = _join_fields(members)

    def records(settings: JoinedSettings) -> Iterator[Record]:
        bad = BadRows()
        for spec, _ in members:
            with fence(f"plugin '{spec.name}'", streams=False):
                given = spec.records(settings.members[spec.name])
            for record in bad.passing(given):
                yield attrs.evolve(record, id=f"{spec.name}/{record.id}", source=spec.name)
        bad.check()

    spec = DatasetSpec(
        name=SEPARATOR.join(names),
        meaning=f"the records of {', '.join(names)}",
        settings=JoinedSettings,
        fields=lambda settings: fields,
        records=records,
        members=tuple(spec for spec, _ in members),
        texts=not without,
    )
    return spec, JoinedSettings({spec.name: settings for spec, settings in members})


def _join_fields(members: Sequence[tuple[DatasetSpec, Any]]) -> tuple[Field, ...]:
    joined: dict[str, tuple[Field, str]] = {}
    for spec, settings in members:
        for field in spec.fields(settings):
            known, owner = joined.setdefault(field.name, (field, spec.name))
            if known != field:
                details = "; ".join(
                    f"{key} is {getattr(known, key)!r} in {owner}, {getattr(field, key)!r} in {spec.name}"
                    for key in attrs.fields_dict(Field)
                    if getattr(known, key) != getattr(field, key)
                )
                names = f"data sets {owner} and {spec.name}"
                raise DataError(f"{names} declare field '{field.name}' differently: {details}")
    return tuple(field for field, _ in joined.values())
