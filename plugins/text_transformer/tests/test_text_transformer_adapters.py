"""Adapters: what is trained beside an encoder that stays as it is, with the numbers of the peft library."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from tiny_encoders import write_encoder
from tiny_text_transformers import TOKENS, WORDS, context

from redheart_core import SettingsError
from redheart_core.nn.bert import Bert
from redheart_core.nn.feed_forward import feed_forward_blocks
from redheart_text_transformer.adapter import AdaptedBase
from redheart_text_transformer.model import TextTransformer
from redheart_text_transformer.training import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "bert", WORDS)


def held(module: TextTransformer) -> torch.nn.Module:
    """The encoder beside its adapters."""
    assert isinstance(module.base, AdaptedBase)
    return module.base._held[0]


def test_adapters_alone_are_parameters_and_the_encoder_stays(folder: Path) -> None:
    module = build(context(folder, lora=2))
    names = [name for name, _ in module.named_parameters()]
    assert all(".lora_" in name for name in names if name.startswith("base."))
    assert set(module.state_dict()) == set(names)
    assert any(name.startswith("base.encoder.layer.1.attention.self.query.lora_A") for name in names)
    before = held(module).state_dict()
    frozen = {name: tensor.clone() for name, tensor in before.items() if ".lora_" not in name}
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    first = module({"tokens": TOKENS})["features"]
    first.square().sum().backward()
    assert all(parameter.grad is not None for name, parameter in module.named_parameters() if "lora" in name)
    optimizer.step()
    assert not torch.equal(module({"tokens": TOKENS})["features"], first)
    after = held(module).state_dict()
    assert len(after) == len(frozen)
    assert all(torch.equal(after[name], tensor) for name, tensor in frozen.items())


def test_adapters_of_the_last_blocks_leave_what_is_below_as_it_is(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "bert", WORDS, num_hidden_layers=3)
    module, whole, plain = (
        build(context(folder, lora=2, lora_layers=1)),
        build(context(folder, lora=2)),
        build(context(folder)),
    )
    names = [name for name, _ in module.named_parameters() if name.startswith("base.")]
    assert names == [name for name, _ in whole.named_parameters() if name.startswith("base.encoder.layer.2.")]
    assert len(names) == 2 * 6
    module.train()
    encoder = held(module)
    assert isinstance(encoder, Bert)
    below: list[torch.Tensor] = []
    encoder.encoder.layer[2].register_forward_pre_hook(lambda _, given: below.append(given[0]))
    torch.manual_seed(0)
    features = [module({"tokens": TOKENS})["features"] for _ in range(2)]
    assert torch.equal(*below)  # without dropout
    assert not torch.equal(*features)  # which the last block has
    assert not below[0].requires_grad
    features[0].square().sum().backward()
    assert all(parameter.grad is not None for name, parameter in module.named_parameters() if ".lora_" in name)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("lora_B"):
                parameter.zero_()
        found, expected = (one.eval()({"tokens": TOKENS})["features"] for one in (module, plain))
    assert torch.equal(found, expected)


def test_adapters_of_as_many_blocks_as_there_are_are_those_of_all(folder: Path) -> None:
    modules = []
    for layers in (None, 2):
        torch.manual_seed(0)
        modules.append(build(context(folder, lora=2, lora_layers=layers)))
    states = [module.state_dict() for module in modules]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    wholly, lastly = (module.eval()({"tokens": TOKENS})["features"] for module in modules)
    assert torch.equal(wholly, lastly)


def test_adapters_of_some_blocks_that_cannot_be_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SettingsError, match="lora_layers = 3: the encoder has 2 blocks; take at most so many"):
        build(context(folder, lora=2, lora_layers=3))
    with pytest.raises(SettingsError, match="lora_layers: without adapters all is trained; set lora too"):
        build(context(folder, lora_layers=1))
    other = write_encoder(tmp_path / "roberta", WORDS, kind="Roberta")
    with pytest.raises(
        SettingsError, match="of the class RobertaModel, and adapters of some blocks alone are for BERT"
    ):
        build(context(other, lora=2, lora_layers=1))


def test_adapters_answer_with_weights_that_are_put_in_for_a_call(folder: Path) -> None:
    module, other = (build(context(folder, lora=2)).eval() for _ in range(2))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
        given = torch.func.functional_call(module, dict(other.named_parameters()), ({"tokens": TOKENS},))
        assert torch.equal(given["features"], other({"tokens": TOKENS})["features"])
        assert not torch.equal(given["features"], module({"tokens": TOKENS})["features"])


def test_a_seed_gives_the_adapters_that_it_gives_with_the_peft_library(folder: Path) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed, which this compares with")
    torch.manual_seed(7)
    own = AdaptedBase(transformers.AutoModel.from_pretrained(folder), 2, ())
    torch.manual_seed(7)
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["query", "key", "value", "dense"])
    library = peft.inject_adapter_in_model(config, transformers.AutoModel.from_pretrained(folder))
    first = {name.replace(".default.weight", ""): one for name, one in library.named_parameters() if ".lora_A." in name}
    assert first.keys() == {name for name, _ in own.named_parameters() if name.endswith("lora_A")}
    for name, parameter in own.named_parameters():
        if name in first:
            assert torch.equal(parameter, first[name])


@pytest.mark.parametrize("rows", [1, 3])
def test_adapters_give_the_numbers_of_the_peft_library(folder: Path, rows: int) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed, which this compares with")
    module = build(context(folder, lora=2)).eval()
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["query", "key", "value", "dense"])
    library = peft.inject_adapter_in_model(config, transformers.AutoModel.from_pretrained(folder)).eval()
    own = dict(module.base.named_parameters())
    with torch.no_grad():
        for name, parameter in library.named_parameters():
            if ".lora_" in name and "pooler" not in name:
                parameter.copy_(own[name.replace(".default.weight", "")])
        ids = torch.tensor([[2, 4, 5, 6, 3], [2, 8, 3, 0, 0], [2, 5, 7, 3, 0]])[:rows]
        given = {"input_ids": ids, "attention_mask": (ids > 0).long()}
        assert torch.equal(module.base(**given).last_hidden_state, library(**given).last_hidden_state)


def test_blocks_with_adapters_are_found_and_are_one_map_each(folder: Path) -> None:
    module = build(context(folder, lora=2)).eval()
    expected = module.features(TOKENS)
    blocks = feed_forward_blocks(module)
    assert len(blocks) == len(held(module).encoder.layer)  # type: ignore[union-attr, arg-type]  # it is a Bert
    for block in blocks:
        block.replace(*block.maps())
    torch.testing.assert_close(module.features(TOKENS), expected, rtol=1e-5, atol=1e-6)
    assert all(isinstance(block.module.get_submodule(block.first), torch.nn.Linear) for block in blocks)
