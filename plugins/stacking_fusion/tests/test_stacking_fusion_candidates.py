"""Weights of each kind, how one kind is chosen, and what they make of made-up members."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_core.nn.answers import LEAST
from redheart_stacking_fusion import candidates
from redheart_stacking_fusion.candidates import (
    best_member,
    choose,
    cross_fit,
    label_weights,
    shared_weights,
    uniform_weights,
)
from redheart_stacking_fusion.evidence import Evidence, Kind

Matrix = NDArray[np.float64]
KINDS: tuple[Kind, ...] = ("values", "labels", "shares")


def softmax(z: Matrix) -> Matrix:
    return np.asarray(np.exp(z) / np.exp(z).sum(-1, keepdims=True))


def evidence(kind: Kind, deviations: list[float], records: int = 1000, labels: int = 4, seed: int = 0) -> Evidence:
    """Targets, and members that know them but for noise; infinite noise is a member that knows nothing."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=(records, labels))
    seen = []
    for deviation in deviations:
        known = 0.0 if np.isinf(deviation) else 1.0
        seen.append(known * truth + (1.0 if not known else deviation) * draw.normal(size=truth.shape))
    if kind == "values":
        targets, members = 0.5 + truth / 10, [0.5 + z / 10 for z in seen]
    elif kind == "labels":
        targets, members = (truth > 0).astype(float), [1 / (1 + np.exp(-6 * z)) for z in seen]
    else:
        targets, members = softmax(2 * truth), [softmax(2 * z) for z in seen]
    if kind != "values":
        members = [member.clip(LEAST, 1 - LEAST) for member in members]
    return Evidence(np.stack(members), targets, np.ones(targets.shape, bool), np.full((records, 1), 1 / labels), kind)


def with_gaps(whole: Evidence) -> Evidence:
    """Every record lacks one number, and what stands there is absurd."""
    records, labels = whole.targets.shape
    present = np.arange(records)[:, None] % labels != np.arange(labels)
    targets = np.where(present, whole.targets, 0.0)
    return Evidence(
        np.where(present, whole.members, 40.0 if whole.kind == "values" else 0.5),
        targets / targets.sum(1, keepdims=True) if whole.kind == "shares" else targets,
        present,
        1 / present.sum(1, keepdims=True),
        whole.kind,
    )


def folds(records: int = 1000) -> NDArray[np.int64]:
    return np.arange(records) % 5


@pytest.mark.parametrize("kind", ["labels", "shares"])
def test_gradients_are_those_of_the_losses(kind: Kind) -> None:
    for seen in (evidence(kind, [0.3, 1.0, 2.0], 40), with_gaps(evidence(kind, [0.3, 1.0, 2.0], 40))):
        weights = np.random.default_rng(1).dirichlet(np.ones(3), size=4).T
        gradient, numeric = seen.gradient(weights), np.zeros_like(weights)
        for place in np.ndindex(weights.shape):
            step = np.zeros_like(weights)
            step[place] = 1e-6
            numeric[place] = (seen.losses(weights + step).mean() - seen.losses(weights - step).mean()) / 2e-6
        np.testing.assert_allclose(gradient, numeric, atol=1e-8)


