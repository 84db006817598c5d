"""Data sets without texts: records of fields alone, which may divide themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from redheart_core import DataError, DatasetSpec, Field, PluginError, Record
from redheart_core.data.joining import join_datasets
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.inspection.inspect import inspect_store
from redheart_core.nn.answer_losses import answer_losses

NUMBERS = Field("numbers", "what is read", -np.inf, np.inf, labels=("a", "b"), mean=(0.0, 1.0), std=(1.0, 2.0))
TARGET = Field("target", "what is learnt", 0.0, 1.0)
PARTS = ("train", "train", "train", "validation", "calibration", "test")


@attrs.frozen
class NoSettings:
    """Nothing to set."""


def spec_of(records: Sequence[Record], *, texts: bool = False, fields: tuple[Field, ...] = (NUMBERS, TARGET)) -> Any:
    return DatasetSpec("bare", "for tests", NoSettings, lambda _: fields, lambda _: iter(records), texts=texts)


def made_up(count: int = 60, **changes: Any) -> list[Record]:
    """Records of one cluster for each ten of them."""
    return [
        attrs.evolve(
            Record(
                f"r{place}",
                "",
                {"numbers": {"a": float(place), "b": None}, "target": place / count},
                f"line {place + 1}",
                split=PARTS[place % len(PARTS)],  # type: ignore[arg-type]
                cluster=f"block {place // 10}",
            ),
            **changes,
        )
        for place in range(count)
    ]


def store_of(folder: Path, records: Sequence[Record]) -> Store:
    return prepare(folder, spec_of(records), NoSettings(), ())


def test_a_store_without_texts_holds_fields_and_no_vectors(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", made_up())
    assert not store.has_texts
    assert store.embedding_width == store.term_count == 0
    assert not list(store.folder.glob("embedding*"))
    assert not (store.folder / "encoder").exists()
    embedding, mask = store.batch(torch.tensor([3, 5]))
    assert embedding.shape == (2, 1, 0)
    assert mask.all()
    assert store.target("numbers")[torch.tensor([7])][0, 0] == 7.0
    assert store.fields["numbers"] == NUMBERS
    again = store_of(tmp_path / "store", made_up())  # a finished one is opened
    assert again.index == store.index
    with pytest.raises(DataError, match="has no terms"):
        store.term_matrix(torch.tensor([0]))


def test_records_stay_in_the_splits_that_they_state_and_clusters_serve_intervals(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", made_up())
    for place, split in enumerate(PARTS):
        assert place in store.rows(split).tolist()
    assert store.index.counts == {"train": 30, "validation": 10, "calibration": 10, "test": 10, "excluded": 0}
    assert store.index.split_report.divided
    assert len(set(store.clusters.tolist())) == 6
    test = store.rows("test")
    assert len(set(store.clusters[test].tolist())) < len(test)


def test_the_division_is_whole_or_refused(tmp_path: Path) -> None:
    lacking = [one for one in made_up() if one.split != "calibration"]
    with pytest.raises(DataError, match="divides its records itself and has none in calibration"):
        store_of(tmp_path / "a", lacking)
    some = [*made_up(), attrs.evolve(made_up()[0], id="none", split=None)]
    with pytest.raises(DataError, match="record 'none' has no split"):
        store_of(tmp_path / "b", some)
    with pytest.raises(DataError, match="has the split 'dev'; expected one of train, validation, calibration, test"):
        store_of(tmp_path / "c", made_up(split="dev"))


def test_without_a_split_of_their_own_records_are_divided_and_clusters_stay_together(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", made_up(600, split=None))
    splits = {split: set(store.clusters[store.rows(split)].tolist()) for split in PARTS}
    names = list(splits)
    assert all(not splits[a] & splits[b] for place, a in enumerate(names) for b in names[place + 1 :])


def test_a_text_where_there_are_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data set 'bare' declares no texts, and the record has one"):
        store_of(tmp_path / "a", made_up(text="some words"))
    text = Field("act", "a text", -1.0, 1.0, text=True)
    with pytest.raises(PluginError, match="data set 'bare' has no texts, and its field 'act' is one"):
        prepare(tmp_path / "b", spec_of(made_up(), fields=(text,)), NoSettings(), ())
    with pytest.raises(DataError, match="has texts, and no encoder is given"):
        prepare(tmp_path / "c", spec_of(made_up(), texts=True), NoSettings(), ())
    other = DatasetSpec("words", "texts", NoSettings, lambda _: (), lambda _: iter(()))
    with pytest.raises(DataError, match=r"data set bare has no texts, and the others of bare.words have some"):
        join_datasets([(spec_of(made_up()), NoSettings()), (other, NoSettings())])


def test_an_inspection_looks_for_no_near_duplicates_of_records_without_texts(tmp_path: Path) -> None:
    found = inspect_store(store_of(tmp_path / "store", made_up()))
    assert found.duplicates.sets == 0
    assert found.disk.text == 0
    assert not [warning for warning in found.warnings if warning.field == "text"]


def test_errors_of_a_field_without_a_range_are_in_its_deviations_over_the_training_records() -> None:
    answer, target = torch.tensor([[1.0, 4.0]]), torch.tensor([[0.0, 0.0]])
    assert answer_losses(NUMBERS, answer, target).tolist() == [(1.0 + 4.0) / 2]
    whole = attrs.evolve(NUMBERS, mean=(), std=())
    assert answer_losses(whole, answer, target).tolist() == [(1.0 + 16.0) / 2]
