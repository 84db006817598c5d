"""Preparing data: records are checked, and an interrupted store ends up like an uninterrupted one."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from redheart_core import CATALOGUE, DataError, DatasetSpec, EncoderSpec, Field, PluginError, Record, StoreError
from redheart_core.data.build import fitting_rows
from redheart_core.data.contents import Contents
from redheart_core.data.prepare import prepare
from redheart_core.data.splits import Splits
from redheart_core.data.store import Store
from redheart_core.storage.files import FileError
from redheart_core.storage.locks import LOCK, locked

FIELDS = (CATALOGUE["regret"], CATALOGUE["bentham"].with_labels("intensity", "purity"), CATALOGUE["utility"])
WORDS = ["bread", "stole", "friend", "rain", "because", "she", "비가", "친구는", "말했다", "never", "told", "truth"]


@attrs.frozen
class Settings:
    source: Path = Path("/somewhere/data.jsonl")
    width: int = 4


class WordHashEncoder:
    """Adds up a small vector for each word that was fitted."""

    revision = "word hash 1"

    def __init__(self, width: int, words: frozenset[str]) -> None:
        self.width = width
        self._words = words

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(chunks), self.width), dtype=np.float32)
        for vector, chunk in zip(vectors, chunks, strict=True):
            for word in chunk.split():
                if word in self._words:
                    vector += np.float32(zlib.crc32(word.encode()) % 997 + 1) / np.arange(1, self.width + 1)
        return vectors

    def save(self, folder: Path) -> None:
        (folder / "words").mkdir()
        (folder / "words" / "known.txt").write_text("\n".join(sorted(self._words)))
        (folder / "width.json").write_text(json.dumps(self.width))


def load(folder: Path) -> WordHashEncoder:
    width = json.loads((folder / "width.json").read_text())
    return WordHashEncoder(width, frozenset((folder / "words" / "known.txt").read_text().split("\n")))


def fit(settings: Settings, chunks: Sequence[str]) -> WordHashEncoder:
    return WordHashEncoder(settings.width, frozenset(word for chunk in chunks for word in chunk.split()))


def word_hash(**changes: Any) -> EncoderSpec:
    return attrs.evolve(EncoderSpec("word_hash", "for tests", Settings, fit, load), **changes)


def records(count: int = 30) -> list[Record]:
    draw = np.random.default_rng(0)
    return [
        Record(
            f"id{number}",
            " ".join([*draw.choice(WORDS, draw.integers(4, 30)).tolist(), f"number{number}."]),
            {"regret": number / count, "bentham": {"purity": 0.5} if number % 3 else None},
            f"data.jsonl line {number + 1}",
            language="ko" if number % 2 else "en",
        )
        for number in range(count)
    ]


def dataset(given: Sequence[Record], fields: tuple[Field, ...] = FIELDS) -> DatasetSpec:
    def read(settings: Settings) -> Iterator[Record]:
        return iter(given)

    return DatasetSpec("tiny", "for tests", Settings, lambda settings: fields, read)


def make(folder: Path, encoder: EncoderSpec | None = None, given: Sequence[Record] | None = None, **args: Any) -> Store:
    """30 records in 5 shards, if nothing else is asked for."""
    data = dataset(records() if given is None else given)
    options = {"chunk_chars": 30, "shard_records": 6} | args
    return prepare(folder, data, Settings(), encoder or word_hash(), Settings(), **options)


def tree(folder: Path) -> dict[str, bytes]:
    """All files; a killed process leaves its lock, which holds nobody up."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def refuse(*_: object) -> Any:
    raise AssertionError("the encoder is not needed")