def test_losses_are_squared_errors_and_cross_entropies_of_what_is_there() -> None:
    for kind in KINDS:
        seen = with_gaps(evidence(kind, [0.5, 1.0], 20))
        weights = uniform_weights(seen)
        mixed = np.clip(seen.members.mean(0), 0, 1)
        for loss, p, y, there in zip(seen.losses(weights), mixed, seen.targets, seen.present, strict=True):
            p, y = p[there], y[there]
            if kind == "values":
                expected = np.square(p - y).mean()
            elif kind == "labels":
                expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
            else:
                expected = -(y * np.log(p / p.sum())).sum()
            assert loss == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_member_gets_all_weight(kind: Kind) -> None:
    seen = evidence(kind, [0.0, 1.0, np.inf])
    if kind == "labels":
        perfect = seen.targets.clip(LEAST, 1 - LEAST)
        seen = attrs.evolve(seen, members=np.stack([perfect, *seen.members[1:]]))
    choice = choose(seen, folds())
    np.testing.assert_allclose(choice.weights[:3], np.repeat([[1.0], [0.0], [0.0]], 4, 1), atol=2e-3)
    if kind != "shares":
        assert seen.losses(choice.weights).mean() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_two_equally_noisy_members_get_equal_weight_and_the_stack_beats_both(kind: Kind) -> None:
    seen = evidence(kind, [0.7, 0.7])
    choice = choose(seen, folds())
    np.testing.assert_allclose(choice.weights[0], choice.weights[1], atol=0.06)
    stacked = seen.losses(choice.weights).mean()
    for member in np.eye(2):
        alone = np.repeat(member[:, None], 4, 1)
        assert stacked < 0.95 * seen.losses(np.vstack([alone, np.zeros(4)]) if kind == "values" else alone).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_useless_member_gets_almost_no_weight(kind: Kind) -> None:
    choice = choose(evidence(kind, [0.3, np.inf]), folds())
    assert choice.candidate != "uniform"
    assert choice.weights[1].max() < 0.05
    assert choice.weights[0].min() > 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_missing_numbers_add_nothing(kind: Kind) -> None:
    """What stands at missing places is absurd, and the weights of a useless member stay small."""
    seen = with_gaps(evidence(kind, [0.3, np.inf]))
    for weights in (shared_weights(seen), label_weights(seen)):
        assert weights[1].max() < 0.1
        assert weights[0].min() > 0.8
        assert bool(np.isfinite(seen.losses(weights)).all())


def test_labels_that_different_members_know_get_weights_of_their_own() -> None:
    for kind in KINDS:
        first, second = evidence(kind, [0.2, np.inf]), evidence(kind, [np.inf, 0.2])
        members = np.concatenate([first.members[:, :, :2], second.members[:, :, 2:]], -1)
        seen = attrs.evolve(first, members=members)
        if kind == "values":
            choice = choose(seen, folds())
            assert choice.candidate == "by label"
            assert choice.weights[0, :2].min() > 0.85
            assert choice.weights[1, :2].max() < 0.15
            assert choice.weights[1, 2:].min() > 0.85
        elif kind == "labels":
            choice = choose(seen, folds())
            assert choice.candidate == "by label"
            assert choice.weights[0, :2].min() > 0.8
            assert choice.weights[1, 2:].min() > 0.8


@pytest.mark.parametrize("kind", ["labels", "shares"])
def test_weights_of_probabilities_lie_on_the_simplex(kind: Kind) -> None:
    seen = evidence(kind, [0.3, 0.6, 1.0])
    for weights in (uniform_weights(seen), shared_weights(seen), label_weights(seen)):
        np.testing.assert_allclose(weights.sum(0), 1, atol=1e-12)
        assert weights.min() >= 0


def test_weights_of_values_are_the_least_squares_where_none_of_them_is_negative() -> None:
    seen = evidence("values", [0.5, 1.0])
    for label in range(4):
        alone = seen.of_label(label)
        design = np.column_stack([*alone.members[:, :, 0], np.ones(1000)])
        expected = np.linalg.lstsq(design, alone.targets[:, 0], rcond=None)[0]
        assert expected[:2].min() > 0
        np.testing.assert_allclose(shared_weights(alone)[:, 0], expected, atol=1e-8)


def test_label_weights_lie_between_the_shared_ones_and_those_of_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        seen = evidence(kind, [0.3, 1.0], 200)
        monkeypatch.setattr(candidates, "RIDGE", 1e9)
        np.testing.assert_allclose(label_weights(seen)[:2], shared_weights(seen)[:2], atol=1e-4)
    monkeypatch.setattr(candidates, "RIDGE", 0.0)
    seen = evidence("values", [0.3, 1.0], 200)
    alone = [shared_weights(seen.of_label(label)) for label in range(4)]
    np.testing.assert_allclose(label_weights(seen), np.hstack(alone), atol=1e-9)


