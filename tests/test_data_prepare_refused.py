"""What cannot become a store is refused, and nothing that is there is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from word_store import FIELDS, Settings, WordHashEncoder, dataset, load, make, records, tree, word_hash

from redheart_core import CATALOGUE, DataError, DatasetSpec, PluginError, Record, StoreError
from redheart_core.data.prepare import prepare
from redheart_core.storage.files import FileError
from redheart_core.storage.locks import locked

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"chunk_chars": 31}, "chunk_chars is 30 there, 31 here"),
        ({"seed": 1}, "seed is 0 there, 1 here"),
        ({"shard_records": 7}, "shard_records is 6 there, 7 here"),
        ({"given": records(29)}, "the data set has changed since: an id, text, language, label"),
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


@attrs.frozen
class Later(Settings):
    """The encoder's settings in a later version."""

    stride: int = 1


@attrs.frozen
class Otherwise(Settings):
    """The same with another default, which a later version may not have."""

    width: int = 5


def test_a_setting_of_an_encoder_that_is_newer_than_a_store_counts_as_its_default(tmp_path: Path) -> None:
    store = make(tmp_path)
    before = tree(tmp_path)
    assert make(tmp_path, word_hash(settings=Later)).index == store.index
    assert tree(tmp_path) == before
    with pytest.raises(StoreError, match=r"encoder_settings\.word_hash\.stride is 1 there, 2 here"):
        make(tmp_path, word_hash(settings=Later), own=Later(stride=2))
    with pytest.raises(StoreError, match=r"encoder_settings\.word_hash\.width is 4 there, 5 here"):
        make(tmp_path, word_hash(settings=Otherwise))


def test_a_store_of_which_no_part_was_made_binds_nobody(tmp_path: Path) -> None:
    def fail(settings: Settings, texts: Sequence[str]) -> WordHashEncoder:
        raise DataError("width is too large")

    with pytest.raises(DataError, match="width is too large"):
        make(tmp_path, word_hash(fit=fail))
    assert set(tree(tmp_path)) == {"progress.json"}
    assert make(tmp_path, own=Settings(width=3), seed=1).index.seed == 1


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "id3"}, r"line 8 \(record 'id3'\): this id was taken already, at data.jsonl line 4"),
        ({"id": ""}, r"line 8: a record's id has to be printable text, got ''"),
        ({"id": 7}, r"line 8: a record's id has to be printable text, got 7"),
        ({"text": " "}, r"line 8 \(record 'id7'\): the text is empty"),
        ({"text": "a" * 1_000_000}, r"line 8 \(record 'id7'\): the text has 1,000,000 characters"),
        ({"text": None}, r"line 8 \(record 'id7'\): the text has to be a string, got NoneType"),
        ({"language": 3}, r"line 8 \(record 'id7'\): the language has to be a code such as en or ko, got 3"),
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


def test_all_bad_records_of_a_data_set_are_reported_together(tmp_path: Path) -> None:
    given = records(60)
    for number in range(0, 60, 2):
        given[number] = attrs.evolve(given[number], **({"text": " "} if number % 4 else {"values": {"regret": 2.0}}))

    def read(settings: Settings) -> Iterator[Record]:
        yield from given
        raise DataError("data.jsonl breaks off")

    spec = DatasetSpec("tiny", "for tests", Settings, lambda settings: FIELDS, read)
    with pytest.raises(DataError) as caught:
        prepare(tmp_path / "store", spec, Settings(), [(word_hash(), Settings())])
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("31 rows cannot be used")
    assert lines[1] == "  - data.jsonl line 1 (record 'id0'): regret expects a value in 0..1, got 2.0"
    assert lines[2].startswith("  - data.jsonl line 3 (record 'id2'): the text is empty")
    assert lines[-1] == "  - and 11 more"


def test_data_that_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data set 'tiny' has no records"):
        make(tmp_path, given=[])
    with pytest.raises(DataError, match="no train records: a seeded hash of the ids divides 1 records"):
        make(tmp_path, given=[attrs.evolve(records()[0], split="test")])
    with pytest.raises(DataError, match="shard_records has to be at least 1, got 0"):
        make(tmp_path, shard_records=0)
    twice = dataset(records(), (CATALOGUE["regret"], CATALOGUE["regret"]))
    with pytest.raises(PluginError, match="data set 'tiny' declares a field twice: regret, regret"):
        prepare(tmp_path, twice, Settings(), [(word_hash(), Settings())])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda v: v[:-1], r"has to give \(\d+, 4\) float32, gave \(\d+, 4\) float32"),
        (lambda v: v[:, :2], r"has to give \(\d+, 4\) float32, gave \(\d+, 2\) float32"),
        (lambda v: v.astype(np.float64), "gave .* float64"),
        (lambda v: v.tolist(), "gave list"),
        (lambda v: np.where(np.arange(len(v))[:, None] == 1, np.float32("nan"), v), "not finite for the chunk '"),
        (lambda v: v - v.mean(axis=0), "gives a chunk another vector when it is alone"),
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


@pytest.mark.parametrize("name", ["embedding", "mask", "my field", "a.b", "1st", "mood_logits", ""])
def test_a_field_s_name_is_one_word_that_nothing_else_has(tmp_path: Path, name: str) -> None:
    spec = dataset(records(), (attrs.evolve(CATALOGUE["regret"], name=name),))
    with pytest.raises(DataError, match=rf"^data set '\w+': a field cannot be named '{name}'; a name is one word"):
        prepare(tmp_path, spec, Settings(), [(word_hash(), Settings())])
