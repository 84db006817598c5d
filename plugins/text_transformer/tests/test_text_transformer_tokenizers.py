"""Encoders with different tokenizers in one run: each reads its own tokens, to the bits that it has alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from tiny_encoders import WIDTH, write_encoder
from toy import WORDS, StopAfter, Toy, group_files

from redheart_core import ActiveNode, CheckpointError, SettingsError
from redheart_core.data.store import Store
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.model import load_model
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_text_transformer import redheart_provide_analyzers
from redheart_text_transformer.settings import UNTRAINED, TextTransformerSettings

CPU = torch.device("cpu")
NAMES = ("first", "second", "third")


def transformer(name: str, model: Path | str, tokenizer: str = "", **changes: Any) -> ActiveNode:
    (spec,) = redheart_provide_analyzers()
    spec = attrs.evolve(spec, name=name)
    options: dict[str, Any] = {"model": str(model), "width": WIDTH, "window": 16, "layers": 1, "heads": 2}
    settings = TextTransformerSettings(**options | changes)
    return ActiveNode(spec, "analyzer", name, "redheart", "0", name, settings, tokenizer=tokenizer)


@attrs.frozen
class Made:
    """A store with three tokenizers, and a run of a node for each; tests add to the folder under other names."""

    toy: Toy
    places: tuple[str, ...]
    nodes: list[ActiveNode]
    store: Store
    run: RunFolder

    @property
    def first(self) -> Path:
        return Path(self.places[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    toy = Toy(tmp_path_factory.mktemp("tokenizers"))
    first = write_encoder(toy.folder / "first", WORDS)
    second = write_encoder(toy.folder / "second", WORDS[::-2], seed=1)
    places = (str(first), str(second), "learnt:300")
    store = toy.store(toy.records(40), tokenizers=places)
    nodes = [
        transformer("first", first),
        transformer("second", second, lora=2),
        transformer("third", UNTRAINED, "learnt:300"),
    ]
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert not stopped
    return Made(toy, places, nodes, store, run)


@pytest.mark.parametrize("place", range(3))
def test_a_group_has_the_bits_that_it_has_where_its_tokenizer_is_the_only_one(made: Made, place: int) -> None:
    name, node = NAMES[place], attrs.evolve(made.nodes[place], tokenizer="")
    store = made.toy.store(made.toy.records(40), f"{name}-store", tokenizers=[made.places[place]])
    assert [*store.tokenizers.values()] == [[*made.store.tokenizers.values()][place]]
    alone, _ = made.toy.run(f"{name}-alone", [node], store, epochs=1)
    assert group_files(made.run, name) == group_files(alone, name)


def test_a_stopped_run_goes_on_to_the_same_bits(made: Made) -> None:
    with pytest.raises(KeyboardInterrupt):
        made.toy.run("stopped", made.nodes, made.store, [StopAfter(2)], epochs=1)
    resumed, _ = made.toy.run("stopped", made.nodes, made.store, epochs=1)
    assert all(group_files(resumed, name) == group_files(made.run, name) for name in NAMES)
    described, digests = made.run.read(), [one.sha256 for one in made.store.tokenizers.values()]
    assert [described.nodes[name].tokenizer for name in NAMES] == digests
    assert [one.sha256 for one in described.data.tokenizers.values()] == digests
    fewer = made.toy.store(made.toy.records(40), "fewer", tokenizers=made.places[:1])
    with pytest.raises(CheckpointError, match=r"data: more_tokens was \(Tokenizer\(name='second'"):
        made.toy.run("stopped", made.nodes[:1], fewer, epochs=1)


def test_a_model_answers_a_text_as_its_run_by_each_tokenizer(made: Made) -> None:
    toy, store, folder = made.toy, made.store, made.toy.folder / "model"
    context = toy.context(made.nodes, store, epochs=1)
    assemble(folder, made.run, context, find_sweetspot(made.run, NAMES).chosen("best"))
    for part in ("tokens", "tokens/2", "tokens/3"):
        held = (folder / part / "tokenizer.json").read_bytes()
        assert held == (store.folder / part / "tokenizer.json").read_bytes()
    moved = shutil.move(made.first / "tokenizer.json", toy.folder)  # which tokenizer it is, is recorded
    try:
        model = load_model(folder, context.nodes, CPU)
    finally:
        shutil.move(moved, made.first)
    inputs = {name: module.group.inputs for name, module in model.modules.items()}
    assert inputs == {"first": ("tokens",), "second": ("tokens/2",), "third": ("tokens/3",)}
    row = int(store.rows("validation")[0])
    embedding = toy.encoder().encode_text(store.text(row))
    tokens = {view: store.token_batch(torch.tensor([row]), view) for view in store.tokenizers}
    assert len({tuple(ids.flatten().tolist()) for ids in tokens.values()}) == 3
    expected = model.predict(embedding, torch.ones(embedding.shape[:2], dtype=torch.bool), {}, None, tokens)
    findings = analyze(model, toy.encoder(), store.text(row)).findings
    found = {one.plugin: one.values[0].value for one in findings if one.output == "regret"}
    assert found == {name: float(expected[f"{name}.regret"]) for name in NAMES}


def test_nodes_of_one_group_may_read_different_tokens(made: Made) -> None:
    store, rows = made.store, made.store.rows("validation")[:3]
    context = made.toy.context([attrs.evolve(node, group="joined") for node in made.nodes], store)
    (group,) = context.groups
    assert group.inputs == ("tokens", "tokens/2", "tokens/3")
    counts = torch.stack([store.token_counts(view) for view in store.tokenizers]).sum(0)
    assert torch.equal(context.source.lengths(group.inputs), counts)
    module = context.module(group).eval()
    given = context.source.batch(rows, group.inputs)
    with torch.no_grad():
        outputs = module(given)
        for node, view in zip(context.nodes, group.inputs, strict=True):
            assert torch.equal(given.inputs[view], store.token_batch(rows, view))
            own = module.nodes[node.name]({"tokens": given.inputs[view]})
            assert torch.equal(outputs[f"{node.name}.regret"], own["regret"])


def test_what_a_node_reads_has_to_be_there_and_clear(made: Made) -> None:
    toy = made.toy

    def refused(node: ActiveNode, message: str, data: Store = made.store) -> None:
        with pytest.raises(SettingsError, match=message):
            toy.run("refused", [node], data)

    fourth = write_encoder(toy.folder / "fourth", WORDS[1:])
    refused(
        transformer("a", fourth),
        rf"plugin 'a' reads the tokens of {fourth}, and the data have those of first and second and learnt:300; "
        rf"prepare the data with its tokenizer too: --set data\.tokenizer=first\+second\+learnt:300\+{fourth}",
    )
    refused(transformer("a", UNTRAINED), r"can read the tokens of any tokenizer, .* --set a\.tokenizer=first")
    refused(transformer("a", UNTRAINED, "learnt:400"), r"\[plugins\.a\] tokenizer = 'learnt:400': the data have")
    refused(transformer("a", made.first, "second"), "trained on the tokens of first, the data hold those of second")
    refused(attrs.evolve(toy.node("a"), tokenizer="second"), r"\[plugins\.a\] tokenizer: this plugin reads no tokens")
    single = toy.store(toy.records(40), "single", tokenizers=["learnt:300"])
    refused(transformer("a", UNTRAINED, "second"), "the data have the tokens of learnt:300; name one of these", single)
    assert toy.context([transformer("a", UNTRAINED, "learnt:300")], single).groups[0].inputs == ("tokens",)
    namesake = write_encoder(toy.folder / "far" / "first", WORDS[2:])
    twins = toy.store(toy.records(40), "twins", tokenizers=[made.places[0], str(namesake)])
    refused(transformer("a", UNTRAINED, "first"), "several of the data are called so; name its SHA-256", twins)
    second = twins.tokenizers["tokens/2"].sha256
    assert toy.context([transformer("a", UNTRAINED, second)], twins).groups[0].inputs == ("tokens/2",)
