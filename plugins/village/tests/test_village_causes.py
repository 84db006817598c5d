"""Causes of the outcome: the exact joint distribution against simulation, the shares against the exact calculator."""

import math

import attrs
import numpy as np
import pytest

from redheart_core.exact import surd
from redheart_village.account import Account, account_for, hedons_of, own_worth
from redheart_village.acts import ACTS
from redheart_village.causes import LEVELS, joint, parts, paths
from redheart_village.streams import gumbel, stream
from redheart_village.world import STATES, State, choice_probabilities, choose, live, play


@pytest.fixture(scope="module")
def accounts() -> list[Account]:
    return [account_for(live(2026, "en", index)) for index in range(120)]


def test_choice_probabilities_are_how_often_the_agent_chooses(accounts: list[Account]) -> None:
    rng = stream(0, "en", 0, "test")
    for account in accounts[:4]:
        drawn = [choose(account.situation, [gumbel(rng) for _ in ACTS]) for _ in range(4000)]
        frequencies = [drawn.count(act) / len(drawn) for act in account.situation.acts]
        assert frequencies == pytest.approx(choice_probabilities(account.situation), abs=0.04)


def test_levels_are_as_likely_as_the_hidden_twist_makes_them(accounts: list[Account]) -> None:
    twists = (np.arange(200) + 0.5) / 200 * 0.5 + 0.75
    inner = 0
    for account in accounts[:10]:
        situation, focus = account.situation, account.episode.focus
        pmf = joint(account)
        for number, act in enumerate(situation.acts):
            for state in (State("fair", True), State("foul", False)):
                scores = [
                    own_worth(
                        hedons_of(play(attrs.evolve(situation, twists=(float(twist),) * len(ACTS)), act, state)), focus
                    )
                    for twist in twists
                ]
                counts = np.bincount(np.digitize(scores, LEVELS), minlength=len(LEVELS) + 1) / len(twists)
                exact = pmf[:, int(state.luck == "foul"), int(state.seen), number]
                assert exact / exact.sum() == pytest.approx(counts, abs=0.011)
                inner += counts.max() < 0.99
    assert inner > 5


def test_joint_distribution_has_the_worlds_margins(accounts: list[Account]) -> None:
    for account in accounts:
        pmf, situation = joint(account), account.situation
        assert pmf.shape == (len(LEVELS) + 1, 2, 2, len(situation.acts))
        assert pmf.min() >= 0.0
        assert pmf.sum((0, 2, 3)) == pytest.approx([situation.fair, 1 - situation.fair])
        assert pmf.sum((0, 1, 3)) == pytest.approx([1 - situation.seen, situation.seen])
        assert pmf.sum((0, 1, 2)) == pytest.approx(choice_probabilities(situation))
        for state, p in zip(STATES, situation.probabilities, strict=True):
            assert pmf[:, int(state.luck == "foul"), int(state.seen)].sum() == pytest.approx(p)


def test_shares_by_path_are_those_of_the_exact_calculator(accounts: list[Account]) -> None:
    compared = 0
    for account in accounts:
        pmf = joint(account)
        shares, exact = paths(pmf), surd.decompose(pmf)
        assert (shares is None) == exact.degenerate
        if shares is None:
            continue
        wanted = exact.term_shares()
        pairs = sum(wanted.pop(name) for name in ("S12", "S13", "S23"))
        assert shares == pytest.approx({**wanted, "S12+S13+S23": pairs}, abs=1e-7)
        assert parts(shares) == pytest.approx(exact.shares(), abs=1e-7)
        compared += 1
    assert compared > 100


def test_shares_of_majority_and_exclusive_or_are_known() -> None:
    majority, exclusive = np.zeros((2, 2, 2, 2)), np.zeros((2, 2, 2, 2))
    for bits in np.ndindex(2, 2, 2):
        majority[(int(sum(bits) >= 2), *bits)] = exclusive[(sum(bits) % 2, *bits)] = 1 / 8
    s21 = {"R123": 0.188721875541, "S12+S13+S23": 0.311278124459, "S123": 0.5}
    for pmf, terms in ((majority, s21), (exclusive, {"S123": 1.0})):
        shares = paths(pmf)
        assert shares is not None
        assert shares == pytest.approx({name: terms.get(name, 0.0) for name in shares}, abs=1e-9)


def test_an_outcome_that_never_varies_has_no_shares() -> None:
    sure = np.zeros((5, 2, 2, 1))
    sure[2] = 0.25
    assert paths(sure) is None


def test_shares_sum_to_one(accounts: list[Account]) -> None:
    for account in accounts:
        shares = paths(joint(account))
        if shares is not None:
            assert math.fsum(shares.values()) == pytest.approx(1.0)
            assert math.fsum(parts(shares).values()) == pytest.approx(1.0)
