"""Vectors of adapted encoders: those of the library with the adapters' products, and what cannot be used is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_adapters import write_adapters
from tiny_encoders import WIDTH, write_encoder

from redheart_adapted_encoder import redheart_provide_encoders
from redheart_adapted_encoder.encoder import AdaptedEncoder
from redheart_adapted_encoder.settings import AdaptedEncoderSettings
from redheart_core import DataError, SettingsError, StoreError

pytest.importorskip("transformers", reason="needs pip install 'redheart[transformers]'")
(SPEC,) = redheart_provide_encoders()
WORDS = ("calm", "kind", "late", "cruel", "brave", "poor")
TEXTS = ("calm kind", "late", "cruel brave poor calm", "kind calm")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "bert", WORDS)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("adapters")
    return tuple(str(write_adapters(folder / f"{number}.safetensors", number)) for number in range(2))


def opened(base: Path, files: tuple[str, ...]) -> AdaptedEncoder:
    made = SPEC.fit(AdaptedEncoderSettings(str(base), files), [])
    assert isinstance(made, AdaptedEncoder)
    return made


def by_hand(base: Path, file: str) -> np.ndarray:
    """The mean state of each text with its frame, by the library's own adapters."""
    import peft
    import transformers

    tensors = safetensors.torch.load_file(file)
    model = transformers.AutoModel.from_pretrained(base)
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["query"])
    model = peft.inject_adapter_in_model(config, model).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                own = tensors[f"text_transformer.base.{name.removesuffix('.default.weight')}"]
                parameter.copy_(own.half())  # as they are kept
        rows = [[2, *[4 + WORDS.index(word) for word in text.split()], 3] for text in TEXTS]
        states = [model(torch.tensor([row])).last_hidden_state[0].mean(0) for row in rows]
    return torch.nn.functional.normalize(torch.stack(states), dim=-1).numpy()


def test_each_part_is_the_mean_state_of_the_librarys_adapted_encoder(base: Path, files: tuple[str, ...]) -> None:
    pytest.importorskip("peft", reason="needs pip install 'redheart[transformers]'")
    vectors = opened(base, files).encode(TEXTS)
    assert vectors.shape == (4, 2 * WIDTH)
    for part, file in zip(np.split(vectors, 2, axis=1), files, strict=True):
        np.testing.assert_allclose(part, by_hand(base, file), atol=1e-5)
    assert np.abs(vectors[:, :WIDTH] - vectors[:, WIDTH:]).max() > 0.1


def test_saved_and_loaded_it_gives_the_same_bits(base: Path, files: tuple[str, ...], tmp_path: Path) -> None:
    made = opened(base, files)
    made.save(tmp_path)
    loaded = SPEC.load(tmp_path)
    assert np.array_equal(loaded.encode(TEXTS), made.encode(TEXTS))
    assert (loaded.revision, loaded.width) == (made.revision, made.width)


def test_a_text_of_unknown_words_alone_is_zero(base: Path, files: tuple[str, ...]) -> None:
    vectors = opened(base, files).encode(["xyzzy", "calm xyzzy"])
    assert not vectors[0].any()
    assert vectors[1].any()


def test_a_text_beyond_the_encoder_is_refused(base: Path, files: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"a chunk has 72 tokens with its frame, bert weights .* reads 64: 'calm"):
        opened(base, files).encode(["calm " * 70])


def test_what_is_no_adapter_of_the_encoder_is_refused(base: Path, files: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs adapters: name the weights of groups"):
        opened(base, ())
    with pytest.raises(SettingsError, match=r"cannot be read .*; name a \.safetensors file of a group"):
        opened(base, (str(tmp_path / "nothing.safetensors"),))
    safetensors.torch.save_file({"linear.weight": torch.zeros(2)}, tmp_path / "linear.safetensors")
    with pytest.raises(SettingsError, match="holds none; name the weights of a group that text_transformer has"):
        opened(base, (str(tmp_path / "linear.safetensors"),))
    wide = write_adapters(tmp_path / "wide.safetensors", width=2 * WIDTH)
    with pytest.raises(SettingsError, match="adapter 1 is for a layer of 32 x 32, the encoder's has 16 x 16"):
        opened(base, (str(wide),))


def test_another_encoder_than_the_recorded_one_is_refused(files: tuple[str, ...], tmp_path: Path) -> None:
    own = write_encoder(tmp_path / "own", WORDS)
    saved = tmp_path / "saved"
    saved.mkdir()
    opened(own, files).save(saved)
    write_encoder(own, WORDS, seed=1)
    with pytest.raises(StoreError, match=r"has another model\.safetensors here than the one"):
        SPEC.load(saved)
    (saved / "adapters.safetensors").write_bytes(b"")
    with pytest.raises(StoreError, match="is damaged or was replaced"):
        SPEC.load(saved)
