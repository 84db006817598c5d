"""As many circumstances come out as the data set labels, and what else it says of the calculus."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, Field
from redheart_core.testing import build_context, random_inputs
from redheart_neural_bentham import redheart_provide_analyzers
from redheart_neural_bentham.training import EXTRA, build, objective

SHAPES = {"embedding": ("T", 6)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_analyzers()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


@pytest.mark.parametrize("labels", [("intensity", "certainty"), CATALOGUE["bentham"].labels])
def test_the_answer_has_the_labels_of_the_data_set(labels: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    found = build(context("bentham", bentham=CATALOGUE["bentham"].with_labels(*labels)))(inputs())["bentham"]
    assert found.shape == (4, len(labels))
    assert bool(((found > 0) & (found < 1)).all())


@pytest.mark.parametrize("extra", [(), *((name,) for name in EXTRA), EXTRA])
def test_what_the_data_set_has_is_built_and_learnt(extra: tuple[str, ...]) -> None:
    seen = context("bentham", *extra)
    outputs = build(seen)(inputs())
    assert outputs.keys() == {"bentham", "gate", *extra}
    assert tuple(term.target for term in objective(seen).losses) == ("bentham", *extra)
    for name in extra:
        field = CATALOGUE[name]
        assert outputs[name].shape == (4, len(field.labels))
        assert field.low < outputs[name].min()
        assert outputs[name].max() < field.high


def test_horizons_come_out_of_the_long_term_course() -> None:
    torch.manual_seed(0)
    module = build(context("bentham", *EXTRA))
    module(inputs())["utility_horizons"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.longterm_summary.parameters())
    assert all(p.grad is None for p in module.social.parameters())