def test_the_store_holds_records_targets_vectors_and_an_index_and_nothing_else(tmp_path: Path) -> None:
    store = make(tmp_path)
    shards = [f"embedding-{number:05d}.safetensors" for number in range(5)]
    files = [
        "records.jsonl",
        "rows.safetensors",
        "fields.safetensors",
        *shards,
        "encoder/width.json",
        "encoder/words/known.txt",
    ]
    files += ["terms.safetensors", "terms/terms.json", "terms/idf.safetensors"]
    assert sorted(tree(tmp_path)) == sorted([*files, "index.json"])
    assert store.index.files.keys() == set(files)
    for name, entry in store.index.files.items():
        data = (tmp_path / name).read_bytes()
        assert (entry.bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    lines = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert [(line["id"], line["language"], line["text"], line["where"]) for line in lines] == [
        (record.id, record.language, record.text, record.where) for record in records()
    ]
    assert store.index.coverage == {"regret": 30, "bentham": 20, "utility": 0}
    assert store.index.dataset_settings == {"source": "data.jsonl", "width": 4}
    assert sum(store.index.counts.values()) == 30
    assert [shard.records for shard in store.index.shards] == [6] * 5


def test_missing_numbers_are_not_numbers(tmp_path: Path) -> None:
    store = make(tmp_path)
    expected = [[math.nan, 0.5] if number % 3 else [math.nan, math.nan] for number in range(30)]
    torch.testing.assert_close(store.target("bentham"), torch.tensor(expected), rtol=0, atol=0, equal_nan=True)
    assert store.target("utility").shape == (30,)
    assert bool(store.target("utility").isnan().all())


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


KILL = """
import os, runpy, signal, sys
from contextlib import suppress
from pathlib import Path

make = runpy.run_path(sys.argv[1])["make"]
fsync, replace = os.fsync, os.replace

def die_at(point):
    calls = 0
    def before(call, *args):
        nonlocal calls
        calls += 1
        if calls == point:
            if call is fsync:
                with suppress(OSError):
                    os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        if call is replace:
            call(*args)
    os.fsync = lambda handle: before(fsync, handle)
    os.replace = lambda source, target: before(replace, source, target)

point, status = 0, None
while status != 0:
    point += 1
    child = os.fork()
    if child == 0:
        die_at(point)
        make(Path(sys.argv[2]) / f"{point:03d}", shard_records=15)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
"""


def test_a_store_killed_at_any_file_operation_is_finished_to_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path / "whole", shard_records=15)
    whole = tree(tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    subprocess.run([sys.executable, "-c", KILL, __file__, str(killed)], check=True, timeout=120)
    folders = sorted(killed.iterdir())
    unfinished = 0
    for folder in folders:
        if not (folder / "index.json").exists():
            unfinished += 1
            with pytest.raises(StoreError, match=r"is unfinished; prepare|holds no embedding store"):
                Store.open(folder)
        make(folder, shard_records=15)
        assert {name: data for name, data in tree(folder).items() if name != ".lock"} == whole
    assert 25 < unfinished < len(folders)


def test_after_an_error_midway_only_the_missing_shards_are_encoded(tmp_path: Path) -> None:
    class Failing(WordHashEncoder):
        calls = 0
        limit = 4

        def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
            Failing.calls += 1
            if Failing.calls > Failing.limit:
                raise ConnectionError("gone")
            return super().encode(chunks)

    def load_failing(folder: Path) -> WordHashEncoder:
        encoder = load(folder)
        return Failing(encoder.width, encoder._words)

    with pytest.raises(ConnectionError, match="gone"):
        make(tmp_path / "a", word_hash(load=load_failing))
    assert len(list((tmp_path / "a").glob("embedding*"))) == 2
    Failing.calls, Failing.limit = 0, 1000
    make(tmp_path / "a", word_hash(fit=refuse, load=load_failing))
    assert Failing.calls == 2 * 3  # each of the three missing shards, and its first record alone
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("name", ["embedding-00000.safetensors", "encoder/words/known.txt"])
def test_a_file_of_an_unfinished_store_that_has_changed_is_made_again(tmp_path: Path, name: str) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("encode", 12):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "a", progress=stop)
    (tmp_path / "a" / name).write_bytes(b"something else")
    make(tmp_path / "a")
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"chunk_chars": 31}, "chunk_chars is 30 there, 31 here"),
        ({"seed": 1}, "seed is 0 there, 1 here"),
        ({"shard_records": 7}, "shard_records is 6 there, 7 here"),
        ({"given": records(29)}, "content is '[0-9a-f]{64}' there, '[0-9a-f]{64}' here"),
        ({"encoder": word_hash(name="other")}, "encoder is 'word_hash' there, 'other' here"),
    ],
)
def test_a_store_made_with_other_arguments_is_refused_and_kept(
    tmp_path: Path, change: dict[str, Any], difference: str, finished: bool
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if not finished and (stage, done) == ("encode", 6):
            raise KeyboardInterrupt

    if finished:
        make(tmp_path)
    else:
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path, progress=stop)
    before = tree(tmp_path)
    with pytest.raises(StoreError, match=f"made with other arguments: .*{difference}.*; choose another folder"):
        make(tmp_path, **change)
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


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"no embedding store but other files \(diary.txt\); choose another folder"):
        make(tmp_path)
    assert tree(tmp_path) == {"diary.txt": b"mine"}
    (tmp_path / "progress.json").write_text("[]")
    with pytest.raises(StoreError, match=r"progress\.json is damaged: expects a table, got a list; choose"):
        make(tmp_path)


def test_two_processes_cannot_fill_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(FileError, match="another process is at work"):
        make(tmp_path)


