"""The contract of plugins, kept by preference on pairs of acts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest

from redheart_core import CATALOGUE, DatasetSpec, EncoderSpec, Record
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.testing import conformance_tests
from redheart_core.testing.sample import sample_of, sample_settings, shipped_sample
from redheart_core.testing.subject import Sample

BAD, GOOD = ("stealing", "breaking", "hiding", "burning"), ("mending", "cleaning", "lending", "painting")
THINGS = ("the car", "a letter", "my house", "her coat", "the bread", "a chair", "his bicycle", "some old books")


@attrs.frozen
class NoSettings:
    """Nothing to set."""


def pairs(_: object) -> Iterator[Record]:
    """200 pairs of acts of which the bad ones get most votes; no act is in two pairs."""
    draw = np.random.default_rng(0)
    for number in range(200):
        acts = []
        for verbs in (BAD, GOOD):
            acts.append(f"{draw.choice(verbs)} {draw.choice(THINGS)} of neighbour number {number}")
        votes = [4.0, 1.0] if draw.random() < 0.5 else [5.0, 0.0]
        if draw.random() < 0.5:
            acts, votes = acts[::-1], votes[::-1]
        yield Record(
            id=f"p{number}",
            text="\n\n".join(acts),
            values={
                "first_act": acts[0],
                "second_act": acts[1],
                "less_ethical": {"first": votes[0], "second": votes[1]},
                "less_ethical_again": {"first": votes[0], "second": votes[1]} if number % 2 else None,
            },
            where=f"pair {number}",
            language="en",
        )


FIELDS = tuple(CATALOGUE[name] for name in ("first_act", "second_act", "less_ethical", "less_ethical_again"))
PAIRS = DatasetSpec(
    name="pairs", meaning="made up", settings=NoSettings, fields=lambda _: FIELDS, records=pairs, licence="MIT"
)


@pytest.fixture(scope="module")
def pair_store() -> Iterator[Store]:
    """A store of these pairs."""
    encoder = shipped_sample(EncoderSpec)
    with tempfile.TemporaryDirectory() as folder:
        yield prepare(Path(folder) / "store", PAIRS, NoSettings(), [(encoder, sample_settings(encoder))])


@pytest.fixture(scope="module")
def redheart_sample(pair_store: Store) -> Sample:
    """What the conformance kit looks at."""
    return sample_of(pair_store)


test_conformance = conformance_tests("preference")
