"""The training split of an embedding store as cases: evidence with its labels and provenance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
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

HasSign = Callable[[str, NDArray[np.float32]], bool]
"""Whether a text with the vectors of its chunks, (T, D), has a sign of a crisis."""


@attrs.frozen
class Loaded:
    """What became of the training records of a store."""

    added: int
    there: int
    """Their ids were in the memory."""
    unknown: int
    """The encoder knows no part of their texts."""
    crisis: int
    """Their texts have a sign of a crisis, so nothing of them is kept."""


def load_evidence(
    cases: Cases,
    store: Store,
    time: datetime,
    keep_text: bool,
    has_sign: HasSign,
    tell: Callable[[str, int, int], None],
) -> Loaded:
    """Add the training records of a store that are not there yet; one that was stopped goes on.

    Args:
        cases: Of the store's encoder.
        store: Gives texts, vectors, labels, licences and sources.
        time: When the cases are kept.
        keep_text: Whether their texts are kept too.
        has_sign: Asked of every record that would be added.
        tell: Called now and then.
    """
    rows = store.rows(SPLIT)
    added = there = unknown = crisis = 0
    for part in _parts(rows, _ADDED):
        ids = [case_id(store, row) for row in part.tolist()]
        known = cases.known(ids)
        new = part[[id_ not in known for id_ in ids]]
        found: list[Case] = []
        for few in _parts(new, _TOGETHER):
            vectors = _vectors(store, few)
            harmless = {row: own for row, own in vectors.items() if not has_sign(store.text(row), own)}
            unknown, crisis = unknown + len(few) - len(vectors), crisis + len(vectors) - len(harmless)
            found += _cases(store, harmless, time, keep_text)
        if found:
            cases.add(found)
        added, there = added + len(found), there + len(known)
        tell("load", added + there + unknown + crisis, len(rows))
    return Loaded(added, there, unknown, crisis)


def case_id(store: Store, row: int) -> str:
    """The id that a record has as a case: ids of several data sets may be equal."""
    return f"{_source(store, row)}/{store.id(row)}"


def _parts(rows: Tensor, size: int) -> Iterator[Tensor]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _source(store: Store, row: int) -> str:
    return store.source_names[int(store.sources[row])]


def _vectors(store: Store, rows: Tensor) -> dict[int, NDArray[np.float32]]:
    """Row to the vectors of its chunks, (T, D), without records of which the encoder knows no part."""
    chunks, real = store.batch(rows)
    own = {row: chunks[place][real[place]] for place, row in enumerate(rows.tolist())}
    return {row: one.numpy() for row, one in own.items() if one.any()}


def _cases(store: Store, vectors: Mapping[int, NDArray[np.float32]], time: datetime, keep_text: bool) -> Iterator[Case]:
    """Those of some records, by row."""
    rows = torch.tensor(list(vectors), dtype=torch.int64)
    fields = [field for field in store.fields.values() if not field.axes]  # labels, no histories or signals
    numbers = {field.name: store.target(field.name)[rows] for field in fields}
    for place, (row, chunks) in enumerate(vectors.items()):
        labels = {name: value for field in fields for name, value in _labels(field, numbers[field.name][place])}
        source = _source(store, row)
        yield make_case(
            case_id(store, row),
            text_vector(chunks),
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
