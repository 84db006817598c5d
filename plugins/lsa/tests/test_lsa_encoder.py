"""What the encoder `lsa` promises."""

from __future__ import annotations

import json
import math
import random
import unicodedata
from pathlib import Path

import attrs
import numpy as np
import pytest
from new_python import run_python
from sealed_files import change
from sklearn.feature_extraction.text import TfidfVectorizer

from redheart_core import DataError, Encoder, SettingsError, StoreError
from redheart_core.storage.settings import read_table
from redheart_lsa import redheart_provide_encoders
from redheart_lsa.settings import LsaSettings

(SPEC,) = redheart_provide_encoders()
SMALL = LsaSettings(width=16, word_terms=300, character_terms=400, min_chunks=2, fit_chunks=200)
ENGLISH = "I you she friend mother money wedding left stayed promised forgot to the a my when because not very sad"
KOREAN = "나는 너는 친구가 엄마에게 돈을 결혼식에 떠났다 남았다 약속했다 잊었다 그래서 매우 슬펐다 화가 났다"


def sentences(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join(draw.choices((KOREAN if number % 3 == 0 else ENGLISH).split(), k=draw.randint(3, 20)))
        + draw.choice(".!?")
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return SPEC.fit(SMALL, sentences(300, seed=1))


def test_vectors_are_float32_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(sentences(50, seed=2))
    assert vectors.shape == (50, encoder.width) == (50, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("chunk", ["", "   ", "?!", "кот", "qqq zzz", "\u200b"])
def test_a_chunk_without_a_known_term_is_the_zero_vector(encoder: Encoder, chunk: str) -> None:
    vectors = encoder.encode(["I promised my friend", chunk])
    assert np.array_equal(vectors[1], np.zeros(16, np.float32))
    assert vectors[0].any()


def test_no_chunks_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 16)


def test_a_vector_is_the_same_bits_whatever_stands_beside_it(encoder: Encoder) -> None:
    chunks = sentences(101, seed=3)
    together = encoder.encode(chunks)
    order = random.Random(4).sample(range(101), 101)
    assert np.array_equal(encoder.encode([chunks[index] for index in order]), together[order])
    assert np.array_equal(np.concatenate([encoder.encode([chunk]) for chunk in chunks]), together)
    assert np.array_equal(np.concatenate([encoder.encode(chunks[:37]), encoder.encode(chunks[37:])]), together)


def test_chunks_beyond_one_working_batch_are_the_same_bits(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redheart_lsa.encoder.ROWS", 64)
    chunks = sentences(69, seed=5)
    assert np.array_equal(encoder.encode(chunks)[-10:], encoder.encode(chunks[-10:]))


def test_at_full_rank_vectors_lie_as_scikit_learns_weights_do() -> None:
    chunks = sentences(40, seed=6)
    settings = LsaSettings(width=40, character_weight=0.5, min_chunks=2)
    words = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True)
    weights = np.hstack([words.fit_transform(chunks).toarray(), 0.5 * parts.fit_transform(chunks).toarray()])
    expected = weights @ weights.T / (1 + 0.5**2)
    vectors = SPEC.fit(settings, chunks).encode(chunks)
    # as many directions as chunks lose nothing, so the cosines are those of the weights
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-5)


def test_fewer_directions_are_the_leading_ones() -> None:
    chunks = [f"apple pear fig{number % 4}" for number in range(60)] + [
        f"moon sun star{number % 3}" for number in range(40)
    ]
    encoder = SPEC.fit(LsaSettings(width=5, min_chunks=2), chunks)
    words = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True)
    weights = np.hstack([words.fit_transform(chunks).toarray(), 0.7 * parts.fit_transform(chunks).toarray()])
    _, values, directions = np.linalg.svd(weights, full_matrices=False)
    assert values[4] > 1.0 > 1e-5 > values[7]
    expected = weights @ directions[:5].T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    vectors = encoder.encode(chunks)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-4)


def test_the_most_frequent_terms_are_kept() -> None:
    chunks = [f"often{number % 2} rare{number}" for number in range(40)]
    encoder = SPEC.fit(LsaSettings(width=2, word_terms=2, character_terms=1, min_chunks=1), chunks)
    assert "2 word terms" in encoder.revision
    assert encoder.encode(["often0"]).any()
    assert not encoder.encode(["r7"]).any()


def test_texts_that_share_words_lie_nearer_than_others(encoder: Encoder) -> None:
    first, same, other = encoder.encode(["my friend forgot the wedding", "the wedding, friend", "나는 돈을 잊었다"])
    assert first @ same > 0.5 > 0.3 > first @ other


def test_korean_with_another_particle_is_near(encoder: Encoder) -> None:
    first, same, other = encoder.encode(["친구가 약속했다", "친구는 약속했지만", "매우 슬펐다"])
    assert first @ same > first @ other + 0.2


