"""The store gives back what was prepared, bit for bit, and finds every damage."""

from __future__ import annotations

import json
import math
import random
import time
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from redheart_core import CATALOGUE, DataError, DatasetSpec, EncoderSpec, Field, Record, StoreError
from redheart_core.data.encoding import TextEncoder, load_encoder
from redheart_core.data.identity import EncoderPart
from redheart_core.data.index import STORE_INDEX
from redheart_core.data.mapped import map_tensors
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.storage.files import save_tensors

UNBOUNDED = Field("heat", "how hot", -math.inf, math.inf, labels=("in", "out"))
CHUNK_CHARS = 40


@attrs.frozen
class Settings:
    width: int = 5


class LetterEncoder:
    """Counts of ASCII letters by residue; other letters are unknown."""

    revision = "letters 1"

    def __init__(self, width: int) -> None:
        self.width = width

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(chunks), self.width), dtype=np.float32)
        for vector, chunk in zip(vectors, chunks, strict=True):
            for letter in chunk.encode("ascii", "ignore").decode():
                vector[zlib.crc32(letter.encode()) % self.width] += np.float32(0.1)
        return vectors

    def save(self, folder: Path) -> None:
        (folder / "letters.json").write_text(json.dumps({"width": self.width}))


LETTERS = EncoderSpec(
    "letters",
    "for tests",
    Settings,
    lambda settings, chunks: LetterEncoder(settings.width),
    lambda folder: LetterEncoder(json.loads((folder / "letters.json").read_text())["width"]),
)


def texts() -> list[str]:
    draw = np.random.default_rng(1)
    words = ["cafe\u0301", "stole", "a", "loaf. ", "비가", "왔다.", "unbelievably", "sorry?"]
    return [f"Case {n}: " + " ".join(draw.choice(words, draw.integers(1, 40)).tolist()) for n in range(25)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    records = [
        Record(f"id{n}", text, {"regret": n / 25, "heat": {"in": -n * 1e6}}, f"line {n}", language="en" if n else None)
        for n, text in enumerate(texts())
    ]
    data = DatasetSpec(
        "cases",
        "for tests",
        Settings,
        lambda settings: (CATALOGUE["regret"], UNBOUNDED),
        lambda settings: iter(records),
    )
    prepare(path, data, Settings(), [(LETTERS, Settings())], chunk_chars=CHUNK_CHARS, shard_records=7)
    return path


@pytest.fixture
def store(folder: Path) -> Store:
    return Store.open(folder)


def test_records_come_back_in_order(store: Store) -> None:
    assert len(store) == 25
    assert store.ids == tuple(f"id{n}" for n in range(25))
    assert store.languages == (None, *["en"] * 24)
    assert [store.text(row) for row in range(25)] == [text.replace("e\u0301", "é") for text in texts()]
    assert store.embedding_width == 5
    assert store.fields == {"regret": CATALOGUE["regret"], "heat": UNBOUNDED}


def test_targets_come_back_by_name(store: Store) -> None:
    assert torch.equal(store.target("regret")[store.all_rows], torch.arange(25) / 25)
    heat = store.target("heat")[store.all_rows]
    assert torch.equal(heat[:, 0], -torch.arange(25) * 1e6)
    assert bool(heat[:, 1].isnan().all())
    with pytest.raises(DataError, match=r"data set 'cases' has no field 'joy' \(fields: heat, regret\)"):
        store.target("joy")


def test_the_splits_are_disjoint_ascending_and_cover_all_records(store: Store) -> None:
    parts = {split: store.rows(split) for split in ("train", "validation", "calibration", "test")}
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(25))
    for split, rows in parts.items():
        assert rows.dtype == torch.int64
        assert rows.tolist() == sorted(rows.tolist())
        assert len(rows) == store.index.counts[split]
    with pytest.raises(DataError, match=r"no split 'dev' \(splits: train, validation, calibration, test\)"):
        store.rows("dev")


