"""SURD over the outputs of a run."""

from __future__ import annotations

import numpy as np
import pytest
from toy import Toy

from redheart_core import DataError
from redheart_core.evaluation.decomposition import decompose_run


def test_what_the_analyzers_say_is_decomposed_and_every_record_gets_shares(toy: Toy) -> None:
    nodes = [toy.node("a"), toy.node("b", dropout=0.0)]
    run, _ = toy.run("run", nodes)
    context = toy.context(nodes)
    found = decompose_run(run, context, "regret", bins=3, resamples=100)
    assert found.sources == ("a.value", "b.value")
    assert found.records == len(context.store.rows("train")) == len(found.rows) == len(found.shares)
    np.testing.assert_allclose(found.shares.sum(1), 1.0, atol=1e-12)
    plain = found.surd.plain
    assert plain.mutual_information == pytest.approx(sum(plain.terms().values()))
    again = decompose_run(run, context, "regret", bins=3, resamples=100)
    assert again.surd.corrected == found.surd.corrected


def test_labels_and_sources_are_named(toy: Toy) -> None:
    nodes = [toy.node("a"), toy.node("c", target="choice_factors")]
    run, _ = toy.run("run", nodes)
    context = toy.context(nodes)
    found = decompose_run(
        run, context, "choice_factors.risk", ("a.value", "c.value.risk"), "validation", bins=2, resamples=100
    )
    assert found.sources == ("a.value", "c.value.risk")
    assert found.records == len(context.store.rows("validation"))


@pytest.mark.parametrize(
    ("target", "sources", "message"),
    [
        ("joy", (), r"the data set has no field 'joy' \(fields: choice_factors, regret\)"),
        ("choice_factors", (), "'choice_factors' is not one number; choose one of choice_factors.selection"),
        ("regret", ("a.wrong",), r"no metric evaluates an output 'a.wrong' \(outputs: a.value, c.value\)"),
        ("regret", ("c.value",), "source 'c.value' is not one number; choose one of c.value.selection"),
        ("regret", ("a.value",) * 10, "can be decomposed into 1 to 9 sources, got 10"),
    ],
)
def test_what_cannot_be_decomposed_is_refused(toy: Toy, target: str, sources: tuple[str, ...], message: str) -> None:
    nodes = [toy.node("a"), toy.node("c", target="choice_factors")]
    run, _ = toy.run("run", nodes, epochs=1)
    with pytest.raises(DataError, match=message):
        decompose_run(run, toy.context(nodes), target, sources, resamples=100)
