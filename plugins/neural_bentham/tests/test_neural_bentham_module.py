"""As many circumstances come out as the data set labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext
from redheart_neural_bentham import redheart_provide_analyzers
from redheart_neural_bentham.settings import NeuralBenthamSettings
from redheart_neural_bentham.training import build


def inputs(width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


@pytest.mark.parametrize("labels", [("intensity", "certainty"), CATALOGUE["bentham"].labels])
def test_the_answer_has_the_labels_of_the_data_set(labels: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    (spec,) = redheart_provide_analyzers()
    settings = NeuralBenthamSettings(**spec.scales["tiny"])
    fields = {"bentham": CATALOGUE["bentham"].with_labels(*labels)}
    module = build(BuildContext(settings, "tiny", {"embedding": ("T", 6)}, fields, frozenset()))
    found = module(inputs(6))["bentham"]
    assert found.shape == (4, *spec.output("bentham").resolve(settings, fields)) == (4, len(labels))
    assert bool(((found > 0) & (found < 1)).all())
