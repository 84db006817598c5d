"""What modules compute with so that they can be exported is the same as without, and names do not get in the way."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import torch
from little_plugin import FIELDS, LITTLE, WIDTH, Little, building, plugin_of
from torch import Tensor, nn

from redheart_core import PluginError
from redheart_core.contract.data import Tokenizer
from redheart_core.data.batch import Batch
from redheart_core.groups.exporting import TensorFunction, to_onnx, trace
from redheart_core.nn.chunks import masked_mean, present_first
from redheart_core.nn.named import Named, attribute_name, chosen_name
from redheart_core.nn.recurrent import gates_of_onnx, gru_gates_of_onnx
from redheart_core.testing import Sample, make_subject
from redheart_core.testing.export_checks import check_exports_to_onnx
from redheart_core.testing.plugin import ConformanceError, NotApplicable
from redheart_mean_fusion.model import WeightedMean
from redheart_text_transformer.windows import Cut, cut

onnxruntime = pytest.importorskip("onnxruntime", reason="needs redheart[export]")
pytest.importorskip("onnxscript", reason="needs redheart[export]")
WORDS = Tokenizer("words", "", 50, (1,), (2,), 0)


@pytest.fixture(scope="module")
def little_sample() -> Sample:
    """12 records of up to 4 chunks."""
    embedding = torch.randn(12, 4, WIDTH, generator=torch.Generator().manual_seed(5))
    mask = torch.arange(4) < torch.arange(12).remainder(4).add(1).unsqueeze(1)
    mean = masked_mean(embedding, mask)
    targets = {"mood": (2 * mean[:, :3]).softmax(-1), "traits": mean[:, 3:6].sigmoid(), "worth": mean[:, 0].sigmoid()}
    return Sample(Batch({"embedding": embedding, "mask": mask}, targets), FIELDS)


def test_what_is_there_comes_first_as_a_stable_sort_has_it() -> None:
    present = torch.rand(200, 9, generator=torch.Generator().manual_seed(1)) > 0.4
    assert present_first(present).equal((~present).to(torch.uint8).argsort(dim=1, stable=True))


def test_gates_are_in_the_order_of_onnx() -> None:
    rows = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])  # input, forget, cell, output in PyTorch
    assert gates_of_onnx(rows).tolist() == [0, 0, 3, 3, 1, 1, 2, 2]
    assert gru_gates_of_onnx(rows[:6]).tolist() == [1, 1, 0, 0, 2, 2]


def test_keywords_get_an_underscore_in_the_names_of_parameters() -> None:
    named = Named({"global": nn.Linear(1, 1), "mood": nn.Linear(1, 1)})
    assert list(named) == ["global", "mood"]
    assert sorted({name.partition(".")[0] for name, _ in named.named_parameters()}) == ["global_", "mood"]
    assert chosen_name(attribute_name("class")) == "class"


def test_a_mean_of_all_members_does_not_depend_on_other_records() -> None:
    mean = WeightedMean(3, (4,))
    mean.weight.data.copy_(torch.rand(3, 4, generator=torch.Generator().manual_seed(2)))
    members = torch.rand(3, 6, 4, generator=torch.Generator().manual_seed(3))
    complete = mean(members)
    assert complete.equal((members * mean.weight.view(3, 1, -1)).sum(0))
    members[1, 2] = float("nan")
    others = [0, 1, 3, 4, 5]
    assert mean(members)[others].equal(complete[others])
    assert bool(mean(members)[2].isfinite().all())


class Windows(TensorFunction):
    reads = ("tokens",)
    gives = Cut._fields

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (tokens,) = tensors
        return cut(tokens, WORDS, 10, 4)


def texts(*lengths: int) -> Tensor:
    tokens = torch.full((len(lengths), 40), -1)
    for row, length in zip(tokens, lengths, strict=True):
        row[:length] = torch.arange(length) + 3
    return tokens


def test_exported_windows_are_those_of_each_text(tmp_path: Path) -> None:
    trace(Windows(), [texts(3, 40, 9)], {}).save(str(tmp_path / "graph.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "graph.onnx"))
    for lengths in ((0, 3, 19, 40), (40, 40, 1, 7), (5, 6, 7, 8), (1,), (0, 0)):
        tokens = texts(*lengths)
        found = session.run(list(Windows.gives), {"tokens": tokens.numpy()})
        for name, one, expected in zip(Windows.gives, found, cut(tokens, WORDS, 10, 4), strict=True):
            assert torch.from_numpy(one).equal(expected), (lengths, name)


class Branching(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state if bool((state > 0).all()) else 2 * state)


class SizeOfTheBatch(Little):
    def results(self, state: Tensor) -> dict[str, Tensor]:
        return super().results(state + state.new_zeros(len(state), 1))


@pytest.mark.parametrize("kind", [pytest.param(Branching, marks=pytest.mark.thorough), SizeOfTheBatch])
def test_a_module_that_takes_branches_or_sizes_from_data_is_found(kind: type[Little], little_sample: Sample) -> None:
    subject = make_subject(plugin_of(attrs.evolve(LITTLE, build=building(kind))), little_sample)
    with pytest.raises(
        ConformanceError, match=r"'little'.*cannot be exported to ONNX; let its modules take no branches"
    ):
        check_exports_to_onnx(subject)


def test_a_module_that_says_why_it_is_not_exported_stays_on_pytorch(little_sample: Sample) -> None:
    spec = attrs.evolve(LITTLE, build=building(Branching), not_exported="it branches")
    subject = make_subject(plugin_of(spec), little_sample)
    with pytest.raises(NotApplicable, match="'little' stays on PyTorch: it branches"):
        check_exports_to_onnx(subject)
    with pytest.raises(PluginError, match="group 'little' stays on PyTorch; 'little': it branches"):
        to_onnx(subject.module().eval(), subject.records.inputs)
