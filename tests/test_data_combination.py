"""Several encoders side by side, and vectors in half precision: stored, trained and analysed in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from word_store import Settings, WordHashEncoder, dataset, load, make, records, tree, word_hash

from redheart_core import DataError, EncoderSpec, PluginError, SettingsError, StoreError
from redheart_core.config.tables import DataSettings, Vectors
from redheart_core.data.encoding import TextEncoder, load_encoder
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.storage.settings import read_table

pytestmark = pytest.mark.usefixtures("quick_disk")


@attrs.frozen
class LettersSettings:
    letters: str = "w7kqz19"


@attrs.frozen(eq=False)
class LetterEncoder:
    """Counts letters."""

    letters: str
    revision: str = "letters 1"

    @property
    def width(self) -> int:
        return len(self.letters)

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        rows = [[chunk.count(letter) for letter in self.letters] for chunk in chunks]
        return np.array(rows, np.float32).reshape(len(chunks), self.width)

    def save(self, folder: Path) -> None:
        (folder / "letters.txt").write_text(self.letters)


LETTERS = EncoderSpec(
    "letters",
    "for tests",
    LettersSettings,
    lambda settings, chunks: LetterEncoder(settings.letters),
    lambda folder: LetterEncoder((folder / "letters.txt").read_text()),
)
BOTH = ((LETTERS, LettersSettings()), (word_hash(), Settings()))


def combined(folder: Path, encoders: Sequence[tuple[EncoderSpec, Any]] = BOTH, **options: Any) -> Store:
    given = dataset(records())
    return prepare(folder, given, Settings(), encoders, **{"chunk_chars": 30, "shard_records": 6} | options)


def every(store: Store) -> NDArray[np.float32]:
    """All real chunks, (C, D)."""
    embedding, mask = store.batch(torch.arange(len(store)))
    return embedding[mask].numpy()


def test_vectors_stand_side_by_side_each_of_length_1_and_zero_stays_zero(tmp_path: Path) -> None:
    store, letters, words = combined(tmp_path / "both"), combined(tmp_path / "l", BOTH[:1]), make(tmp_path / "w")
    assert store.embedding_width == 7 + 4
    vectors = every(store)
    for part, alone in ((vectors[:, :7], every(letters)), (vectors[:, 7:], every(words))):
        lengths = np.linalg.norm(alone, axis=1, keepdims=True)
        expected = np.divide(alone, lengths, out=np.zeros_like(alone), where=lengths > 0)
        assert np.array_equal(part, expected)
    assert (~vectors[:, :7].any(axis=1)).any(), "no chunk without a known letter; the test sees no zero vector"


def test_each_encoder_has_its_identity_hash_settings_and_folder(tmp_path: Path) -> None:
    index = combined(tmp_path).index
    first, second = index.encoder.parts
    assert (first.name, first.revision, first.width) == ("letters", "letters 1", 7)
    assert (second.name, second.revision, second.width) == ("word_hash", "word hash 1", 4)
    assert first.content_hash != second.content_hash
    assert index.encoder.label == "letters+word_hash"
    assert index.encoder_settings["letters"] == {"letters": "w7kqz19"}
    assert index.encoder_settings["word_hash"]["width"] == 4
    assert {name for name in index.files if name.startswith("encoder/")} == {
        "encoder/letters/letters.txt",
        "encoder/word_hash/width.json",
        "encoder/word_hash/words/known.txt",
    }


@pytest.mark.parametrize("vectors", ["float32", "float16"])
def test_a_text_analysed_alone_gives_the_stored_vectors(tmp_path: Path, vectors: Vectors) -> None:
    store = combined(tmp_path, vectors=vectors)
    encoder = load_encoder([spec for spec, _ in BOTH], tmp_path / "encoder", store.encoder_identity)
    for row in range(len(store)):
        assert torch.equal(encoder.encode_text(store.text(row)), store.batch(torch.tensor([row]))[0])


def test_another_order_another_encoder_or_another_type_is_another_store(tmp_path: Path) -> None:
    combined(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(StoreError, match=r"encoder is 'letters\+word_hash' there, 'word_hash\+letters' here"):
        combined(tmp_path, BOTH[::-1])
    with pytest.raises(StoreError, match=r"encoder is 'letters\+word_hash' there, 'letters' here"):
        combined(tmp_path, BOTH[:1])
    with pytest.raises(StoreError, match="vectors is 'float32' there, 'float16' here"):
        combined(tmp_path, vectors="float16")
    with pytest.raises(StoreError, match=r"encoder_settings\.letters\.letters is 'w7kqz19' there, 'xyz' here"):
        combined(tmp_path, ((LETTERS, LettersSettings("xyz")), BOTH[1]))
    assert tree(tmp_path) == before


def test_a_store_of_several_encoders_that_was_interrupted_ends_in_the_same_bytes(tmp_path: Path) -> None:
    def stopping(stage: str, done: int) -> Callable[[str, int, int], None]:
        def stop(now: str, so_far: int, total: int) -> None:
            if (now, so_far) == (stage, done):
                raise KeyboardInterrupt

        return stop

    combined(tmp_path / "whole")
    for number, (stage, done) in enumerate([("fit", 1), ("fit", 2), ("encode", 12)]):
        folder = tmp_path / str(number)
        with pytest.raises(KeyboardInterrupt):
            combined(folder, progress=stopping(stage, done))
        combined(folder)
        assert tree(folder) == tree(tmp_path / "whole")


def test_a_changed_file_of_one_encoder_is_refused_by_its_name(tmp_path: Path) -> None:
    identity = combined(tmp_path).encoder_identity
    (tmp_path / "encoder" / "letters" / "letters.txt").write_text("w7kqz10")
    with pytest.raises(StoreError, match="another encoder: content_hash of letters is "):
        load_encoder([spec for spec, _ in BOTH], tmp_path / "encoder", identity)


def test_known_to_one_encoder_is_known_to_all_and_unknown_means_all_zero(tmp_path: Path) -> None:
    words = WordHashEncoder(4, frozenset(["비가"]))
    encoder = TextEncoder((LetterEncoder("ae"), words), 30, "float32")
    assert encoder.encode_text("비가")[0, 0].tolist()[:2] == [0.0, 0.0]
    assert encoder.encode_text("sea").any()
    with pytest.raises(DataError, match="the encoder 'letters 1' and 'word hash 1' knows no part of it"):
        encoder.encode_text("кот")


@pytest.mark.parametrize(("scale", "number"), [(1e5, "1e\\+05"), (1e-9, "1e-09")])
def test_numbers_that_half_precision_cannot_hold_are_refused(scale: float, number: str) -> None:
    class Extreme(LetterEncoder):
        def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
            return super().encode(chunks) * np.float32(scale)

    assert TextEncoder((Extreme("a"),), 30, "float32").encode(["a"]).tolist() == [[np.float32(scale)]]
    with pytest.raises(PluginError, match=rf"largest number is {number}, which half.*vectors = \"float32\" under"):
        TextEncoder((Extreme("a"),), 30, "float16").encode(["a"])


def test_half_precision_halves_the_vectors_and_rounds_to_nearest(tmp_path: Path) -> None:
    full, half = combined(tmp_path / "full"), combined(tmp_path / "half", vectors="float16")
    assert np.array_equal(every(half), every(full).astype(np.float16).astype(np.float32))
    sizes = [sum(store.index.files[shard.file].bytes for shard in store.index.shards) for store in (full, half)]
    assert sizes[0] - sizes[1] == 2 * every(full).size


@pytest.mark.parametrize("given", ["letters+words", ["letters", "words"], ("letters", "words")])
def test_encoders_are_named_as_a_list_or_joined_by_a_plus(given: object) -> None:
    assert read_table(DataSettings, {"dataset": "d", "encoder": given}, "[data]").encoders == ("letters", "words")


@pytest.mark.parametrize("given", ["", "a+", ["a", "a"], "a+a", ["a", ""]])
def test_an_encoder_without_a_name_or_the_same_twice_is_refused(given: object) -> None:
    with pytest.raises(SettingsError, match="'encoder' must be one name or a list of different names"):
        read_table(DataSettings, {"dataset": "d", "encoder": given}, "[data]")


def test_the_first_stores_encoder_is_the_loaded_one(tmp_path: Path) -> None:
    """Words beyond the fitted ones stay unknown after loading."""
    store = combined(tmp_path)
    known = load(tmp_path / "encoder" / "word_hash")
    assert not known.encode(["unheard"]).any()
    assert store.encoder_identity.parts[1].width == known.width
