"""Runs of text_transformer: an island, resumed and assembled bit for bit, on an unchanged encoder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from tiny_encoders import WIDTH, write_encoder
from torch import Tensor
from toy import WORDS, StopAfter, Toy, group_files
from toy_and_encoder import folder, toy

from redheart_core import ActiveNode, CheckpointError, MissingResourceError, PluginError, SettingsError
from redheart_core.config.tables import GroupSettings, Precision
from redheart_core.data.store import Store
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.model import Model, load_model
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_text_transformer import redheart_provide_analyzers
from redheart_text_transformer.settings import TextTransformerSettings

__all__ = ["folder", "toy"]

CPU = torch.device("cpu")
NAME = "text_transformer"
GROUPS = {NAME: GroupSettings(layer_decay=0.9)}


def transformer(folder: Path, **changes: Any) -> ActiveNode:
    options: dict[str, Any] = {"model": str(folder), "width": WIDTH, "window": 16}
    (spec,) = redheart_provide_analyzers()
    return ActiveNode(spec, "analyzer", NAME, "redheart", "0", NAME, TextTransformerSettings(**options | changes))


@pytest.fixture
def store(toy: Toy, folder: Path) -> Store:
    return toy.store(toy.records(60), tokenizers=[str(folder)])


def assembled(toy: Toy, run: RunFolder, nodes: list[ActiveNode], store: Store) -> Model:
    context = toy.context(nodes, store, GROUPS, epochs=2)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, [NAME]).chosen("best"))
    return load_model(toy.folder / "model", nodes, CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("lora", [0, 2])
def test_a_resumed_run_and_one_beside_another_group_are_equal_to_the_last_bit(
    toy: Toy, folder: Path, store: Store, lora: int, precision: Precision
) -> None:
    node, groups = transformer(folder, lora=lora), {NAME: attrs.evolve(GROUPS[NAME], precision=precision)}
    whole, stopped = toy.run("whole", [node], store, groups=groups, epochs=2)
    assert not stopped
    with pytest.raises(KeyboardInterrupt):
        toy.run("resumed", [node], store, [StopAfter(1)], groups, epochs=2)
    resumed, _ = toy.run("resumed", [node], store, groups=groups, epochs=2)
    beside, _ = toy.run("beside", [toy.node("other"), node], store, groups=groups, epochs=2)
    assert group_files(whole, NAME) == group_files(resumed, NAME) == group_files(beside, NAME)


@pytest.mark.parametrize("lora", [0, 2])
def test_the_model_answers_as_its_run_from_the_tokens_of_a_text(
    toy: Toy, folder: Path, store: Store, lora: int
) -> None:
    nodes = [transformer(folder, lora=lora)]
    run, _ = toy.run("run", nodes, store, groups=GROUPS, epochs=2)
    model = assembled(toy, run, nodes, store)
    assert (toy.folder / "model" / "tokens" / "tokenizer.json").is_file()
    row = int(store.rows("validation")[0])
    findings = {finding.output: finding for finding in analyze(model, toy.encoder(), store.text(row)).findings}
    embedding = toy.encoder().encode_text(store.text(row))
    mask = torch.ones(embedding.shape[:2], dtype=torch.bool)
    tokens = store.token_batch(torch.tensor([row]))
    expected = model.predict(embedding, mask, {}, None, {"tokens": tokens})
    assert findings["regret"].values[0].value == float(expected[f"{NAME}.regret"])
    held = run.group(NAME).weights(run.group(NAME).read().best)
    assert all(".lora_" in name for name in held if name.startswith(f"{NAME}.base.")) == bool(lora)


def test_a_model_trained_in_full_needs_no_weights_but_its_own(toy: Toy, folder: Path, store: Store) -> None:
    nodes = [transformer(folder)]
    run, _ = toy.run("run", nodes, store, groups=GROUPS, epochs=2)
    expected = analyze(assembled(toy, run, nodes, store), toy.encoder(), "calm and cruel debt.").findings
    (folder / "model.safetensors").unlink()
    assert (
        analyze(load_model(toy.folder / "model", nodes, CPU), toy.encoder(), "calm and cruel debt.").findings
        == expected
    )


def test_adapters_refuse_an_encoder_with_other_weights(toy: Toy, folder: Path, store: Store) -> None:
    nodes = [transformer(folder, lora=2)]
    run, _ = toy.run("run", nodes, store, groups=GROUPS, epochs=2)
    assembled(toy, run, nodes, store)
    kept = shutil.copytree(folder, folder.with_name("kept"))
    write_encoder(folder, WORDS, seed=1)
    with pytest.raises(CheckpointError, match=r"its file model\.safetensors had the SHA-256 \w{64}, has \w{64}"):
        load_model(toy.folder / "model", nodes, CPU)
    with pytest.raises(CheckpointError, match=r"its file model\.safetensors had the SHA-256"):
        toy.run("run", nodes, store, groups=GROUPS, epochs=2)
    shutil.rmtree(folder)
    with pytest.raises(MissingResourceError, match=r"plugin 'text_transformer': no encoder: .*no such folder"):
        toy.run("run", nodes, store, groups=GROUPS, epochs=2)
    shutil.copytree(kept, folder)
    load_model(toy.folder / "model", nodes, CPU)


def test_messages_about_the_settings_of_a_copy_name_the_copy(toy: Toy, folder: Path, store: Store) -> None:
    node = transformer(folder, width=2 * WIDTH)
    copy = attrs.evolve(node, spec=attrs.evolve(node.spec, name="second"), group="second")
    expected = rf"plugin 'second', build: model = '{folder}' has .*; set width = {WIDTH}$"
    with pytest.raises(SettingsError, match=expected):
        toy.run("run", [copy], store)
    shutil.rmtree(folder)
    with pytest.raises(MissingResourceError, match=r"plugin 'second': no encoder: "):
        toy.run("run", [copy], store)


def test_groups_of_the_next_tier_read_its_features(toy: Toy, folder: Path, store: Store) -> None:
    reader = toy.node("reader", reads=(f"{NAME}.features",))
    run, stopped = toy.run("run", [transformer(folder), reader], store, groups=GROUPS, epochs=2)
    assert not stopped
    assert run.group("reader").read().best.epoch in (1, 2)
    other = toy.node("other", reads=(f"{NAME}.features",))
    again, _ = toy.run("again", [transformer(folder), reader, other], store, groups=GROUPS, epochs=2)
    assert group_files(run, "reader") == group_files(again, "reader")


def test_without_tokens_and_with_mixed_records_it_is_refused(toy: Toy, folder: Path, store: Store) -> None:
    with pytest.raises(PluginError, match=r"text_transformer read tokens, and the data set has none; prepare it with"):
        toy.context([transformer(folder)], toy.store(toy.records(60), name="plain"))
    with pytest.raises(SettingsError, match="it reads tokens, which cannot be mixed"):
        toy.context([transformer(folder)], store, {NAME: GroupSettings(mixup=0.4)})


def test_the_rate_decays_from_the_answers_to_the_embeddings(toy: Toy, folder: Path, store: Store) -> None:
    context = toy.context([transformer(folder)], store, GROUPS)
    trainer = context.trainer(context.groups[0])
    assert trainer.optimizer is not None
    rates = {
        name: group["scale"]
        for group in trainer.optimizer.param_groups
        for name, parameter in trainer.parameters.items()
        if any(parameter is other for other in group["params"])
    }
    assert rates[f"{NAME}.heads.regret.weight"] == 1.0
    assert rates[f"{NAME}.base.encoder.layer.1.output.dense.weight"] == pytest.approx(0.9)
    assert rates[f"{NAME}.base.encoder.layer.0.output.dense.weight"] == pytest.approx(0.81)
    assert rates[f"{NAME}.base.embeddings.word_embeddings.weight"] == pytest.approx(0.729)
    frozen = [name for name, parameter in trainer.module.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all(name.endswith(".key.bias") for name in frozen)


def outputs_and_types(
    toy: Toy, node: ActiveNode, store: Store, table: GroupSettings
) -> tuple[Tensor, list[torch.dtype]]:
    """Features in training without dropout; and the types of what a map of the encoder and one to an answer give."""
    context = toy.context([node], store, {NAME: table})
    (group,) = context.groups
    trainer, seen = context.trainer(group), list[torch.dtype]()
    for name, layer in trainer.module.named_modules():
        if name.endswith(("layer.0.attention.self.query", "heads.regret")):
            layer.register_forward_hook(lambda *given: seen.append(given[-1].dtype))
    trainer.module.eval()
    outputs = trainer.forward(context.source.batch(store.rows("train")[:8], group.inputs))
    assert all(tensor.dtype == torch.float32 for tensor in outputs.values())
    return outputs[f"{NAME}.features"], seen


def test_half_precision_computes_the_encoder_alone_with_fewer_bits(toy: Toy, folder: Path, store: Store) -> None:
    node = transformer(folder)
    exact, whole = outputs_and_types(toy, node, store, GroupSettings())
    rounded, fewer = outputs_and_types(toy, node, store, GroupSettings(precision="bfloat16"))
    assert whole == [torch.float32, torch.float32]
    assert fewer == [torch.bfloat16, torch.float32]
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, atol=0.05, rtol=0.05)


def test_losses_are_weighted_by_field_and_attention_keeps_all_weights(toy: Toy, folder: Path, store: Store) -> None:
    def loss_and_share(**settings: Any) -> tuple[float, set[float]]:
        context = toy.context([transformer(folder, dropout=0.0, **settings)], store)
        (group,) = context.groups
        trainer = context.trainer(group)
        shares = {layer.p for name, layer in trainer.module.named_modules() if name.endswith("attention.self.dropout")}
        trainer.module.eval()
        loss = trainer.loss(context.source.batch(store.rows("train")[:8], group.inputs))
        assert loss is not None
        return loss.item(), shares

    plain, shares = loss_and_share()
    double, _ = loss_and_share(loss_weights={"regret": 3.0, "choice_factors": 3.0})
    one, none = loss_and_share(loss_weights={"regret": 3.0}, attention_dropout=0.0)
    assert double == pytest.approx(3 * plain)
    assert plain < one < double
    assert (shares, none) == ({0.1}, {0.0})
    with pytest.raises(SettingsError, match="loss_weights names kote, which it does not learn here"):
        toy.context([transformer(folder, loss_weights={"kote": 1.0})], store).audit_all()