def test_a_full_disk_while_the_encoder_is_saved_is_reported_and_can_be_gone_on_from(tmp_path: Path) -> None:
    class Full(WordHashEncoder):
        def save(self, folder: Path) -> None:
            (folder / "half").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match=r"cannot write .*encoder: No space left on device; free some space"):
        make(tmp_path / "a", word_hash(fit=lambda settings, chunks: Full(4, frozenset())))
    make(tmp_path / "a")
    make(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "id3"}, r"line 8 \(record 'id3'\): this id was taken already, at data.jsonl line 4"),
        ({"id": ""}, r"line 8: a record's id has to be printable text, got ''"),
        ({"id": 7}, r"line 8: a record's id has to be printable text, got 7"),
        ({"text": " "}, r"line 8 \(record 'id7'\): the text is empty"),
        ({"text": "a" * 1_000_000}, r"line 8 \(record 'id7'\): the text has 1,000,000 characters"),
        ({"text": None}, r"line 8 \(record 'id7'\): the text has to be a string, got NoneType"),
        ({"language": 3}, r"line 8 \(record 'id7'\): the language has to be a code such as en, got 3"),
        ({"values": {"regret": 1.5}}, r"line 8 \(record 'id7'\): regret expects a value in 0..1, got 1.5"),
        ({"values": {"bentham": {"joy": 1}}}, r"line 8 \(record 'id7'\): field 'bentham' has no label joy"),
        ({"values": {"regrets": 1}}, r"line 8 \(record 'id7'\): unknown field regrets \(fields: regret, bentham, ut"),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_written(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    given = records()
    given[7] = attrs.evolve(given[7], **change)
    with pytest.raises(DataError, match=f"^data.jsonl {message}"):
        make(tmp_path / "store", given=given)
    assert not (tmp_path / "store").exists()


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
    store = prepare(tmp_path / "store", spec, Settings(), word_hash(), Settings())
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


def test_all_bad_records_of_a_data_set_are_reported_together(tmp_path: Path) -> None:
    given = records(60)
    for number in range(0, 60, 2):
        given[number] = attrs.evolve(given[number], **({"text": " "} if number % 4 else {"values": {"regret": 2.0}}))

    def read(settings: Settings) -> Iterator[Record]:
        yield from given
        raise DataError("data.jsonl breaks off")

    spec = DatasetSpec("tiny", "for tests", Settings, lambda settings: FIELDS, read)
    with pytest.raises(DataError) as caught:
        prepare(tmp_path / "store", spec, Settings(), word_hash(), Settings())
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("31 rows cannot be used")
    assert lines[1] == "  - data.jsonl line 1 (record 'id0'): regret expects a value in 0..1, got 2.0"
    assert lines[2].startswith("  - data.jsonl line 3 (record 'id2'): the text is empty")
    assert lines[-1] == "  - and 11 more"


@pytest.mark.parametrize("name", ["embedding", "mask", "my field", "a.b", "1st", "mood_logits", ""])
def test_a_field_s_name_is_one_word_that_nothing_else_has(tmp_path: Path, name: str) -> None:
    spec = dataset(records(), (attrs.evolve(CATALOGUE["regret"], name=name),))
    with pytest.raises(DataError, match=rf"^data set '\w+': a field cannot be named '{name}'; a name is one word"):
        prepare(tmp_path, spec, Settings(), word_hash(), Settings())


def test_data_that_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data set 'tiny' has no records"):
        make(tmp_path, given=[])
    with pytest.raises(DataError, match="no train records: a seeded hash of the ids divides 1 records"):
        make(tmp_path, given=[attrs.evolve(records()[0], split="test")])
    with pytest.raises(DataError, match="shard_records has to be at least 1, got 0"):
        make(tmp_path, shard_records=0)
    twice = dataset(records(), (CATALOGUE["regret"], CATALOGUE["regret"]))
    with pytest.raises(PluginError, match="data set 'tiny' declares a field twice: regret, regret"):
        prepare(tmp_path, twice, Settings(), word_hash(), Settings())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda v: v[:-1], r"has to give \(\d+, 4\) float32, gave \(\d+, 4\) float32"),
        (lambda v: v[:, :2], r"has to give \(\d+, 4\) float32, gave \(\d+, 2\) float32"),
        (lambda v: v.astype(np.float64), "gave .* float64"),
        (lambda v: v.tolist(), "gave list"),
        (lambda v: np.where(np.arange(len(v))[:, None] == 1, np.float32("nan"), v), "not finite for the chunk '"),
        (lambda v: v - v.mean(axis=0), "gives a text other vectors when it is alone"),
    ],
)
def test_vectors_that_break_the_contract_are_refused(
    tmp_path: Path, spoil: Callable[[NDArray[np.float32]], Any], message: str
) -> None:
    class Spoilt(WordHashEncoder):
        def encode(self, chunks: Sequence[str]) -> Any:
            return spoil(super().encode(chunks))

    with pytest.raises(PluginError, match=f"encoder 'word hash 1' .*{message}"):
        make(tmp_path, word_hash(load=lambda folder: Spoilt(4, load(folder)._words)))


def test_progress_runs_from_nothing_to_everything(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    make(tmp_path, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert told[:3] == [("read", 30, 30), ("fit", 0, 1), ("fit", 1, 1)]
    assert [step[1] for step in told[3:-1]] == sorted(step[1] for step in told[3:-1])
    encoded = told.index(("encode", 30, 30))
    assert {stage for stage, _, _ in told[3 : encoded + 1]} == {"encode"}
    assert told[encoded + 1 :] == [("terms", 30, 30)]
