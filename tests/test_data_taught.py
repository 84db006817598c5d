"""A taught store: answers in place of the labels of training records, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy import Toy

from redheart_core import StoreError
from redheart_core.data.index import FIELDS_FILE
from redheart_core.data.store import Store
from redheart_core.data.taught import teach


def test_answers_fill_gaps_and_what_is_not_answered_keeps_its_label(toy: Toy, tmp_path: Path) -> None:
    store = toy.store(toy.records(120, lambda index, field: index % 3 == 0), "gaps")
    rows = store.rows("train")
    answers = torch.linspace(0, 1, len(rows))
    answers[1::2] = torch.nan
    teach(store, tmp_path / "taught", {"regret": answers}, "0" * 64)
    taught = Store.open(tmp_path / "taught")
    before, after = (one.target("regret")[rows] for one in (store, taught))
    torch.testing.assert_close(after, torch.where(answers.isnan(), before, answers), rtol=0, atol=0, equal_nan=True)
    assert taught.index.coverage["regret"] > store.index.coverage["regret"]
    factors = [one.target("choice_factors")[one.all_rows] for one in (store, taught)]
    torch.testing.assert_close(*factors, rtol=0, atol=0, equal_nan=True)
    others = torch.cat([store.rows(split) for split in ("validation", "calibration", "test")])
    kept = [one.target("regret")[others] for one in (store, taught)]
    torch.testing.assert_close(*kept, rtol=0, atol=0, equal_nan=True)


def test_another_teacher_makes_other_data_and_damage_is_found(toy: Toy, tmp_path: Path) -> None:
    store = toy.store()
    for name, teacher in (("one", "1" * 64), ("same", "1" * 64), ("two", "2" * 64)):
        teach(store, tmp_path / name, {}, teacher)
    prints = [Store.open(tmp_path / name).index.fingerprint for name in ("one", "same", "two")]
    assert prints[0] == prints[1]
    assert len({store.index.fingerprint, *prints}) == 3
    (tmp_path / "one" / FIELDS_FILE).write_bytes(b"x" * (tmp_path / "one" / FIELDS_FILE).stat().st_size)
    with pytest.raises(StoreError, match=FIELDS_FILE):
        Store.open(tmp_path / "one")
    assert Store.open(store.folder).index == store.index
