"""Pretrained encoders: read as the library reads them, and what cannot be used is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
import transformers
from tiny_encoders import FRAME, WIDTH, write_encoder, write_tokenizer
from tiny_text_transformers import TOKENS, WORDS, context

from redheart_core import RedheartError, SettingsError
from redheart_core.data.tokenizer import open_tokenizer
from redheart_text_transformer.opening import resources
from redheart_text_transformer.training import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "bert", WORDS)


def by_hand(folder: Path) -> torch.Tensor:
    """The mean state of each text with its frame, one by one."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    rows = [[2, *[int(token) for token in row if token >= 0], 3] for row in TOKENS]
    with torch.no_grad():
        return torch.stack([model(torch.tensor([row])).last_hidden_state[0].mean(0) for row in rows])


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "DistilBert", "Electra", "MPNet", "DebertaV2"])
def test_features_begin_as_the_mean_state_of_the_library(tmp_path: Path, kind: str) -> None:
    changes: dict[str, Any] = (
        {"dim": WIDTH, "n_layers": 2, "n_heads": 2, "hidden_dim": 32} if kind == "DistilBert" else {}
    )
    folder = write_encoder(tmp_path / kind, WORDS, kind=kind, **changes)
    module = build(context(folder)).eval()
    with torch.no_grad():
        found = module({"tokens": TOKENS})["features"]
    torch.testing.assert_close(found, by_hand(folder), rtol=1e-4, atol=1e-5)


def test_a_long_text_is_pooled_over_its_windows(folder: Path) -> None:
    module = build(context(folder, window=8)).eval()
    long = torch.tensor([[4, 5, 6, 7, 8, 9, 9, 9, 7, 4, 4, 4]])
    halves = torch.cat([long[:, :6], long[:, 6:]])
    with torch.no_grad():
        whole, parts = module.features(long), module.features(halves)
        torch.testing.assert_close(whole[0], parts.mean(0))
        module.query.copy_(torch.linspace(-1, 1, WIDTH))
        assert not torch.allclose(module.features(long)[0], module.features(halves).mean(0), atol=1e-4)


def test_a_prefix_stands_before_the_text_of_every_window(folder: Path) -> None:
    plain, module = (build(context(folder, window=9, prefix=prefix)).eval() for prefix in (None, "calm late "))
    prefix = torch.tensor([4, 6])
    assert module.tokenizer.before == (2, *prefix.tolist())
    long = torch.tensor(
        [[5, 7, 8, 9, 9, 7, 4, -1]]
    )  # nine tokens at once hold four of a text beside both and the frame
    windows = torch.stack([torch.cat([prefix, part]) for part in (long[0, :4], long[0, 4:])])
    with torch.no_grad():
        expected = plain.base(input_ids=_framed(windows), attention_mask=_framed(windows) > 0).last_hidden_state
        found = module.features(long)[0]
    torch.testing.assert_close(found, torch.cat([expected[0], expected[1, :-1]]).mean(0))
    assert not torch.allclose(found, plain.features(long)[0])


def _framed(windows: torch.Tensor) -> torch.Tensor:
    """With the frame, and the padding behind it."""
    framed = torch.zeros(len(windows), windows.shape[1] + 2, dtype=torch.int64)
    for row, ids in zip(framed, windows, strict=True):
        ids = ids[ids >= 0]
        row[: len(ids) + 2] = torch.cat([torch.tensor([2]), ids, torch.tensor([3])])
    return framed


def test_a_prefix_is_a_resource_and_has_to_be_one_that_the_encoder_knows(tmp_path: Path, folder: Path) -> None:
    own = write_encoder(tmp_path / "own", WORDS)
    settings = context(own, prefix="calm ").settings
    assert sorted(resources(settings)) == ["config.json", "tokenizer.json"]
    assert sorted(resources(attrs.evolve(settings, prefix=None))) == ["config.json"]
    with pytest.raises(SettingsError, match="prefix = ' ' has no tokens; leave it out"):
        build(context(own, prefix=" "))
    with pytest.raises(SettingsError, match="prefix = 'calm ': an untrained encoder knows none; leave it out"):
        build(context("untrained", open_tokenizer(str(folder)).identity, prefix="calm ", heads=2))
    with pytest.raises(SettingsError, match="window = 8: 8 tokens frame a text; take a larger one"):
        build(context(own, window=8, prefix="calm " * 6))


