"""A graph reads the tokens of several tokenizers, each with a length of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_encoders import write_tokenizer
from toy import WORDS, Toy

from redheart_core.groups.exporting import dynamic_axes, dynamic_sizes, inputs_of, to_onnx
from redheart_core.training.context import TrainingContext
from redheart_registry import load_registry


@pytest.fixture
def context(tmp_path: Path) -> TrainingContext:
    """Two nodes of one group, which read different tokens."""
    table = {"of": "text_convolution", "group": "joined", "longest": 1, "learns": ["regret"]}
    plugins = {"one": {**table, "tokenizer": "named"}, "two": {**table, "tokenizer": "learnt:300"}}
    nodes = load_registry({"active": ["one", "two"], "plugins": plugins}).nodes("tiny")
    places = [str(write_tokenizer(tmp_path / "named", WORDS)), "learnt:300"]
    toy = Toy(tmp_path)
    return toy.context(nodes, toy.store(toy.records(40), tokenizers=places))


def test_each_view_of_tokens_is_an_input_with_its_own_length(context: TrainingContext) -> None:
    names, shapes = inputs_of(context.module(context.groups[0])), context.surroundings.shapes
    assert names == ("tokens", "tokens/2", "mask")
    assert [dynamic_axes(name, shapes) for name in names] == [{1: "L"}, {1: "L2"}, {1: "T"}]
    first, second, mask = dynamic_sizes(names, shapes)
    assert first[0] is second[0] is mask[0]
    assert len({one[1].__name__ for one in (first, second, mask)}) == 3


@pytest.mark.thorough
def test_a_graph_reads_each_view_of_tokens_by_its_name(context: TrainingContext) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs redheart[export]")
    pytest.importorskip("onnxscript", reason="needs redheart[export]")
    (group,), rows = context.groups, context.store.rows("train")
    module = context.module(group).eval()
    graph = onnxruntime.InferenceSession(to_onnx(module, context.source.batch(rows[:5], group.inputs).inputs))
    read, names = [one.name for one in graph.get_inputs()], [one.name for one in graph.get_outputs()]
    assert (read, names) == (["tokens", "tokens/2", "mask"], ["one.regret", "two.regret"])
    for some in (rows[:1], rows[5:12]):
        batch = context.source.batch(some, group.inputs)
        assert batch.inputs["tokens"].shape[1] != batch.inputs["tokens/2"].shape[1]
        found = graph.run(names, {name: batch.inputs[name].numpy() for name in read})
        with torch.no_grad():
            expected = module(batch)
        for name, numbers in zip(names, found, strict=True):
            torch.testing.assert_close(torch.from_numpy(numbers), expected[name], rtol=1e-5, atol=1e-6)
