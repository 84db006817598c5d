"""Calibration, confusion and disagreement agree with independent implementations, and with predictors known by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.metrics import confusion_matrix
from toy import Toy

from redheart_core import CATALOGUE, Field
from redheart_core.evaluation.diagnostics import (
    ENSEMBLES,
    LABELS,
    confusion,
    diagnose,
    disagreement,
    label_reliability,
    share_reliability,
)
from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.evaluation.results import EVALUATION
from redheart_core.evaluation.variants import Predictor
from redheart_core.nn.label_metrics import label_calibration_error, share_calibration_error
from redheart_core.report.collect_results import read_evaluation
from redheart_core.selection.picks import Pick, Pool
from redheart_core.selection.rivals import compare_methods
from redheart_core.selection.sweetspot import find_sweetspot

NAN = math.nan
FLAGS = Field("flags", "made up", 0.0, 1.0, labels=("a", "b"), binary=True)
TRAINING: dict[str, Any] = {"epochs": 4, "learning_rate": 3e-2}
SHARES = Field("shares", "made up", 0.0, 1.0, labels=("a", "b", "c"), simplex=True)
VOTES = Field("ballots", "made up", 0.0, 99.0, labels=("a", "b", "c"), counts=True)
VALUES = Field("values", "made up", -1.0, 1.0, labels=("a", "b"))


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def binned(confidence: np.ndarray, correct: np.ndarray) -> list[tuple[int, float, float]]:
    """Not empty ones of 15 bins, by a loop over their bounds."""
    found = []
    for place in range(15):
        inside = (confidence > place / 15) & (confidence <= (place + 1) / 15) | ((place == 0) & (confidence == 0))
        if inside.any():
            found.append((int(inside.sum()), confidence[inside].mean(), correct[inside].mean()))
    return found


def test_reliability_of_labels_is_that_of_a_loop_over_the_bins() -> None:
    p, y = draw(400, 3), (draw(400, 3, seed=1) < 0.4).double()
    y[5, 1] = NAN
    there = ~y.isnan().numpy()
    found = [(one.count, one.confidence, one.correct) for one in label_reliability(p, y)]
    assert len(found) == 15
    assert found == [pytest.approx(one) for one in binned(p.numpy()[there], y.numpy()[there])]
    assert sum(one[0] for one in found) == 400 * 3 - 1


def test_reliability_of_shares_is_that_of_a_loop_over_the_bins() -> None:
    p, y = draw(300, 4), (9 * draw(300, 4, seed=1)).floor()
    y[7] = 0
    y[8] = NAN
    y[9, 2] = NAN
    there = ~y.isnan()
    kept = (y.nansum(-1) > 0).numpy()
    shares, votes = (
        torch.where(there, tensor, 0.0) / torch.where(there, tensor, 0.0).sum(-1, keepdim=True) for tensor in (p, y)
    )
    mask = there.numpy()[kept]
    expected = binned(shares.numpy()[kept][mask], votes.numpy()[kept][mask])
    found = [(one.count, one.confidence, one.correct) for one in share_reliability(p, y)]
    assert found == [pytest.approx(one) for one in expected]
    assert sum(one[0] for one in found) == 298 * 4 - 1


def test_the_gaps_of_the_bins_add_up_to_the_calibration_errors_that_the_tables_print() -> None:
    p, n, flags = draw(200, 4), (9 * draw(200, 4, seed=1)).floor(), (draw(200, 4, seed=2) < 0.4).double()
    for bins, error in (
        (share_reliability(p, n), share_calibration_error(p, n, ~n.isnan())),
        (label_reliability(p, flags), label_calibration_error(p, flags, ~flags.isnan())),
    ):
        gaps = sum(one.count * abs(one.correct - one.confidence) for one in bins)
        assert gaps / sum(one.count for one in bins) == pytest.approx(error)
        assert error > 0


def test_a_perfect_and_a_wrong_predictor_have_the_reliability_that_they_must() -> None:
    y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(10, 1)
    for reliability in (label_reliability, share_reliability):
        assert [(one.count, one.confidence, one.correct) for one in reliability(y, y)] == [(20, 0, 0), (20, 1, 1)]
        assert [(one.count, one.confidence, one.correct) for one in reliability(1 - y, y)] == [(20, 0, 1), (20, 1, 0)]
        assert reliability(y, torch.full_like(y, NAN)) == ()


def test_confusion_is_the_matrix_of_scikit_learn() -> None:
    p, y = draw(500, 5), draw(500, 5, seed=1)
    y[3] = NAN
    there = ~y.isnan().any(-1)
    found = confusion(p, y, ("a", "b", "c", "d", "e"))
    assert found is not None
    expected = confusion_matrix(y[there].argmax(-1), p[there].argmax(-1), labels=range(5))
    np.testing.assert_array_equal(found.counts, expected)
    assert found.labels == ("a", "b", "c", "d", "e")
    assert found.left_out == 0


def test_confusion_of_many_labels_keeps_those_that_are_most_often_true() -> None:
    labels = tuple(f"label {number}" for number in range(20))
    true = torch.tensor([number for number in range(20) for _ in range(1 + (7 * number) % 20)])
    p, y = draw(len(true), 20), torch.nn.functional.one_hot(true, 20).double()
    found = confusion(p, y, labels)
    assert found is not None
    frequent = sorted(sorted(range(20), key=lambda number: (-((7 * number) % 20), number))[:LABELS])
    assert found.labels == tuple(labels[number] for number in frequent)
    np.testing.assert_array_equal(found.counts, confusion_matrix(true, p.argmax(-1), labels=frequent))
    assert found.left_out == len(true) - np.sum(found.counts)
    assert found.left_out > 0


def test_confusion_of_a_perfect_predictor_is_diagonal_and_nothing_has_none() -> None:
    y = torch.eye(3).repeat(4, 1)
    found = confusion(y, y, ("a", "b", "c"))
    assert found is not None
    np.testing.assert_array_equal(found.counts, 4 * np.eye(3))
    assert confusion(y, torch.full_like(y, NAN), ("a", "b", "c")) is None


def test_places_on_an_axis_count_one_by_one() -> None:
    p, y = draw(50, 4, 3), draw(50, 4, 3, seed=1)
    assert confusion(p, y, ("a", "b", "c")) == confusion(p.flatten(0, 1), y.flatten(0, 1), ("a", "b", "c"))
    assert share_reliability(p, y) == share_reliability(p.flatten(0, 1), y.flatten(0, 1))


def test_disagreement_is_correlated_by_rank_with_the_absolute_error() -> None:
    p, y, spread = draw(60, 2), draw(60, 2, seed=1), draw(60, 2, seed=2).round(decimals=1)
    y[4, 0] = NAN
    y[5] = NAN
    there = ~y.isnan()
    error = [float((p - y)[row][there[row]].abs().mean()) for row in range(60) if there[row].any()]
    apart = [float(spread[row][there[row]].mean()) for row in range(60) if there[row].any()]
    found = disagreement(VALUES, p, y, spread)
    assert found.records == 59
    assert found.mean == pytest.approx(np.mean(apart))
    assert found.rank_correlation == pytest.approx(np.corrcoef(rankdata(apart), rankdata(error))[0, 1])
    telling = disagreement(VALUES, p, y, (p - y).abs().nan_to_num())
    assert telling.rank_correlation == pytest.approx(1.0)
    assert disagreement(VALUES, p, y, -(p - y).abs().nan_to_num()).rank_correlation == pytest.approx(-1.0)
    assert disagreement(VALUES, p, y, torch.zeros_like(p)).rank_correlation is None


def test_votes_are_compared_as_shares() -> None:
    p, n = torch.softmax(draw(30, 3), -1), (1 + 5 * draw(30, 3, seed=1)).floor()
    spread = (p - n / n.sum(-1, keepdim=True)).abs()
    assert disagreement(VOTES, p, n, spread).rank_correlation == pytest.approx(1.0)
    assert disagreement(VOTES, p, 7 * n, spread).rank_correlation == pytest.approx(1.0)
    n[3] = 0
    assert disagreement(VOTES, p, n, spread).records == 29


@pytest.mark.parametrize(
    ("field", "bins", "matrix"),
    [(FLAGS, True, False), (SHARES, True, True), (VOTES, True, True), (VALUES, False, False)],
)
def test_what_is_diagnosed_depends_on_the_kind_of_field(field: Field, bins: bool, matrix: bool) -> None:
    shape = (40, len(field.labels))
    p, y = torch.softmax(draw(*shape), -1), (draw(*shape, seed=1) > 0.5).double()
    found = diagnose(
        "node.metric", field, y, {"crossover": p, "top ensemble": p}, {"top ensemble": draw(*shape, seed=2)}
    )
    assert (bool(found.reliability), found.confusion is not None) == (bins, matrix)
    assert set(found.disagreement) == {"top ensemble"}


def test_the_spread_of_an_ensemble_is_that_of_its_members_one_by_one(toy: Toy) -> None:
    store = toy.store()
    nodes = [toy.node("a"), toy.node("high", reads=("a.value", "embedding"))]
    run, _ = toy.run("run", nodes, store, **TRAINING)
    context = toy.context(nodes, store, **TRAINING)
    pools = {group.name: Pool(run, context, group) for group in context.groups}
    entries = {name: pool.epochs[:3] for name, pool in pools.items()}
    picks = {name: Pick.together("top ensemble", found) for name, found in entries.items()}
    predictor = Predictor(context, pools, "test", {})
    spreads = predictor.predict(picks).spreads
    assert set(spreads) == {"a.value", "high.value"}
    answers = []
    for entry in entries["a"]:
        single = {"a": Pick.single("one", entry), "high": picks["high"]}
        answers.append(predictor.predict(single).predictions["a.value"])
    torch.testing.assert_close(spreads["a.value"], torch.stack(answers).std(0, correction=0), atol=1e-6, rtol=1e-5)
    assert float(spreads["high.value"].mean()) > 0


def test_an_evaluation_holds_a_diagnosis_of_every_node_and_is_read_back(toy: Toy, tmp_path: Path) -> None:
    store = toy.store()
    nodes = [toy.node("a"), toy.node("b", target="choice_factors")]
    run, _ = toy.run("run", nodes, store, **TRAINING)
    context = toy.context(nodes, store, **TRAINING)
    rivals, _ = compare_methods(run, context)
    found = evaluate_test(run, context, find_sweetspot(run, ["a", "b"]), rivals.picks("selection"))
    assert [one.metric for one in found.diagnostics] == [table.metric for table in found.main]
    for one in found.diagnostics:
        assert set(one.disagreement) <= set(ENSEMBLES)
        assert one.disagreement["top ensemble"].mean > 0
        assert one.disagreement["top ensemble"].records > 0
    EVALUATION.write(tmp_path / "evaluation.json", found)
    back = read_evaluation(tmp_path / "evaluation.json", ["a", "b"])
    assert back is not None
    assert back.diagnostics == found.diagnostics
    assert back.to_json() == found.to_json()


def test_the_catalogue_has_fields_of_every_kind_that_is_distinguished() -> None:
    kinds = {(field.binary, field.simplex, field.counts) for field in CATALOGUE.values()}
    assert {(True, False, False), (False, True, False), (False, False, True), (False, False, False)} <= kinds
