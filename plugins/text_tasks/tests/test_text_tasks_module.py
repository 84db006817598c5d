"""What the architectures promise beyond the contract: the linear start, texts of one chunk, terms that matter."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, NodeSpec
from redheart_core.testing import load_installed
from redheart_text_tasks.model import TermMap, TextTask
from redheart_text_tasks.training import build_attentive, build_pooled, build_recurrent

BUILDERS = {"pooled": build_pooled, "attentive": build_attentive, "recurrent": build_recurrent}
TASKS = ("ekman", "goemotions", "kote", "vad", "votes")


def spec_of(name: str) -> NodeSpec:
    return load_installed(name).node


def build(task: str, architecture: str, **settings: object) -> TextTask:
    spec = spec_of(f"{task}_{architecture}")
    torch.manual_seed(0)
    context = BuildContext(
        spec.settings(**{**spec.scales["tiny"], **settings}),
        "tiny",
        {"embedding": ("T", 6), "terms": (40,)},
        {task: CATALOGUE[task]},
        frozenset(given.name for given in spec.gives),
    )
    return BUILDERS[architecture](context)


def inputs(lengths: tuple[int, ...] = (3, 1, 2, 1)) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    embedding = torch.randn(*mask.shape, 6, generator=draw) * mask.unsqueeze(-1)
    return {"embedding": embedding, "mask": mask, "terms": torch.rand(len(lengths), 40, generator=draw)}


def waken(module: TextTask) -> TextTask:
    """What begins at zero, with numbers."""
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.1, generator=draw)
    return module.eval()


@pytest.mark.parametrize("architecture", BUILDERS)
@pytest.mark.parametrize("task", TASKS)
def test_training_begins_near_the_middle_for_every_text(task: str, architecture: str) -> None:
    answer = build(task, architecture).eval()(inputs())[task]
    middle = {"vad": 3.0, "votes": 0.2}.get(task, 0.5)
    assert answer.shape == (4, len(CATALOGUE[task].labels))
    assert bool(((answer - middle).abs() < 0.1 * CATALOGUE["vad"].high).all())
    assert answer.std(0).max() < 0.1


@pytest.mark.parametrize("architecture", BUILDERS)
def test_every_parameter_learns_from_texts_of_one_chunk_alone(architecture: str) -> None:
    module, given = waken(build("ekman", architecture)), inputs((1, 1, 1))
    module(given)["ekman_logits"].square().sum().backward()
    idle = [name for name, p in module.named_parameters() if p.grad is None or not bool(p.grad.any())]
    assert idle == []


@pytest.mark.parametrize(
    ("architecture", "settings", "matter"),
    [
        ("pooled", {}, True),
        ("attentive", {}, True),
        ("attentive", {"terms": False}, False),
        ("recurrent", {}, False),
    ],
)
def test_terms_matter_where_they_are_read(architecture: str, settings: dict[str, object], matter: bool) -> None:
    module, given = waken(build("ekman", architecture, **settings)), inputs()
    other = {**given, "terms": given["terms"].flip(0)}
    assert torch.equal(module(given)["ekman"], module(other)["ekman"]) is not matter
    assert any("term_map" in name or "bottleneck" in name for name, _ in module.named_parameters()) is matter


@pytest.mark.parametrize("architecture", ["attentive", "recurrent"])
def test_the_order_of_chunks_matters_to_sequences(architecture: str) -> None:
    module, given = waken(build("vad", architecture)), inputs((3, 3))
    flipped = {**given, "embedding": given["embedding"].flip(1)}
    assert not torch.allclose(module(given)["vad"], module(flipped)["vad"], atol=1e-5)


def test_the_term_map_is_linear_and_drops_the_same_columns_for_a_whole_batch() -> None:
    layer, draw = TermMap(50, 3, 0.5), torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.weight.normal_(generator=draw)
    a, b = torch.rand(2, 4, 50, generator=draw)
    layer.eval()
    torch.testing.assert_close(layer(2 * a + b), 2 * layer(a) + layer(b), rtol=1e-4, atol=1e-4)
    assert not layer(torch.zeros(1, 50)).any()
    layer.train()
    torch.manual_seed(0)
    kept = layer(torch.eye(50)).any(1)
    assert 10 < int(kept.sum()) < 40
    found = layer.eval()(torch.eye(50))
    torch.manual_seed(0)
    torch.testing.assert_close(layer.train()(torch.eye(50)), 2 * found * kept.unsqueeze(1))
