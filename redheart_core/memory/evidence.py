"""The training split of an embedding store as cases: evidence with its labels and provenance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime

import attrs
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.store import Store
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.cases import Cases
from redheart_core.memory.vectors import text_vector

SPLIT = "train"
"""The only split that is ever evidence: the others measure what was learnt."""
_TOGETHER = 64
"""Records whose vectors are read together; a long text has hundreds."""
_ADDED = 1024
"""Cases that are added in one transaction."""


@attrs.frozen
class Loaded:
    """What became of the training records of a store."""

    added: int
    there: int
    """Their ids were in the memory."""
    unknown: int
    """The encoder knows no part of their texts."""


def load_evidence(
    cases: Cases, store: Store, time: datetime, keep_text: bool, tell: Callable[[str, int, int], None]
) -> Loaded:
    """Add the training records of a store that are not there yet; one that was stopped goes on.

    Args:
        cases: Of the store's encoder.
        store: Gives texts, vectors, labels, licences and sources.
        time: When the cases are kept.
        keep_text: Whether their texts are kept too.
        tell: Called now and then.
    """
    rows = store.rows(SPLIT)
    added = there = unknown = 0
    for part in _parts(rows, _ADDED):
        ids = [case_id(store, row) for row in part.tolist()]
        known = cases.known(ids)
        new = part[[id_ not in known for id_ in ids]]
        found = [case for few in _parts(new, _TOGETHER) for case in _cases(store, few, time, keep_text)]
        if found:
            cases.add(found)
        added, there, unknown = added + len(found), there + len(known), unknown + len(new) - len(found)
        tell("load", added + there + unknown, len(rows))
    return Loaded(added, there, unknown)


def case_id(store: Store, row: int) -> str:
    """The id that a record has as a case: ids of several data sets may be equal."""
    return f"{_source(store, row)}/{store.id(row)}"


def _parts(rows: Tensor, size: int) -> Iterator[Tensor]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _source(store: Store, row: int) -> str:
    return store.source_names[int(store.sources[row])]


def _cases(store: Store, rows: Tensor, time: datetime, keep_text: bool) -> Iterator[Case]:
    """Those of some records; a record of which the encoder knows no part has none."""
    chunks, _ = store.batch(rows)
    fields = [field for field in store.fields.values() if not field.axes]  # labels, no histories or signals
    numbers = {field.name: store.target(field.name)[rows] for field in fields}
    for place, row in enumerate(rows.tolist()):
        if not chunks[place].any():
            continue
        labels = {name: value for field in fields for name, value in _labels(field, numbers[field.name][place])}
        source = _source(store, row)
        yield make_case(
            case_id(store, row),
            text_vector(chunks[place].numpy()),
            store.embedding_width,
            labels=labels,
            language=store.language(row),
            source=source,
            licence=store.index.provenance[source].licence,
            time=time,
            text=store.text(row) if keep_text else None,
        )


def _labels(field: Field, numbers: Tensor) -> Iterator[tuple[str, float]]:
    """The numbers that a record has, by "FIELD.LABEL", or by the field's name alone."""
    names = [f"{field.name}.{label}" for label in field.labels] or [field.name]
    for name, number in zip(names, numbers.reshape(-1).tolist(), strict=True):
        if not math.isnan(number):
            yield name, number
