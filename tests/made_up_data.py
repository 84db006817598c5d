"""Records of which no label says anything of another, for tests that plant defects into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from toy import WORDS, Toy

from redheart_core import CATALOGUE, Field, Record
from redheart_core.data.data_warning import DataWarning
from redheart_core.data.store import Store
from redheart_core.inspection.findings import FieldInspection, Inspection
from redheart_core.inspection.inspect import inspect_store

Values = dict[str, Any]

KINDS = Field("kinds", "what is seen", 0.0, 1.0, labels=("a", "b", "c"), binary=True)
VOTES = CATALOGUE["votes"].with_labels("AUTHOR", "OTHER", "NOBODY")
FEELING = Field("feeling", "a distribution", 0.0, 1.0, labels=("good", "bad", "mixed"), simplex=True)
FIELDS = (KINDS, VOTES, FEELING)
FACTORS = CATALOGUE["choice_factors"].labels


def clean(count: int = 600) -> list[Record]:
    """Records of which no label says anything of another."""
    made = []
    for index in range(count):
        rng = np.random.default_rng(index)
        words = " ".join(WORDS[pick] for pick in rng.integers(len(WORDS), size=12 + index % 9))
        first, second, third = sorted(rng.permutation(9)[:3].tolist())
        values: Values = {
            "regret": float(rng.random()),
            "choice_factors": dict(zip(FACTORS, rng.random(4).tolist(), strict=True)),
            "kinds": {label: int(rng.random() < share) for label, share in (("a", 0.5), ("b", 0.3), ("c", 0.2))},
            "votes": dict(zip(VOTES.labels, rng.permutation([first, second, third]).tolist(), strict=True)),
            "feeling": dict(zip(FEELING.labels, rng.dirichlet([1.0, 2.0, 3.0]).tolist(), strict=True)),
        }
        made.append(Record(f"r{index}", words, values, f"line {index + 1}"))
    return made


def changed(records: list[Record], change: Callable[[int, Values], Mapping[str, Any]]) -> list[Record]:
    """The same with other values."""
    return [
        attrs.evolve(record, values={**record.values, **change(index, dict(record.values))})
        for index, record in enumerate(records)
    ]


def look(toy: Toy, records: list[Record], *more: Field, name: str = "store") -> tuple[Store, Inspection]:
    store = toy.store(records, name, (*FIELDS, *more))
    return store, inspect_store(store)


def only(found: Inspection) -> DataWarning:
    """The one warning there is."""
    (warning,) = found.warnings
    assert warning.why
    assert warning.remedy
    return warning


def field(found: Inspection, name: str) -> FieldInspection:
    (one,) = [one for one in found.fields if one.name == name]
    return one


def unit(name: str) -> Field:
    return Field(name, "planted", 0.0, 1.0)
