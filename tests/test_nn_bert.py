"""BERT gives the numbers of the transformers library, and adapters those of the peft library, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
import transformers
from tiny_encoders import write_encoder

from redheart_core import SettingsError
from redheart_core.nn.bert import Bert, BertShape
from redheart_core.nn.bert_files import plain_shape, read_bert

WORDS = ("calm", "kind", "late", "cruel", "brave", "poor")
IDS = torch.tensor([[2, 4, 5, 6, 7, 3], [2, 8, 9, 3, 0, 0], [2, 5, 3, 0, 0, 0]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "bert", WORDS)


def opened(folder: Path) -> Bert:
    shape = plain_shape(json.loads((folder / "config.json").read_text()))
    assert shape is not None
    return read_bert(shape, [folder / "model.safetensors"], str(folder), SettingsError)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("rows", [1, 3])
def test_states_and_gradients_are_those_of_the_library(folder: Path, rows: int, training: bool) -> None:
    own, library = opened(folder).train(training), transformers.AutoModel.from_pretrained(folder).train(training)
    ids, given = IDS[:rows], {}
    for name, model in (("own", own), ("library", library)):
        torch.manual_seed(7)
        states = model(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state
        states.square().sum().backward()
        gradients = {key: parameter.grad for key, parameter in model.named_parameters() if "pooler" not in key}
        given[name] = states, gradients
    assert torch.equal(given["own"][0], given["library"][0])
    assert given["own"][1].keys() == given["library"][1].keys()
    for name, gradient in given["library"][1].items():
        found = given["own"][1][name]
        assert gradient is not None
        assert found is not None
        torch.testing.assert_close(found, gradient, msg=name)


def test_an_unread_encoder_begins_as_the_library_has_it() -> None:
    shape = BertShape(vocab_size=500, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, pad_token_id=3)
    bert = Bert(shape)
    torch.manual_seed(0)
    bert.initialise()
    words = bert.embeddings.word_embeddings.weight
    assert not words[3].any()
    assert float(words.detach().std()) == pytest.approx(0.02, rel=0.05)
    linear = [module for module in bert.modules() if isinstance(module, torch.nn.Linear)]
    assert not any(one.bias.any() for one in linear)
    assert all(float(one.weight.detach().std()) == pytest.approx(0.02, rel=0.1) for one in linear)


def test_files_with_old_names_and_other_parts_are_read(folder: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): one
        for name, one in tensors.items()
    }
    safetensors.torch.save_file(old | {"cls.bias": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    for name, tensor in opened(folder).state_dict().items():
        assert torch.equal(opened(tmp_path).state_dict()[name], tensor)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"is_decoder": True},
        {"position_embedding_type": "relative_key"},
    ],
)
def test_other_architectures_are_left_to_the_library(folder: Path, change: dict[str, object]) -> None:
    assert plain_shape(json.loads((folder / "config.json").read_text()) | change) is None


def test_damaged_and_misfitting_files_are_refused(folder: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(tensors | {"embeddings.LayerNorm.weight": torch.ones(3)}, path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(SettingsError, match=r"LayerNorm.weight has the shape \(3,\), its config.json says \(16,\)"):
        opened(tmp_path)
    path.write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        opened(tmp_path)