def test_every_record_is_evaluated_by_weights_of_the_other_folds_alone() -> None:
    seen = evidence("values", [0.3, 1.0], 50)
    judged: list[set[int]] = []
    places = {tuple(row): number for number, row in enumerate(seen.targets.round(12))}

    def noting(part: Evidence) -> Matrix:
        judged.append({places[tuple(row)] for row in part.targets.round(12)})
        return shared_weights(part)

    losses = cross_fit(noting, seen, folds(50))
    for fold, learnt in enumerate(judged):
        held = set(np.flatnonzero(folds(50) == fold))
        assert learnt == set(range(50)) - held
        weights = shared_weights(seen.of(folds(50) != fold))
        expected = seen.of(folds(50) == fold).losses(weights)
        np.testing.assert_array_equal(losses[folds(50) == fold], expected)


FITS = (uniform_weights, best_member, shared_weights, label_weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deviations", [[0.7, 0.7], [0.2, 1.5], [0.2, np.inf], [0.5, 0.55, 3.0]])
@pytest.mark.parametrize("records", [40, 300])
def test_the_least_cross_fitted_loss_is_taken_and_no_member_is_better(
    kind: Kind, deviations: list[float], records: int
) -> None:
    seen = evidence(kind, deviations, records, seed=3)
    choice = choose(seen, folds(records))
    losses = np.stack([cross_fit(fit, seen, folds(records)) for fit in FITS]).mean(1)
    np.testing.assert_array_equal(choice.losses, losses)
    place = candidates.CANDIDATES.index(choice.candidate)
    np.testing.assert_array_equal(choice.weights, FITS[place](seen))
    best = seen.losses(best_member(seen)).mean()
    allowed = [number for number, fit in enumerate(FITS) if seen.losses(fit(seen)).mean() <= best]
    assert losses[place] == losses[allowed].min()
    assert losses[place] <= losses[1]  # of the best member, cross-fitted
    assert seen.losses(choice.weights).mean() <= best


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_member_alone_is_that_of_the_least_loss(kind: Kind) -> None:
    seen = evidence(kind, [1.0, 0.3, np.inf])
    weights = best_member(seen)
    np.testing.assert_array_equal(weights[:3], np.repeat([[0.0], [1.0], [0.0]], 4, 1))
    np.testing.assert_array_equal(seen.mixture(weights), seen.members[1])


def test_equal_members_are_averaged_and_unequal_ones_are_not() -> None:
    assert choose(evidence("labels", [0.7, 0.7]), folds()).candidate == "uniform"
    assert choose(evidence("labels", [0.2, 1.5]), folds()).candidate == "best member"
    assert choose(evidence("labels", [0.5, 0.9]), folds()).candidate in ("shared", "by label")


def test_a_plain_mean_that_loses_more_than_the_best_member_is_not_taken() -> None:
    """Each member is perfect on the half that the other one fails on, so that weights of one half fail on the other."""
    draw = np.random.default_rng(0)
    targets, signs = draw.uniform(0.4, 0.6, (40, 1)), draw.choice([-0.1, 0.1], (40, 1))
    halves = np.arange(40) % 2
    first, second = targets + signs * halves[:, None], targets + 2 * signs * (1 - halves[:, None])
    seen = Evidence(np.stack([first, second]), targets, np.ones((40, 1), bool), np.ones((40, 1)), "values")
    choice = choose(seen, halves)
    assert choice.losses[0] < choice.losses[1:].min()
    assert seen.losses(uniform_weights(seen)).mean() > seen.losses(best_member(seen)).mean()
    assert choice.candidate != "uniform"


def test_too_few_records_are_refused() -> None:
    with pytest.raises(DataError, match="at least 3 records in 2 folds, got 2 in 2"):
        choose(evidence("values", [0.3], 2), folds(2))
    with pytest.raises(DataError, match="got 9 in 1; give more"):
        choose(evidence("values", [0.3], 9), np.zeros(9, np.int64))


def test_a_search_that_ends_too_early_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "STEPS", 1)
    with pytest.raises(DataError, match="nats from the best ones"):
        shared_weights(evidence("labels", [0.2, 1.5, 3.0]))
