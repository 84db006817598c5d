"""What votes allow at best: exact cases, an independent sampling, and the published votes."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import f1_score

from redheart_core import DataError
from redheart_core.exact.votes import fit_dirichlet_multinomial
from redheart_core.exact.votes_ceiling import vote_ceiling

SCENARIOS = Path(__file__).parents[1] / "../shared/data/scenarios/train.jsonl.gz"


def test_the_cross_entropies_are_vectors_v6_and_v7() -> None:
    found = vote_ceiling([1, 1], [[7, 3]], rng=np.random.default_rng(0))
    assert found.cross_entropy == pytest.approx(45383 / 69300, abs=1e-9)
    assert found.fresh_cross_entropy == pytest.approx(1103 / 1848, abs=1e-9)


def test_one_item_of_two_classes_has_the_macro_f1_of_vector_v8() -> None:
    # right with 227/256: F1 is 1 if the draw is right, and 0 for both classes if it is wrong
    found = vote_ceiling([1, 1], [[7, 3]], rng=np.random.default_rng(1), draws=20_000)
    spread = math.sqrt(227 / 256 * 29 / 256)
    assert found.macro_f1 == pytest.approx(227 / 256, abs=4 * spread / math.sqrt(20_000))
    assert found.macro_f1_sd == pytest.approx(spread, rel=0.03)
    assert found.draws == 20_000


def test_macro_f1_is_the_mean_of_scikit_learn_s_over_posterior_draws() -> None:
    alpha = np.array([1.5, 0.7, 1.0])
    votes = np.random.default_rng(2).multinomial(6, [0.5, 0.3, 0.2], 60)
    draw = np.random.default_rng(3)
    scores = [
        f1_score(votes.argmax(1), np.array([draw.dirichlet(alpha + row) for row in votes]).argmax(1), average="macro")
        for _ in range(200)
    ]
    found = vote_ceiling(alpha, votes, rng=np.random.default_rng(4), draws=400)
    assert found.macro_f1 == pytest.approx(np.mean(scores), abs=4 * np.std(scores) * math.sqrt(1 / 200 + 1 / 400))
    assert found.macro_f1_sd == pytest.approx(np.std(scores), rel=0.2)


def test_many_unanimous_votes_allow_everything_and_few_allow_little() -> None:
    sure = np.eye(3)[[0, 1, 2, 1]] * 1e6
    best = vote_ceiling([0.5, 0.5, 0.5], sure, rng=np.random.default_rng(5))
    assert (best.macro_f1, best.macro_f1_sd) == (1.0, 0.0)
    assert best.cross_entropy < 1e-5
    poor = vote_ceiling([50, 50, 50], np.eye(3)[[0, 1, 2, 1]], rng=np.random.default_rng(6))
    assert poor.macro_f1 < 0.5
    assert poor.cross_entropy == pytest.approx(special.digamma(151) - special.digamma(51))


def test_the_same_generator_gives_the_same_ceiling() -> None:
    votes = [[3, 1], [1, 2]]
    first, second = (vote_ceiling([1, 1], votes, rng=np.random.default_rng(7)) for _ in range(2))
    assert (first.macro_f1, first.macro_f1_sd) == (second.macro_f1, second.macro_f1_sd)


@pytest.mark.parametrize(
    ("alpha", "votes", "draws", "message"),
    [
        ([1, 1], [[1, 0], [0, 0]], 10, "votes per item must be above 0, got 0 at .*; drop items without votes"),
        ([1, 1, 1], [[1, 0]], 10, r"alpha needs the shape \(2,\), one for each class, got \(3,\)"),
        ([1, 0], [[1, 0]], 10, "alpha must be above 0"),
        ([1, 1], [1, 0], 10, r"votes needs the shape \(\.\.\., items >= 1, classes >= 1\)"),
        ([1, 1], [[1, -1]], 10, "votes must be at least 0"),
        ([1, 1], [[1, 0]], 1, "draws"),
    ],
)
def test_bad_numbers_are_refused(alpha: list[float], votes: list[list[float]], draws: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        vote_ceiling(alpha, votes, rng=np.random.default_rng(0), draws=draws)


@pytest.mark.slow
@pytest.mark.skipif(not SCENARIOS.is_file(), reason="the folder shared/data/scenarios is not beside the repository")
def test_the_votes_of_the_scenarios_allow_about_what_is_known_of_them() -> None:
    with gzip.open(SCENARIOS, "rt", encoding="utf-8") as file:
        votes = [list(json.loads(line)["label_scores"].values()) for line in file]
    found = vote_ceiling(fit_dirichlet_multinomial(votes).alpha, votes, rng=np.random.default_rng(8), draws=30)
    assert found.macro_f1 == pytest.approx(0.68, abs=0.01)
    assert found.cross_entropy == pytest.approx(0.73, abs=0.01)