def test_each_text_analysed_alone_gives_the_stored_vectors_bit_for_bit(store: Store, folder: Path) -> None:
    encoder = load_encoder([LETTERS], folder / "encoder", store.encoder_identity)
    assert int(store.chunk_counts.max()) > 5
    for row, text in enumerate(texts()):
        alone = encoder.encode_text(text)
        stored, mask = store.batch(torch.tensor([row]))
        assert alone.dtype == torch.float32
        assert torch.equal(alone, stored)
        assert mask.shape == (1, int(store.chunk_counts[row]))
        assert bool(mask.all())


def test_a_batch_is_padded_with_zeros_to_its_longest_record(store: Store) -> None:
    rows = torch.tensor([24, 0, 13, 13, 6, 7])
    embedding, mask = store.batch(rows)
    counts = store.chunk_counts[rows]
    assert embedding.shape == (6, int(counts.max()), 5)
    assert embedding.dtype == torch.float32
    assert embedding.is_contiguous()
    assert mask.dtype == torch.bool
    assert torch.equal(mask.sum(1), counts)
    for place, row in enumerate(rows.tolist()):
        alone, _ = store.batch(torch.tensor([row]))
        count = int(counts[place])
        assert torch.equal(embedding[place, :count], alone[0])
        assert not embedding[place, count:].any()
        assert bool(mask[place, :count].all())


def test_changing_a_batch_changes_nothing_else(store: Store, folder: Path) -> None:
    rows = torch.arange(25)
    first, _ = store.batch(rows)
    kept = first.clone()
    first.fill_(9.0)
    assert torch.equal(store.batch(rows)[0], kept)
    Store.open(folder)


def test_rows_that_do_not_exist_are_refused(store: Store) -> None:
    with pytest.raises(DataError, match=r"rows have to lie in 0\.\.24, got -1\.\.3"):
        store.batch(torch.tensor([3, -1]))
    with pytest.raises(DataError, match=r"rows have to lie in 0\.\.24, got 25\.\.25"):
        store.batch(torch.tensor([25]))
    assert store.batch(torch.tensor([], dtype=torch.int64))[0].shape == (0, 0, 5)


def copy_of(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            target = to / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return to


FILES = [
    "records.jsonl",
    "rows.safetensors",
    "terms.safetensors",
    "fields.safetensors",
    "embedding-00002.safetensors",
    "encoder/letters/letters.json",
    "index.json",
]


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_is_found_and_its_file_named(folder: Path, tmp_path: Path, name: str) -> None:
    damaged = copy_of(folder, tmp_path / "copy")
    data = bytearray((damaged / name).read_bytes())
    place = data.index(b"1") if name == "index.json" else len(data) // 2
    data[place] ^= 1
    (damaged / name).write_bytes(data)
    with pytest.raises(StoreError, match=f"{damaged / name} is damaged"):
        Store.open(damaged)


@pytest.mark.parametrize("name", FILES[:-1])
def test_a_missing_or_shortened_file_is_found_even_without_verification(
    folder: Path, tmp_path: Path, name: str
) -> None:
    damaged = copy_of(folder, tmp_path / "copy")
    (damaged / name).write_bytes((damaged / name).read_bytes()[:-1])
    with pytest.raises(StoreError, match=f"{damaged / name} is damaged: .* bytes, recorded are"):
        Store.open(damaged, verify=False)
    (damaged / name).unlink()
    with pytest.raises(StoreError, match=f"{damaged / name} is missing"):
        Store.open(damaged, verify=False)


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no embedding store \(no index\.json\)"):
        Store.open(tmp_path)


def test_the_index_comes_back_from_its_json(store: Store, folder: Path) -> None:
    assert STORE_INDEX.read(folder / "index.json") == store.index


def test_no_flipped_bit_of_the_index_passes(folder: Path, tmp_path: Path) -> None:
    file, draw = tmp_path / "index.json", random.Random(0)
    whole = (folder / "index.json").read_bytes()
    for place in draw.sample(range(8 * len(whole)), 200):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        file.write_bytes(bytes(flipped))
        with pytest.raises(StoreError, match=r"index\.json is .*; delete its folder and prepare the data again"):
            Store.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"revision": "letters 2"}, "revision of letters is 'letters 1' there, 'letters 2' here"),
        ({"content_hash": "00"}, "content_hash of letters is '[0-9a-f]{64}' there, '00' here"),
        ({"width": 6}, "width of letters is 5 there, 6 here"),
        ({"chunk_chars": 41}, "chunk_chars is 40 there, 41 here"),
        ({"vectors": "float16"}, "vectors is 'float32' there, 'float16' here"),
    ],
)
def test_another_encoder_is_refused_with_both_shown(store: Store, change: dict[str, Any], difference: str) -> None:
    identity = store.encoder_identity
    identity.require(attrs.evolve(identity), store.folder)
    (part,) = identity.parts
    of_part = {key: value for key, value in change.items() if key in attrs.fields_dict(EncoderPart)}
    rest = {key: value for key, value in change.items() if key not in of_part}
    other = attrs.evolve(identity, parts=(attrs.evolve(part, **of_part),), **rest)
    with pytest.raises(StoreError, match=f"made with another encoder: {difference}; use that encoder, or prepare"):
        identity.require(other, store.folder)


