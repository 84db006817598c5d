"""Graphs of encoders answer as PyTorch does, whatever the lengths of the texts."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_encoders import WIDTH, write_encoder
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext
from redheart_core.data.tokenizer import open_tokenizer
from redheart_core.groups.binding import bind_node
from redheart_core.groups.exporting import TensorFunction, trace
from redheart_core.nn.feed_forward import parts_apart
from redheart_text_transformer import redheart_provide_analyzers
from redheart_text_transformer.settings import TextTransformerSettings
from redheart_text_transformer.training import build

onnxruntime = pytest.importorskip("onnxruntime", reason="needs redheart[export]")
pytest.importorskip("onnxscript", reason="needs redheart[export]")
WORDS = ("calm", "kind", "late", "cruel", "brave", "poor")
FIELDS = {"regret": CATALOGUE["regret"]}


class _Features(TensorFunction):
    reads = ("tokens",)
    gives = ("features",)

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: Tensor) -> tuple[Tensor]:
        return (self.module.features(*tensors),)


OTHERS = ("MPNet", "Roberta", "DistilBert", "Electra", "DebertaV2")


def _texts(*lengths: int) -> Tensor:
    tokens = torch.full((len(lengths), max(*lengths, 1)), -1)
    for row, length in zip(tokens, lengths, strict=True):
        row[:length] = torch.arange(length) % len(WORDS) + 4
    return tokens


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Bert", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in OTHERS)])
def test_a_graph_answers_as_pytorch_at_all_lengths(tmp_path: Path, kind: str) -> None:
    changes: dict[str, Any] = (
        {"dim": WIDTH, "n_layers": 2, "n_heads": 2, "hidden_dim": 32} if kind == "DistilBert" else {}
    )
    folder = write_encoder(tmp_path / kind, WORDS, kind=kind, **changes)
    settings = TextTransformerSettings(model=str(folder), width=WIDTH, window=8)
    (spec,) = redheart_provide_analyzers()
    wanted = frozenset(output.name for output in bind_node(spec, FIELDS).gives)
    tokenizer = open_tokenizer(str(folder)).identity
    module = build(BuildContext(settings, "tiny", {"tokens": ("L",)}, FIELDS, wanted, tokenizer)).eval()
    function = _Features(module).eval()
    trace(function, [_texts(3, 20, 9)], {"tokens": ("L",)}).save(str(tmp_path / "graph.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "graph.onnx"))
    for lengths in ((1,), (0,), (5,), (6,), (7,), (40,), (0, 3, 19, 40), (40, 40, 1, 7), (2, 3), (0, 0)):
        with torch.no_grad():
            expected = module.features(_texts(*lengths))
        (found,) = session.run(None, {"tokens": _texts(*lengths).numpy()})
        assert np.allclose(found, expected, 1e-4, 1e-5), (lengths, np.abs(found - expected.numpy()).max())


def test_graphs_with_their_adapters_apart_answer_alike_and_share_the_encoder(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder", WORDS)
    settings = TextTransformerSettings(model=str(folder), width=WIDTH, window=8, lora=2)
    (spec,) = redheart_provide_analyzers()
    wanted = frozenset(output.name for output in bind_node(spec, FIELDS).gives)
    tokenizer = open_tokenizer(str(folder)).identity
    constants: dict[bool, list[set[bytes]]] = {False: [], True: []}
    for apart, seed in itertools.product((False, True), (0, 1)):
        torch.manual_seed(seed)
        module = build(BuildContext(settings, "tiny", {"tokens": ("L",)}, FIELDS, wanted, tokenizer)).eval()
        function, file = _Features(module).eval(), tmp_path / f"{apart}-{seed}.onnx"
        with parts_apart(apart):
            trace(function, [_texts(3, 20, 9)], {"tokens": ("L",)}).save(str(file))
        with torch.no_grad():
            expected = module.features(_texts(5, 40))
        (found,) = onnxruntime.InferenceSession(str(file)).run(None, {"tokens": _texts(5, 40).numpy()})
        assert np.allclose(found, expected, 1e-4, 1e-5)
        constants[apart].append(_matrices(file))
    shared = {apart: len(one & other) for apart, (one, other) in constants.items()}
    linear_maps = 2 * 6
    assert shared[True] == shared[False] + linear_maps


def _matrices(file: Path) -> set[bytes]:
    """Those of the encoder's width."""
    from onnx import load

    initializers = load(file).graph.initializer
    return {one.raw_data for one in initializers if len(one.dims) == 2 and min(one.dims) >= WIDTH}
