"""The conformance kit checks data sets and encoders, and offers real records and a trainer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import CATALOGUE, DatasetSpec, EncoderSpec, Field, Record, StoreError, Upcoming
from redheart_core.data.store import Store
from redheart_core.discovery.entries import Entry
from redheart_core.testing import (
    DATASET_CHECKS,
    ENCODER_CHECKS,
    ConformanceError,
    DatasetSubject,
    EncoderSubject,
    Plugin,
    Sample,
    subject_of,
)
from redheart_core.training.context import TrainingContext

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

CHUNKS = tuple(f"word{number} and {number * 7} more" for number in range(9))


@attrs.frozen
class NoSettings:
    """Nothing to set."""


def some_records(**changes: Any) -> list[Record]:
    last = attrs.evolve(Record("r2", "We left.", {"regret": None}, "line 3"), **changes)
    return [Record("r0", "I left.", {"regret": 0.5}, "line 1"), Record("r1", "I stayed.", {}, "line 2"), last]


def dataset(
    records: Callable[[Any], Iterator[Record]], fields: tuple[Field, ...] = (CATALOGUE["regret"],)
) -> DatasetSubject:
    spec = DatasetSpec("toy", "a toy", NoSettings, lambda settings: fields, records)
    subject = subject_of(Plugin("toy", "dataset", spec, ENTRY))
    assert isinstance(subject, DatasetSubject)
    return subject


def test_a_good_data_set_passes() -> None:
    subject = dataset(lambda settings: iter(some_records()))
    for check in DATASET_CHECKS:
        check(subject)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "r0"}, "line 3 and line 1 have the same id 'r0'"),
        ({"where": " "}, "record 'r2' does not say where it was read"),
        ({"values": {"joy": 0.5}}, "line 3 has the undeclared field joy"),
        ({"values": {"regret": 1.5}}, "a record that is refused: line 3: regret expects a value in 0..1, got 1.5"),
        ({"text": ""}, "a record that is refused: line 3: the text is empty"),
        ({"split": "test"}, r"records have the splits \['None', 'test'\]"),
    ],
)
def test_a_broken_record_is_found(changes: dict[str, Any], message: str) -> None:
    subject = dataset(lambda settings: iter(some_records(**changes)))
    with pytest.raises(ConformanceError, match=f"plugin 'toy'.*{message}"):
        DATASET_CHECKS[1](subject)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "it declares no field"),
        ((CATALOGUE["regret"], CATALOGUE["regret"]), "it declares a field twice: regret, regret"),
        ((CATALOGUE["regret"], CATALOGUE["votes"]), "none of 3 records has votes"),
        ((Field("regret", " ", 0.0, 1.0),), "field 'regret' has no meaning"),
        ((Field("regret", "r", 1.0, 0.0),), r"field 'regret' has the empty range 1\.\.0"),
    ],
)
def test_broken_fields_are_found(fields: tuple[Field, ...], message: str) -> None:
    subject = dataset(lambda settings: iter(some_records()), fields)
    with pytest.raises(ConformanceError, match=f"plugin 'toy': {message}"):
        DATASET_CHECKS[0](subject)


def test_records_that_change_are_found() -> None:
    calls = itertools.count()
    subject = dataset(lambda settings: iter(some_records(text=f"Take {next(calls)}, a.")))
    with pytest.raises(ConformanceError, match=r"records differ when read again: \['line 3'\]"):
        DATASET_CHECKS[2](subject)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"where": ""}, "series 'a' does not say where it ends"),
        ({"values": {"joy": 0.5}}, "line 9 has the undeclared field joy"),
        ({"values": {"regret": 1.5}}, "an end that is refused: line 9: regret expects a value in 0..1, got 1.5"),
        ({"values": {"next": [1.0, 2.0]}}, "line 9 has both values and times to come of next"),
        ({"times": {"next": ("10",)}}, "line 9 has 1 times for 'next' of 2"),
    ],
)
def test_a_broken_end_of_a_series_is_found(changes: dict[str, Any], message: str) -> None:
    subject = dataset(
        lambda settings: iter(some_records()), (CATALOGUE["regret"], Field("next", "two steps", 0, 9, axes=(2,)))
    )
    end = attrs.evolve(Upcoming("a", "9", {"regret": 0.5}, {"next": ("10", "11")}, "line 9"), **changes)
    spec = attrs.evolve(subject.spec, upcoming=lambda settings, fields: iter([end]))
    with pytest.raises(ConformanceError, match=f"plugin 'toy'.*{message}") if message else nullcontext():
        DATASET_CHECKS[3](attrs.evolve(subject, spec=spec))


@attrs.define
class Lengths:
    """Counts of letters, plus an offset of its own."""

    offset: float = 1.0
    width: int = 3
    revision: str = "lengths"

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        rows = [(len(chunk), chunk.count("o"), self.offset) for chunk in chunks]
        return np.array(rows, dtype=np.float32).reshape(len(chunks), 3)

    def save(self, folder: Path) -> None:
        (folder / "state.json").write_text(json.dumps({"offset": self.offset}))


class SeesNeighbours(Lengths):
    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        return super().encode(chunks) / np.float32(max(1, len(chunks)))


class InDouble(Lengths):
    def encode(self, chunks: Sequence[str]) -> Any:
        return super().encode(chunks).astype(np.float64)


class NotANumber(Lengths):
    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        return super().encode(chunks) * np.float32("nan")


def load(folder: Path) -> Lengths:
    try:
        return Lengths(**json.loads((folder / "state.json").read_bytes()))
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder} is not whole") from error


def encoder(fit: Callable[..., Any], load: Callable[[Path], Any] = load) -> EncoderSubject:
    plugin_spec = EncoderSpec("toy", "a toy", NoSettings, fit, load)
    return EncoderSubject(Plugin("toy", "encoder", plugin_spec, ENTRY), plugin_spec, NoSettings(), CHUNKS)


def test_a_good_encoder_passes() -> None:
    subject = encoder(lambda settings, chunks: Lengths())
    for check in ENCODER_CHECKS:
        check(subject)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            SeesNeighbours,
            r"a chunk alone gets another vector than among others: .* of its length away, 1e-05",
        ),
        (InDouble, r"encode has to give \(9, 3\) float32, it gave \(9, 3\) float64"),
        (NotANumber, "it gives numbers that are not finite"),
    ],
)
def test_broken_vectors_are_found(kind: type[Lengths], message: str) -> None:
    with pytest.raises(ConformanceError, match=f"plugin 'toy': {message}"):
        ENCODER_CHECKS[0](encoder(lambda settings, chunks: kind()))


def test_an_encoder_that_fits_differently_each_time_is_found() -> None:
    calls = itertools.count()
    with pytest.raises(ConformanceError, match=r"plugin 'toy': fitted twice, it saves other bytes in state\.json"):
        ENCODER_CHECKS[1](encoder(lambda settings, chunks: Lengths(offset=float(next(calls)))))


@pytest.mark.parametrize(
    ("load_it", "message"),
    [
        (lambda folder: Lengths(offset=2.0), "loaded, it gives other vectors than before"),
        (lambda folder: Lengths(revision="x"), "revision and width were .* loaded they are"),
        (lambda folder: Lengths(), "loaded without state.json, it has to raise a StoreError; nothing came"),
        (
            lambda folder: Lengths(**json.loads((folder / "state.json").read_bytes())),
            "loaded without state.json, it has to raise a StoreError, it raised FileNotFoundError",
        ),
    ],
)
def test_broken_loading_is_found(load_it: Callable[[Path], Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=f"plugin 'toy': {message}"):
        ENCODER_CHECKS[2](encoder(lambda settings, chunks: Lengths(), load_it))


def test_the_sample_holds_real_records_of_different_lengths(redheart_sample: Sample) -> None:
    records = redheart_sample.records
    assert records.size == 64
    assert len(set(records.inputs["mask"].sum(1).tolist())) > 3
    assert bool(records.inputs["embedding"].any(-1)[records.inputs["mask"]].float().mean() > 0.99)
    assert set(records.targets) == set(redheart_sample.fields)


def test_the_store_is_small_and_speaks_two_languages(redheart_store: Store) -> None:
    assert len(redheart_store) == 200
    assert set(redheart_store.languages) == {"en", "ko"}


def test_the_trainer_plans_the_groups_of_installed_nodes(redheart_context: Callable[..., TrainingContext]) -> None:
    context = redheart_context("neural_surd", "backbone", "surd_head", epochs=1)
    assert [group.name for group in context.groups] == ["neural_surd", "backbone"]
    assert context.settings.epochs == 1
