"""The backbone gives each task its own view of the text."""

from __future__ import annotations

import torch

from redheart_backbone import TASKS, redheart_provide_analyzers
from redheart_backbone.model import Backbone


def tiny(tasks: tuple[str, ...] = TASKS, gives_sequence: bool = True) -> Backbone:
    return Backbone(
        width_in=6,
        width=8,
        layers=1,
        heads=2,
        feedforward=4,
        branch=1,
        dropout=0.0,
        input_dropout=0.0,
        tasks=tasks,
        gives_sequence=gives_sequence,
    )


def test_every_task_has_its_own_view_and_is_a_declared_output() -> None:
    torch.manual_seed(0)
    outputs = tiny()({"embedding": torch.ones(2, 3, 6), "mask": torch.ones(2, 3) > 0})
    assert set(outputs) == {output.name for output in redheart_provide_analyzers()[0].gives}
    views = [outputs[task] for task in TASKS]
    assert not any(torch.allclose(one, other) for i, one in enumerate(views) for other in views[:i])


def test_a_text_may_have_any_number_of_chunks() -> None:
    torch.manual_seed(0)
    backbone = tiny()
    outputs = backbone({"embedding": torch.randn(1, 500, 6), "mask": torch.ones(1, 500, dtype=torch.bool)})
    assert outputs["sequence"].shape == (1, 500, 8)
    assert all(bool(tensor.isfinite().all()) for tensor in outputs.values())


def test_only_the_asked_branches_are_built() -> None:
    backbone = tiny(TASKS[:1], gives_sequence=False)
    outputs = backbone({"embedding": torch.ones(2, 3, 6), "mask": torch.ones(2, 3) > 0})
    assert set(outputs) == {"emotion"}
    everything = sum(p.numel() for p in tiny().parameters())
    assert sum(p.numel() for p in backbone.parameters()) < everything