def test_composed_and_decomposed_korean_give_the_same_bits(encoder: Encoder) -> None:
    text = "나는 친구가 슬펐다"
    decomposed = unicodedata.normalize("NFD", text)
    assert decomposed != text
    assert np.array_equal(*encoder.encode([text, decomposed]))


def test_fitting_twice_gives_the_same_bits(encoder: Encoder) -> None:
    again = SPEC.fit(SMALL, sentences(300, seed=1))
    chunks = sentences(20, seed=7)
    assert np.array_equal(encoder.encode(chunks), again.encode(chunks))
    assert encoder.revision == again.revision


def test_fit_takes_chunks_at_even_distances() -> None:
    chunks = sentences(600, seed=8)
    settings = attrs.evolve(SMALL, fit_chunks=200)
    assert np.array_equal(
        SPEC.fit(settings, chunks).encode(chunks[:9]), SPEC.fit(settings, chunks[::3]).encode(chunks[:9])
    )


def test_saved_and_loaded_it_gives_the_same_bits_and_saves_the_same_bytes(encoder: Encoder, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    encoder.save(first)
    loaded = SPEC.load(first)
    loaded.save(second)
    chunks = sentences(60, seed=9)
    assert np.array_equal(loaded.encode(chunks), encoder.encode(chunks))
    assert (loaded.revision, loaded.width) == (encoder.revision, encoder.width)
    files = sorted(path.name for path in first.iterdir())
    assert files == ["encoder.json", "vectors.safetensors"]
    assert [(first / name).read_bytes() for name in files] == [(second / name).read_bytes() for name in files]


@pytest.mark.parametrize("name", ["encoder.json", "vectors.safetensors"])
def test_a_missing_file_is_named(encoder: Encoder, tmp_path: Path, name: str) -> None:
    encoder.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(StoreError, match=rf"{name} is missing"):
        SPEC.load(tmp_path)


def test_a_flipped_byte_of_the_vectors_is_noticed(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    flip(tmp_path / "vectors.safetensors", (tmp_path / "vectors.safetensors").stat().st_size // 2, 1)
    with pytest.raises(StoreError, match=r"vectors\.safetensors is damaged or was replaced: its SHA-256 is"):
        SPEC.load(tmp_path)


def test_a_flipped_bit_anywhere_in_the_manifest_is_noticed(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    file = tmp_path / "encoder.json"
    for place in random.Random(0).sample(range(8 * file.stat().st_size), 300):
        flip(file, place // 8, 1 << place % 8)
        with pytest.raises(StoreError, match=r"encoder\.json is damaged"):
            SPEC.load(tmp_path)
        flip(file, place // 8, 1 << place % 8)
    assert SPEC.load(tmp_path).revision == encoder.revision


def flip(file: Path, position: int, bits: int) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= bits
    file.write_bytes(bytes(content))


def test_another_format_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    change(tmp_path / "encoder.json", lambda table: table.update(format=1))
    with pytest.raises(StoreError, match="format 1, expected is 'encoder lsa' of format 2"):
        SPEC.load(tmp_path)


@pytest.mark.parametrize(
    ("chunks", "directions"), [(sentences(12, seed=1), 12), (["one two three"] * 50, 1), (["a", "b"] * 25, 2)]
)
def test_little_text_gives_as_many_numbers_as_it_has_directions(chunks: list[str], directions: int) -> None:
    encoder = SPEC.fit(SMALL, chunks)
    assert encoder.width == directions
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(chunks), axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("chunks", [[f"{number}" for number in range(50)], ["", " "] * 20, []])
def test_text_without_a_term_that_occurs_often_enough_is_refused(chunks: list[str]) -> None:
    with pytest.raises(DataError, match=rf"in at least \d of the {len(chunks)} chunks.*set min_chunks lower"):
        SPEC.fit(SMALL, chunks)


def test_settings_are_read_from_a_table_and_checked() -> None:
    assert read_table(LsaSettings, {"width": 64}, "[plugins.lsa]") == LsaSettings(width=64)
    with pytest.raises(SettingsError, match="width"):
        read_table(LsaSettings, {"width": 0}, "[plugins.lsa]")


def test_the_plugin_is_imported_without_scikit_learn() -> None:
    code = "import sys, redheart_lsa; print(sorted({'sklearn', 'scipy', 'numpy', 'torch'} & set(sys.modules)))"
    assert run_python(code).out == "[]\n"


def test_inverse_document_frequency_is_the_smoothed_logarithm(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    chunks = ["apple pear", "apple fig", "apple fig pear", "plum plum"]
    SPEC.fit(LsaSettings(width=1, min_chunks=1), chunks).save(tmp_path)
    names = json.loads((tmp_path / "encoder.json").read_bytes())["terms"][0]["names"]
    idf = dict(zip(names, load_file(tmp_path / "vectors.safetensors")["idf.word"].tolist(), strict=True))
    assert idf["apple"] == pytest.approx(math.log(5 / 4) + 1)
    assert idf["plum plum"] == pytest.approx(math.log(5 / 2) + 1)
