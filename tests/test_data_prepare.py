"""Preparing data: what a store holds, what the encoder is fitted on, what is held in memory."""

from __future__ import annotations

import hashlib
import json
import math
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
import torch
from word_store import FIELDS, Settings, WordHashEncoder, fit, make, records, refuse, tree, word_hash

from redheart_core import DatasetSpec, Record
from redheart_core.data.build import fitting_rows
from redheart_core.data.contents import Contents
from redheart_core.data.prepare import prepare
from redheart_core.data.splits import Splits
from redheart_core.storage.locks import locked

pytestmark = pytest.mark.usefixtures("quick_disk")


def test_the_store_holds_records_targets_vectors_and_an_index_and_nothing_else(tmp_path: Path) -> None:
    store = make(tmp_path)
    shards = [f"embedding-{number:05d}.safetensors" for number in range(5)]
    files = [
        "records.jsonl",
        "rows.safetensors",
        "fields.safetensors",
        *shards,
        "encoder/word_hash/width.json",
        "encoder/word_hash/words/known.txt",
    ]
    files += ["terms.safetensors", "terms/terms.json", "terms/idf.safetensors"]
    assert sorted(tree(tmp_path)) == sorted([*files, "index.json"])
    assert store.index.files.keys() == set(files)
    for name, entry in store.index.files.items():
        data = (tmp_path / name).read_bytes()
        assert (entry.bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    lines = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert lines == [{"id": record.id, "text": record.text, "where": record.where} for record in records()]
    assert store.languages == tuple(record.language for record in records())
    assert store.index.coverage == {"regret": 30, "bentham": 20, "utility": 0}
    assert store.index.dataset_settings == {"source": "data.jsonl", "width": 4}
    assert sum(store.index.counts.values()) == 30
    assert [shard.records for shard in store.index.shards] == [6] * 5


def test_missing_numbers_are_not_numbers(tmp_path: Path) -> None:
    store = make(tmp_path)
    expected = [[math.nan, 0.5] if number % 3 else [math.nan, math.nan] for number in range(30)]
    found = store.target("bentham")[store.all_rows]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=0, equal_nan=True)
    assert store.target("utility")[store.all_rows].shape == (30,)
    assert bool(store.target("utility")[store.all_rows].isnan().all())


def test_the_encoder_is_fitted_on_chunks_of_the_train_split_alone(tmp_path: Path) -> None:
    seen: list[str] = []

    def noting(settings: Settings, chunks: Sequence[str]) -> WordHashEncoder:
        seen.extend(chunks)
        return fit(settings, chunks)

    store = make(tmp_path, word_hash(fit=noting))
    train = store.rows("train").tolist()
    assert 0 < len(train) < 30
    assert " ".join(seen).split() == " ".join(store.text(row) for row in train).split()
    assert max(map(len, seen)) <= 30


def test_records_that_the_encoder_knows_nothing_of_are_counted(tmp_path: Path) -> None:
    given = [attrs.evolve(record, split="train") for record in records()]
    given.insert(8, Record("alien", "xyzzy plugh", {}, "line 9", split="test"))
    assert [shard.unknown_records for shard in make(tmp_path, given=given).index.shards] == [0, 1, 0, 0, 0, 0]


def test_a_finished_store_is_opened_without_the_encoder(tmp_path: Path) -> None:
    make(tmp_path)
    before = tree(tmp_path)
    store = make(tmp_path, word_hash(fit=refuse, load=refuse))
    assert len(store) == 30
    assert tree(tmp_path) == before


def test_a_finished_store_is_opened_while_another_process_holds_it(tmp_path: Path) -> None:
    make(tmp_path / "store")
    before = tree(tmp_path)
    with locked(tmp_path / "store"):
        assert len(make(tmp_path / "store")) == 30
    assert tree(tmp_path) == before


def test_changed_labels_texts_and_splits_change_the_fingerprint(tmp_path: Path) -> None:
    given = records()
    variants = [
        given,
        [attrs.evolve(given[0], text="Another text."), *given[1:]],
        [attrs.evolve(given[0], values={"regret": 0.25}), *given[1:]],
        [attrs.evolve(given[0], id="other"), *given[1:]],
        [attrs.evolve(given[0], language=None), *given[1:]],
    ]
    found = {make(tmp_path / str(n), given=variant).index.fingerprint for n, variant in enumerate(variants)}
    assert len(found) == len(variants)
    moved = [attrs.evolve(record, where="elsewhere") for record in given]
    assert make(tmp_path / "moved", given=moved).index.fingerprint in found


def test_records_are_not_held_in_memory(tmp_path: Path) -> None:
    seen: list[weakref.ref[str]] = []
    alive: list[int] = []

    class Text(str):
        """A text that can be watched."""

    def read(settings: Settings) -> Iterator[Record]:
        for record in records(500):
            text = Text(record.text)
            seen.append(weakref.ref(text))
            yield attrs.evolve(record, text=text)
            alive.append(sum(one() is not None for one in seen))

    spec = DatasetSpec("tiny", "for tests", Settings, lambda settings: FIELDS, read)
    store = prepare(tmp_path / "store", spec, Settings(), [(word_hash(), Settings())])
    assert len(store) == 500
    assert max(alive) <= 3


def test_the_encoder_is_fitted_on_a_bounded_part_of_the_training_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[str] = []

    def noting(settings: Settings, chunks: Sequence[str]) -> WordHashEncoder:
        fitted.extend(chunks)
        return fit(settings, chunks)

    def smaller(contents: Contents, splits: Splits) -> list[int]:
        return fitting_rows(contents, splits, most=2000)

    monkeypatch.setattr("redheart_core.data.prepare.fitting_rows", smaller)
    store = make(tmp_path, word_hash(fit=noting))
    texts = [store.text(row) for row in store.rows("train").tolist()]
    held = [text for text in texts if text.split()[-1] in " ".join(fitted).split()]
    assert 2 <= len(held) < len(texts)
    assert " ".join(fitted).split() == " ".join(held).split()


def test_progress_runs_from_nothing_to_everything(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    make(tmp_path, progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert seen[:3] == [("read", 30, 30), ("fit", 0, 1), ("fit", 1, 1)]
    assert [step[1] for step in seen[3:-1]] == sorted(step[1] for step in seen[3:-1])
    encoded = seen.index(("encode", 30, 30))
    assert {stage for stage, _, _ in seen[3 : encoded + 1]} == {"encode"}
    assert seen[encoded + 1 :] == [("terms", 30, 30)]
