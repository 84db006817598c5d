"""What the encoder `sentence_transformer` promises, tried on a tiny model made on the spot."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from new_python import run_python
from numpy.typing import NDArray
from sealed_files import change

from redheart_core import DataError, Encoder, RedheartError, SettingsError, StoreError
from redheart_sentence_transformer import encoder as encoder_module
from redheart_sentence_transformer import redheart_provide_encoders
from redheart_sentence_transformer.batching import fill_batches
from redheart_sentence_transformer.settings import SentenceTransformerSettings

(SPEC,) = redheart_provide_encoders()
ENGLISH = ("i", "left", "my", "friend", "##s", "the", "wedding", "forgot", "money", ".")
KOREAN = ("나", "##는", "친구", "##가", "슬펐다")
WORDS = ENGLISH + KOREAN


def make_model(folder: Path, seed: int = 0) -> None:
    """A BERT of two layers and width 16 with a WordPiece vocabulary, saved as transformers does."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import NFC
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = NFC()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, model_max_length=24, **names).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=24,
            initializer_range=0.5,
        )
        BertModel(config).save_pretrained(folder)


def sentences(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    words = [word for word in WORDS if not word.startswith("##")]
    return [" ".join(draw.choices(words, k=draw.randint(1, 20))) for _ in range(count)]


def assert_close(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Each vector within 1e-5 of the length of the expected one, as encoders have to."""
    assert np.all(np.linalg.norm(found - expected, axis=1) <= 1e-5 * np.linalg.norm(expected, axis=1))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformerSettings:
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    make_model(folder)
    return SentenceTransformerSettings(model=str(folder))


@pytest.fixture(scope="module")
def encoder(settings: SentenceTransformerSettings) -> Encoder:
    return SPEC.fit(settings, [])


def saved(encoder: Encoder, folder: Path) -> Path:
    folder.mkdir()
    encoder.save(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_vector_is_the_mean_of_the_models_last_layer(encoder: Encoder, settings: SentenceTransformerSettings) -> None:
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(settings.model), AutoTokenizer.from_pretrained(settings.model)
    inputs = tokenizer("i left my friends", return_tensors="pt")
    assert inputs["input_ids"].tolist() == [[2, 5, 6, 7, 8, 9, 3]]
    with torch.no_grad():
        expected = model(**inputs).last_hidden_state[0].mean(0)
    vectors = encoder.encode(["i left my friends"])
    assert vectors.dtype == np.float32
    assert encoder.width == 16
    np.testing.assert_allclose(vectors, expected.numpy()[None], atol=1e-6)


def test_equal_calls_give_equal_bits_and_neighbours_change_no_more_than_rounding(encoder: Encoder) -> None:
    chunks = sentences(60, seed=1)
    together = encoder.encode(chunks)
    assert np.array_equal(encoder.encode(chunks), together)
    order = random.Random(2).sample(range(60), 60)
    assert_close(encoder.encode([chunks[index] for index in order]), together[order])
    assert_close(np.concatenate([encoder.encode([chunk]) for chunk in chunks]), together)
    assert len(np.unique(together, axis=0)) == len(set(chunks))


@pytest.mark.parametrize("tokens", [1, 24, 100, 10_000])
def test_batches_hold_no_more_tokens_than_set_and_agree_to_rounding(
    encoder: Encoder, settings: SentenceTransformerSettings, tokens: int
) -> None:
    chunks = sentences(60, seed=3)
    other: Any = SPEC.fit(attrs.evolve(settings, batch_tokens=tokens), [])
    shapes: list[tuple[int, int]] = []
    other.model.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0]["input_ids"].shape)))
    assert_close(other.encode(chunks), encoder.encode(chunks))
    assert sum(count for count, _ in shapes) == 60
    assert all(count == 1 or count * length <= tokens for count, length in shapes)
    assert (len(shapes) == 1) == (tokens == 10_000)


def test_batches_are_filled_from_the_longest_text_to_the_shortest() -> None:
    assert fill_batches([3, 0, 5, 3, 9, 1], 10) == [[4], [2, 0], [3, 5]]
    assert fill_batches([4, 4, 4], 1) == [[0], [1], [2]]
    assert fill_batches([0, 0], 10) == fill_batches([], 10) == []


@pytest.mark.parametrize(("prompt", "times"), [("", 1), ("my ", 2)])
def test_without_a_prompt_chunks_are_measured_once(
    settings: SentenceTransformerSettings, monkeypatch: pytest.MonkeyPatch, prompt: str, times: int
) -> None:
    prompted: Any = SPEC.fit(attrs.evolve(settings, prompt=prompt), [])
    measured = []

    def count(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
        measured.append(len(texts))
        return token_ids(tokenizer, texts)

    token_ids = encoder_module.token_ids
    monkeypatch.setattr(encoder_module, "token_ids", count)
    prompted.encode(sentences(7, seed=4))
    assert measured == [7] * times


def test_a_tokenizer_without_a_padding_token_is_refused(tmp_path: Path) -> None:
    make_model(tmp_path / "unpadded")
    change(tmp_path / "unpadded" / "tokenizer_config.json", lambda table: table.pop("pad_token"))
    with pytest.raises(RedheartError, match="unpadded' has no padding token"):
        SPEC.fit(SentenceTransformerSettings(model=str(tmp_path / "unpadded")), [])


@pytest.mark.parametrize("chunk", ["", "  ", "кот", "qqq zzz"])
def test_a_chunk_without_a_known_part_is_the_zero_vector(encoder: Encoder, chunk: str) -> None:
    vectors = encoder.encode(["i left", chunk])
    assert np.array_equal(vectors[1], np.zeros(16, np.float32))
    assert vectors[0].any()


def test_a_prompt_does_not_make_an_unknown_chunk_known(settings: SentenceTransformerSettings) -> None:
    prompted = SPEC.fit(attrs.evolve(settings, prompt="my "), [])
    plain = SPEC.fit(settings, [])
    assert np.array_equal(prompted.encode(["friends"]), plain.encode(["my friends"]))
    assert not prompted.encode(["qqq"]).any()


def test_no_chunks_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 16)


def test_a_chunk_that_is_too_long_is_refused_unless_cutting_is_asked_for(
    encoder: Encoder, settings: SentenceTransformerSettings
) -> None:
    fits, too_long = "money " * 22, "money " * 22 + "left"
    with pytest.raises(DataError, match=r"a chunk has 25 tokens, tiny-bert .* reads 24: 'money .*truncate = true"):
        encoder.encode([fits, too_long])
    cutting = SPEC.fit(attrs.evolve(settings, truncate=True), [])
    vectors = cutting.encode([fits, too_long])
    assert np.array_equal(vectors[0], vectors[1])


def test_saved_and_loaded_it_gives_the_same_bits_and_saves_the_same_bytes(encoder: Encoder, tmp_path: Path) -> None:
    first = saved(encoder, tmp_path / "first")
    loaded = SPEC.load(first)
    chunks = sentences(40, seed=4)
    assert np.array_equal(loaded.encode(chunks), encoder.encode(chunks))
    assert (loaded.revision, loaded.width) == (encoder.revision, encoder.width)
    assert contents(saved(loaded, tmp_path / "second")) == contents(first)
    assert contents(saved(encoder, tmp_path / "third")) == contents(first)


def test_the_saved_folder_needs_the_first_one_no_more(tmp_path: Path) -> None:
    make_model(tmp_path / "there", seed=5)
    encoder = SPEC.fit(SentenceTransformerSettings(model=str(tmp_path / "there"), prompt="i "), [])
    expected = encoder.encode(["left", "친구가"])
    folder = saved(encoder, tmp_path / "saved")
    (tmp_path / "there").rename(tmp_path / "gone")
    moved = folder.rename(tmp_path / "moved")
    assert np.array_equal(SPEC.load(moved).encode(["left", "친구가"]), expected)
    assert all(str(tmp_path).encode() not in content for content in contents(moved).values())


def test_the_revision_tells_other_weights_apart(encoder: Encoder, tmp_path: Path) -> None:
    make_model(tmp_path / "tiny-bert", seed=1)
    other = SPEC.fit(SentenceTransformerSettings(model=str(tmp_path / "tiny-bert")), [])
    assert encoder.revision.startswith("tiny-bert weights ")
    assert other.revision.startswith("tiny-bert weights ")
    assert other.revision != encoder.revision


@pytest.mark.parametrize("name", ["model/model.safetensors", "model/tokenizer.json", "model/config.json"])
def test_a_flipped_byte_or_a_missing_file_is_noticed(encoder: Encoder, tmp_path: Path, name: str) -> None:
    file = saved(encoder, tmp_path / "saved") / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=rf"{name} is damaged or was replaced: its SHA-256 is"):
        SPEC.load(tmp_path / "saved")
    file.unlink()
    with pytest.raises(StoreError, match=rf"{name} is missing"):
        SPEC.load(tmp_path / "saved")


def test_a_file_too_many_is_noticed(encoder: Encoder, tmp_path: Path) -> None:
    (saved(encoder, tmp_path / "saved") / "model" / "adapter_config.json").write_text("{}")
    with pytest.raises(StoreError, match=r"does not name: model/adapter_config\.json"):
        SPEC.load(tmp_path / "saved")


def test_a_missing_or_foreign_manifest_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    folder = saved(encoder, tmp_path / "saved")
    whole = (folder / "encoder.json").read_bytes()
    for damaged in (b"{}", b"[]", whole.replace(b"tiny", b"tinx", 1), whole[:-1]):
        (folder / "encoder.json").write_bytes(damaged)
        with pytest.raises(StoreError, match=r"encoder\.json is damaged"):
            SPEC.load(folder)
    (folder / "encoder.json").write_bytes(whole)
    change(folder / "encoder.json", lambda table: table.update(kind="encoder lsa"))
    with pytest.raises(StoreError, match="text 'encoder lsa' of format 2, expected is 'encoder sentence_transformer'"):
        SPEC.load(folder)
    (folder / "encoder.json").unlink()
    with pytest.raises(StoreError, match=r"encoder\.json is missing"):
        SPEC.load(folder)


def test_without_a_model_the_message_says_how_to_give_it() -> None:
    with pytest.raises(SettingsError, match=r'needs a model: write model = "\.\.\." under \[plugins\.sentence_t'):
        SPEC.fit(SentenceTransformerSettings(), [])


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere': no such folder"):
        SPEC.fit(SentenceTransformerSettings(model=str(tmp_path / "nowhere")), [])


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be loaded"):
        SPEC.fit(SentenceTransformerSettings(model=str(tmp_path)), [])


def test_a_device_that_the_machine_lacks_is_named(settings: SentenceTransformerSettings) -> None:
    with pytest.raises(SettingsError, match=r"device 'warp' is not on this machine \(devices: cpu"):
        SPEC.fit(attrs.evolve(settings, device="warp"), [])


def test_a_missing_library_says_what_to_install(
    settings: SentenceTransformerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(RedheartError, match=r"pip install 'redheart\[sentence-transformers\]'"):
        SPEC.fit(settings, [])


def test_numbers_that_are_not_finite_are_refused(settings: SentenceTransformerSettings) -> None:
    broken: Any = SPEC.fit(settings, [])
    with torch.no_grad():
        next(broken.model.parameters())[5] = float("nan")
    with pytest.raises(DataError, match=r"not finite for the chunk 'i left'"):
        broken.encode(["my money", "i left"])


def test_the_plugin_is_imported_without_heavy_libraries() -> None:
    code = (
        "import sys, redheart_sentence_transformer;"
        "print(sorted({'torch', 'numpy', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    assert run_python(code).out == "[]\n"


def test_a_model_in_an_installed_package_is_named_without_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: Encoder
) -> None:
    (tmp_path / "weights_of_a_test").mkdir()
    (tmp_path / "weights_of_a_test" / "__init__.py").touch()
    make_model(tmp_path / "weights_of_a_test" / "tiny-bert")
    monkeypatch.syspath_prepend(tmp_path)
    packaged = SPEC.fit(SentenceTransformerSettings(model="package:weights_of_a_test/tiny-bert"), [])
    assert packaged.revision.startswith("package:weights_of_a_test/tiny-bert weights ")
    assert np.array_equal(packaged.encode(["i left"]), encoder.encode(["i left"]))
    with pytest.raises(SettingsError, match="weights_of_a_test holds no 'other'"):
        SPEC.fit(SentenceTransformerSettings(model="package:weights_of_a_test/other"), [])
