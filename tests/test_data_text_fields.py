"""Fields that are texts: the store holds their vectors, as the encoder gives them for an analysis."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from redheart_core import DataError, DatasetSpec, EncoderSpec, Field, Record, text_field
from redheart_core.data.encoding import load_encoder
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.groups.graph import output_shapes
from redheart_core.inspection.inspect import inspect_store
from redheart_core.nn.answers import text_answers
from redheart_core.testing.sample import sample_settings, shipped_sample

LONG = "They lent it to us for a week. We never gave it back to them! " * 9
WORDS = tuple(
    (LONG + "her house and garden near his old town where my dog ate some bread with an apple all day").split()
)
OTHERS = ("We lent the book to them.", None, LONG, "They gave the book to us.")
FIELDS = (text_field("other", "another text"), Field("score", "a number", 0.0, 1.0))


@attrs.frozen
class NoSettings:
    """Nothing to set."""


def dataset(others: Callable[[int], object]) -> DatasetSpec:
    def records(_: object) -> Iterator[Record]:
        draw = np.random.default_rng(0)
        for number in range(80):
            values = {"other": others(number), "score": number / 80}
            text = " ".join(draw.choice(WORDS, 9))
            yield Record(f"r{number}", text, values, f"row {number}")

    return DatasetSpec("made_up", "made up", NoSettings, lambda _: FIELDS, records)


def prepared(folder: Path, others: Callable[[int], object] = lambda number: OTHERS[number % 4]) -> Store:
    encoder = shipped_sample(EncoderSpec)
    return prepare(folder, dataset(others), NoSettings(), [(encoder, sample_settings(encoder))])


def test_a_text_is_stored_as_the_mean_of_its_chunks_and_nan_where_missing(tmp_path: Path) -> None:
    store = prepared(tmp_path / "store")
    vectors = store.target("other")[store.all_rows]
    encoder = load_encoder([shipped_sample(EncoderSpec)], store.folder / "encoder", store.encoder_identity)
    for row in range(80):
        text = OTHERS[row % 4]
        if text is None:
            assert bool(vectors[row].isnan().all())
        else:
            torch.testing.assert_close(vectors[row], encoder.mean_of_text(text)[0], rtol=0, atol=1e-6)
            torch.testing.assert_close(vectors[row], encoder.encode_text(text)[0].mean(0), rtol=0, atol=1e-6)
    assert len(encoder.encode_text(LONG)[0]) > 2
    assert store.index.coverage["other"] == 60


def test_equal_texts_have_equal_vectors_to_the_last_bit(tmp_path: Path) -> None:
    vectors = prepared(tmp_path / "store").target("other")
    for first in (0, 2, 3):
        rows = torch.arange(first, 80, 4)
        assert {row.numpy().tobytes() for row in vectors[rows]} == {vectors[rows][0].numpy().tobytes()}


def test_preparing_again_opens_the_same_store_and_another_text_is_another_store(tmp_path: Path) -> None:
    first = prepared(tmp_path / "store")
    assert prepared(tmp_path / "store").index == first.index
    other = prepared(tmp_path / "other", lambda number: OTHERS[(number + 1) % 4])
    assert other.index.content != first.index.content
    second = prepared(tmp_path / "second")
    assert {name: entry.sha256 for name, entry in second.index.files.items()} == {
        name: entry.sha256 for name, entry in first.index.files.items()
    }


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (3, "other expects a text, got int 3"),
        (" ", "other: the text is empty"),
        ("7!", "other: the text has no letter"),
    ],
)
def test_what_is_no_text_is_refused_by_its_place(tmp_path: Path, other: object, message: str) -> None:
    with pytest.raises(DataError, match=f"row 5.*{message}"):
        prepared(tmp_path / "store", lambda number: other if number == 5 else "We lent it.")


def test_a_node_reads_a_vector_and_nobody_answers_a_text(tmp_path: Path) -> None:
    fields = {field.name: field for field in FIELDS}
    assert output_shapes([], fields, 7, 0)["other"] == (7,)
    assert text_answers(fields).keys() == {"score"}
    inspected = inspect_store(prepared(tmp_path / "store"))
    assert [field.name for field in inspected.fields] == ["score"]


def test_the_text_stays_readable_in_the_records(tmp_path: Path) -> None:
    store = prepared(tmp_path / "store")
    lines = (store.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["beside"] == {"other": OTHERS[0]}
    assert "beside" not in json.loads(lines[1])