def test_an_encoder_whose_files_changed_is_refused_before_it_is_loaded(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    copy = copy_of(folder / "encoder", tmp_path / "encoder")
    (copy / "letters" / "letters.json").write_text("{}")
    with pytest.raises(StoreError, match="another encoder: content_hash of letters is "):
        load_encoder([LETTERS], copy, store.encoder_identity)
    with pytest.raises(StoreError, match="another encoder: encoder is 'letters' there, 'other' here"):
        load_encoder([attrs.evolve(LETTERS, name="other")], folder / "encoder", store.encoder_identity)
    with pytest.raises(StoreError, match="holds no encoder"):
        load_encoder([LETTERS], tmp_path / "none", store.encoder_identity)
    wide = attrs.evolve(LETTERS, load=lambda _: LetterEncoder(9))
    with pytest.raises(StoreError, match="another encoder: width of letters is 5 there, 9 here"):
        load_encoder([wide], folder / "encoder", store.encoder_identity)


def test_a_text_of_which_the_encoder_knows_no_part_is_refused() -> None:
    encoder = TextEncoder((LetterEncoder(5),), CHUNK_CHARS, "float32")
    with pytest.raises(DataError, match="the encoder 'letters 1' knows no part of it"):
        encoder.encode_text("비가왔다")
    with pytest.raises(DataError, match="text: the text is empty"):
        encoder.encode_text("  ")


def test_mapped_tensors_equal_the_saved_ones(tmp_path: Path) -> None:
    stream = torch.Generator().manual_seed(0)
    tensors = {"chunks": torch.randn(7, 3, generator=stream), "offsets": torch.tensor([0, 2, 7])}
    save_tensors(tmp_path / "a", tensors)
    mapped = map_tensors(tmp_path / "a")
    assert mapped.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(torch.from_numpy(mapped[name]), tensor)


def test_a_batch_of_usual_size_takes_well_under_a_millisecond(tmp_path: Path) -> None:
    class Wide(LetterEncoder):
        def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
            return np.full((len(chunks), self.width), 0.5, dtype=np.float32)

    wide = attrs.evolve(LETTERS, fit=lambda _, chunks: Wide(768), load=lambda _: Wide(768))
    records = [Record(f"r{n}", f"t{n} " + "word " * 80, {}, f"line {n}") for n in range(200)]
    data = DatasetSpec("wide", "for tests", Settings, lambda _: (), lambda _: iter(records))
    store = prepare(tmp_path, data, Settings(), [(wide, Settings())], chunk_chars=CHUNK_CHARS)
    assert int(store.chunk_counts.min()) >= 10
    times = []
    for start in range(100):
        begin = time.perf_counter()
        store.batch(torch.arange(start, start + 32))
        times.append(time.perf_counter() - begin)
    assert min(times) < 1e-3


def test_a_store_is_found_under_any_unicode_form_of_its_name(folder: Path, tmp_path: Path) -> None:
    copy_of(folder, tmp_path / unicodedata.normalize("NFD", "données") / "저장")
    store = Store.open(tmp_path / unicodedata.normalize("NFC", "données") / unicodedata.normalize("NFD", "저장"))
    assert len(store) == 25