def test_gradients_are_the_same_with_activations_computed_again(folder: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        module = build(context(folder, checkpointing=checkpointing)).train()
        torch.manual_seed(1)
        module({"tokens": TOKENS})["features"].square().sum().backward()
        gradients.append({name: tensor.grad for name, tensor in module.named_parameters() if tensor.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], msg=name)


def _missing(folder: Path) -> dict[str, Any]:
    return {"model": str(folder / "nowhere")}


def _no_config(folder: Path) -> dict[str, Any]:
    (folder / "config.json").unlink()
    return {}


def _no_weights(folder: Path) -> dict[str, Any]:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return {}


def _half_the_weights(folder: Path) -> dict[str, Any]:
    change_config(folder, num_hidden_layers=3)
    return {}


def _decoder(folder: Path) -> dict[str, Any]:
    change_config(folder, model_type="gpt2")
    return {}


def _images(folder: Path) -> dict[str, Any]:
    change_config(folder, model_type="vit")
    return {}


def _unheard_of(folder: Path) -> dict[str, Any]:
    change_config(folder, model_type="no_such_architecture")
    return {}


def change_config(folder: Path, **changes: Any) -> None:
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(table | changes))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_missing, "no such folder, and no name on the hub looks like it"),
        (_no_config, "holds no config.json of the transformers library"),
        (_no_weights, "holds no model.safetensors; weights in other files, which can hold code, are not read"),
        (_half_the_weights, "its files lack 16 weights of the architecture"),
        (_decoder, "architecture 'gpt2', which is none of the encoders of text"),
        (_images, "architecture 'vit', which is none of the encoders of text"),
        (_unheard_of, "its config.json cannot be used"),
        (lambda _: {"width": 24}, "has states of width 16; set width = 16"),
        (lambda _: {"window": 65}, "window = 65: .* reads at most 64 tokens at once"),
        (lambda _: {"lora": 2, "lora_targets": ("query", "no_such")}, r"no linear layer no_such \(layers: dense, key"),
    ],
)
def test_an_encoder_that_cannot_be_trained_is_refused(
    tmp_path: Path, spoil: Callable[[Path], dict[str, Any]], message: str
) -> None:
    folder = write_encoder(tmp_path / "bert", WORDS)
    known = open_tokenizer(str(folder)).identity
    changes = spoil(folder)
    with pytest.raises(SettingsError, match=message):
        build(context(changes.pop("model", folder), known, **changes))


def test_a_roberta_counts_positions_from_its_padding_token(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "roberta", WORDS, kind="Roberta", pad_token_id=1)
    with pytest.raises(SettingsError, match="reads at most 62 tokens at once"):
        build(context(folder, window=63))
    module = build(context(folder, window=62)).eval()
    assert module.features(torch.full((1, 60), 4)).isfinite().all()


def test_tokens_of_another_tokenizer_are_refused(tmp_path: Path, folder: Path) -> None:
    other = open_tokenizer(str(write_tokenizer(tmp_path / "other", WORDS[::-1]))).identity
    said = (
        rf"was trained on the tokens of bert, the data hold those of other, .* --set data\.tokenizer=other\+{folder}$"
    )
    with pytest.raises(SettingsError, match=said):
        build(context(folder, other))
    larger = attrs.evolve(other, size=500)
    with pytest.raises(
        SettingsError, match=f"knows {len(FRAME) + len(WORDS)} tokens, the data's tokenizer other has 500"
    ):
        build(context(folder, larger))


def test_an_untrained_encoder_has_nothing_to_adapt(folder: Path) -> None:
    known = open_tokenizer(str(folder)).identity
    with pytest.raises(SettingsError, match="an untrained encoder has nothing to keep"):
        build(context("untrained", known, lora=2, heads=2))
    with pytest.raises(SettingsError, match="width = 16 cannot be split into heads = 3"):
        build(context("untrained", known, heads=3))


def test_a_missing_library_is_named(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    other = write_encoder(tmp_path / "roberta", WORDS, kind="Roberta", pad_token_id=1)
    known = open_tokenizer(str(folder)).identity
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(RedheartError, match="transformers is not installed, which computes encoders other than BERT"):
        build(context(other, known))
    assert build(context(folder, known)).features(TOKENS).isfinite().all()
