"""SURD gives numbers by hand and keeps its identities on any distribution."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from exact_systems import SYSTEMS, Pmf, bits, joint, random_pmf

from redheart_core import DataError
from redheart_core.exact.specific import of_table, table_of_array
from redheart_core.exact.surd import Surd, decompose

AND = {"R12": 0.311278124459, "S12": 0.5}
THIRD = 1 / 3
EXPECTED: dict[str, tuple[float, dict[str, float], float]] = {
    "S1": (1, {"R12": 1}, 0),
    "S2": (1, {"U1": 1}, 0),
    "S3": (1, {"S12": 1}, 0),
    "S4": (0.811278124459, AND, 0),
    "S5": (0.811278124459, AND, 0),
    "S6": (2, {"R12": 1, "S12": 1}, 0),
    "S7": (1.5, {"R12": 0.5, "S12": 1}, 0),
    "S8": (1, {"U1": 0.531004406411}, 0.468995593589),
    "S9": (1, {"R12": 0.531004406411, "U1": 0.468995593589}, 0),
    "S10": (1, {"R12": 0.188721875541, "S12": 0.311278124459}, 0.5),
    "S11": (1, {"S12": 0.531004406411}, 0.468995593589),
    "S12": (2, {"R12": 1, "S12": 1}, 0),
    "S13": (1.5, {"R12": 0.5, "U1": 0.5, "S12": 0.5}, 0),
    "S14": (0.988699408288, {"R12": 0.380240814944, "S12": 0.608458593344}, 0),
    "S15": (1.351644115153, {"R12": 0.517224670228, "S12": 0.834419444925}, 0),
    "S16": (1, {"U1": 1}, 0),
    "S17": (1, {"S123": 1}, 0),
    "S18": (1, {"S12": 1}, 0),
    "S19": (1, {"R12": 1}, 0),
    "S20": (1, {"R123": 1}, 0),
    "S21": (
        1,
        {"R123": 0.188721875541, "S12": 0.103759374820, "S13": 0.103759374820, "S23": 0.103759374820, "S123": 0.5},
        0,
    ),
    "S22": (
        0.543564443200,
        {"R123": 0.137925380970, "S12": 0.051879687410, "S13": 0.051879687410, "S23": 0.051879687410, "S123": 0.25},
        0,
    ),
    "S23": (3, {"R123": 1, "S12": THIRD, "S13": THIRD, "S23": THIRD, "S123": 1}, 0),
    "S24": (2, {"R123": 1, "S12": THIRD, "S13": THIRD, "S23": THIRD}, 0),
    "S25": (1, {"S12345": 1}, 0),
}


def entropy(pmf: Pmf) -> float:
    p = pmf[pmf > 0] / pmf.sum()
    return -math.fsum(p * np.log2(p))


def information(pmf: Pmf, sources: tuple[int, ...]) -> float:
    """I(T; Q_A) from three entropies."""
    others = tuple(axis for axis in range(1, pmf.ndim) if axis not in sources)
    both = pmf.sum(axis=others)
    return entropy(both.sum(axis=0)) + entropy(both.sum(axis=tuple(range(1, both.ndim)))) - entropy(both)


def divergences(pmf: Pmf, sources: tuple[int, ...]) -> list[float]:
    """KL(p(a|t) || p(a)) of each occurring state, written out."""
    others = tuple(axis for axis in range(1, pmf.ndim) if axis not in sources)
    both = (pmf / pmf.sum()).sum(axis=others).reshape(len(pmf), -1)
    marginal = both.sum(axis=0)
    return [
        math.fsum(p / row.sum() * math.log2(p / row.sum() / q) for p, q in zip(row, marginal, strict=True) if p > 0)
        for row in both
        if row.sum() > 0
    ]


def all_tuples(sources: int) -> list[tuple[int, ...]]:
    return [a for order in range(1, sources + 1) for a in combinations(range(1, sources + 1), order)]


@pytest.mark.parametrize("name", EXPECTED)
def test_known_systems_have_their_terms_and_no_other(name: str) -> None:
    target_entropy, terms, leak = EXPECTED[name]
    found = decompose(SYSTEMS[name])
    assert found.target_entropy == pytest.approx(target_entropy, abs=1e-9)
    assert found.leak == pytest.approx(leak, abs=1e-9)
    assert found.terms() == pytest.approx(dict.fromkeys(found.terms(), 0.0) | terms, abs=1e-9)


@pytest.mark.parametrize("_", [pytest.param(0, id="S26")])
def test_specific_information_of_the_and_gate(_: int) -> None:
    found = of_table(table_of_array(SYSTEMS["S4"])).values
    assert found[1,] == pytest.approx([0.081704165946, 1], abs=1e-9)
    assert found[1, 2] == pytest.approx([0.415037499279, 2], abs=1e-9)


@pytest.mark.parametrize("_", [pytest.param(0, id="S28")])
def test_by_the_rule_first_one_tuple_gets_what_equals_would_share(_: int) -> None:
    found = decompose(SYSTEMS["S21"], ties="first")
    assert found.synergistic[1, 2] == pytest.approx(0.311278124459, abs=1e-9)
    assert found.synergistic[1, 3] == found.synergistic[2, 3] == 0
    assert found.synergistic[1, 2, 3] == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_identities_hold_on_random_distributions(sources: int) -> None:
    rng = np.random.default_rng(sources)
    for _ in range(25):
        pmf = random_pmf(rng, sources)
        found = decompose(pmf)
        everything = tuple(range(1, sources + 1))
        total = information(pmf, everything)
        assert min(found.terms().values()) >= -1e-12
        assert sum(found.terms().values()) == pytest.approx(total, abs=1e-9)
        assert found.mutual_information == pytest.approx(total, abs=1e-9)
        target_entropy = entropy(pmf.sum(axis=everything))
        assert found.target_entropy == pytest.approx(target_entropy, abs=1e-12)
        assert found.degenerate == (np.count_nonzero(pmf.sum(axis=everything)) == 1)
        if not found.degenerate:
            assert found.leak == pytest.approx(1 - total / target_entropy, abs=1e-9)
            assert sum(found.shares().values()) == pytest.approx(1, abs=1e-12)
            assert sum(found.term_shares().values()) == pytest.approx(1, abs=1e-12)
        for source in everything:
            of_source = found.unique[source,] + sum(v for a, v in found.redundant.items() if source in a)
            assert of_source == pytest.approx(information(pmf, (source,)), abs=1e-9)


@pytest.mark.parametrize("sources", [2, 3, 4])
def test_redundant_unique_and_order_totals_are_those_of_the_closed_forms(sources: int) -> None:
    rng = np.random.default_rng(10 + sources)
    for _ in range(15):
        pmf = random_pmf(rng, sources)
        found = decompose(pmf)
        p = [row.sum() for row in pmf if row.sum() > 0]
        i = {a: divergences(pmf, a) for a in all_tuples(sources)}
        for a in all_tuples(sources):
            rest = [(j,) for j in range(1, sources + 1) if j not in a]
            expected = math.fsum(
                p[t] * max(0.0, min(i[m,][t] for m in a) - max((i[j][t] for j in rest), default=0.0))
                for t in range(len(p))
            )
            term = found.unique[a] if len(a) == 1 else found.redundant[a]
            assert term == pytest.approx(expected, abs=1e-9)
        best = {m: [max(i[a][t] for a in i if len(a) == m) for t in range(len(p))] for m in range(1, sources + 1)}
        for order in range(2, sources + 1):
            expected = math.fsum(p[t] * (best[order][t] - best[order - 1][t]) for t in range(len(p)))
            assert found.synergy_of_order(order) == pytest.approx(expected, abs=1e-9)


def test_specific_information_is_a_divergence_that_grows_with_the_tuple() -> None:
    pmf = random_pmf(np.random.default_rng(3), 3)
    found = of_table(table_of_array(pmf))
    for a in all_tuples(3):
        assert found.values[a] == pytest.approx(divergences(pmf, a), abs=1e-12)
        assert found.mutual_information(a) == pytest.approx(information(pmf, a), abs=1e-12)
        for b in all_tuples(3):
            if set(a) < set(b):
                assert (found.values[a] <= found.values[b] + 1e-12).all()


def test_relabelled_states_rescaled_weights_and_empty_states_change_nothing() -> None:
    rng = np.random.default_rng(4)
    pmf = random_pmf(rng, 3)
    expected = pytest.approx(decompose(pmf).terms(), abs=1e-12)
    shuffled = pmf
    for axis, size in enumerate(pmf.shape):
        shuffled = np.take(shuffled, rng.permutation(size), axis=axis)
    assert decompose(shuffled).terms() == expected
    assert decompose(pmf * 12345.0).terms() == expected
    assert decompose(pmf * 1e307 * 5).terms() == expected
    assert decompose(pmf * 1e-250).terms() == expected
    assert decompose(np.pad(pmf, 1)).terms() == expected


def test_permuted_sources_permute_the_terms() -> None:
    pmf = random_pmf(np.random.default_rng(5), 3)
    plain, turned = decompose(pmf), decompose(pmf.transpose(0, 3, 1, 2))
    new_number = {1: 2, 2: 3, 3: 1}
    for kind in ("redundant", "unique", "synergistic"):
        expected = {tuple(sorted(new_number[i] for i in a)): v for a, v in getattr(plain, kind).items()}
        assert getattr(turned, kind) == pytest.approx(expected, abs=1e-12)


def test_a_constant_source_changes_nothing() -> None:
    pmf = random_pmf(np.random.default_rng(6), 2)
    plain, more = decompose(pmf), decompose(pmf[:, :, None, :])
    renamed = {"R12": "R13", "U1": "U1", "U2": "U3", "S12": "S13"}
    expected = dict.fromkeys(more.terms(), 0.0) | {renamed[name]: v for name, v in plain.terms().items()}
    assert more.terms() == pytest.approx(expected, abs=1e-12)


def test_a_duplicated_source_turns_its_unique_part_into_redundancy() -> None:
    pmf = random_pmf(np.random.default_rng(7), 2)
    doubled = np.einsum("tab,ac->tabc", pmf, np.eye(pmf.shape[1]))
    plain, more = decompose(pmf), decompose(doubled)
    assert plain.unique[1,] > 0.01
    assert more.redundant[1, 3] == pytest.approx(plain.unique[1,], abs=1e-12)
    assert more.unique[1,] == more.unique[3,] == 0
    assert sum(more.synergistic.values()) == pytest.approx(sum(plain.synergistic.values()), abs=1e-9)


def test_one_source_is_all_unique() -> None:
    pmf = random_pmf(np.random.default_rng(8), 1)
    assert decompose(pmf).terms() == pytest.approx({"U1": information(pmf, (1,))}, abs=1e-12)


def test_exact_ties_stay_with_the_shorter_tuple_for_every_number_of_irrelevant_bits() -> None:
    for n in range(2, 7):
        found = decompose(bits(n, lambda first, *others: first, 0.3))
        assert found.terms() == pytest.approx(dict.fromkeys(found.terms(), 0.0) | {"U1": found.target_entropy})


def test_exchangeable_sources_get_equal_parts_whatever_the_rounding() -> None:
    rng = np.random.default_rng(9)
    for _ in range(10):
        weights = rng.exponential(size=(3, 3, 3, 3))
        pmf = sum(weights.transpose(0, *order) for order in permutations((1, 2, 3)))
        found = decompose(pmf)
        assert found.synergy_of_order(2) > 0.001
        for terms in (found.synergistic, found.redundant):
            assert terms[1, 2] == pytest.approx(terms[1, 3], abs=1e-9)
            assert terms[1, 2] == pytest.approx(terms[2, 3], abs=1e-9)


def test_a_target_that_never_varies_is_degenerate() -> None:
    found = decompose(np.ones((1, 2, 3)))
    assert found.degenerate
    assert set(found.terms().values()) == {0.0}
    assert (found.leak, found.target_entropy, found.mutual_information) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError, match="the target never varies"):
        found.shares()


def test_shares_are_those_of_the_target_entropy() -> None:
    found = decompose(SYSTEMS["S10"])
    expected = {"synergistic": 0.311278124459, "unique": 0.0, "redundant": 0.188721875541, "leak": 0.5}
    assert found.shares() == pytest.approx(expected, abs=1e-9)
    assert found.term_shares() == pytest.approx(
        {"R12": 0.188721875541, "U1": 0, "U2": 0, "S12": 0.311278124459, "leak": 0.5}, abs=1e-9
    )


def test_terms_come_in_the_order_of_the_causal_paths() -> None:
    names = ["R123", "R12", "R13", "R23", "U1", "U2", "U3", "S12", "S13", "S23", "S123"]
    assert list(decompose(SYSTEMS["S21"]).terms()) == names


def test_the_array_of_the_caller_is_left_alone() -> None:
    pmf = SYSTEMS["S21"].copy()
    pmf.setflags(write=False)
    assert isinstance(decompose(pmf), Surd)
    np.testing.assert_array_equal(pmf, SYSTEMS["S21"])


def test_counts_of_integers_are_weights() -> None:
    counts = (SYSTEMS["S4"] * 4).astype(int)
    assert decompose(counts).terms() == pytest.approx(decompose(SYSTEMS["S4"]).terms(), abs=1e-12)
    assert decompose(counts).well_sampled


def test_a_nearly_impossible_state_keeps_the_shares_a_whole() -> None:
    rare = joint([(1e-12, 1, (1, 1)), (0.5, 0, (0, 1)), (0.5 - 1e-12, 0, (0, 0))])
    shares = decompose(rare).shares()
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert all(share >= 0 for share in shares.values())


@pytest.mark.parametrize(
    ("pmf", "message"),
    [
        (np.ones(3), r"target on axis 0 and a source on each other axis, got shape \(3,\)"),
        ([[0.5, -0.1], [0.3, 0.3]], "have to be >= 0, the smallest is -0.1"),
        ([[0.5, math.nan], [0.3, 0.3]], "must be finite, got nan at .*1 such of 4"),
        ([[0.5, math.inf], [0.3, 0.3]], "must be finite, got inf at .*1 such of 4"),
        ([[0, 0], [0, 0]], "all probabilities or counts are 0"),
        (np.ones((2, 0)), r"is empty \(shape \(2, 0\)\)"),
        ([[1, 2], [3]], "must be numbers in a rectangular array"),
        ([["a", "b"]], "must be numbers in a rectangular array"),
        (np.ones((2,) * 11), "1 to 9 sources are supported, got 10"),
    ],
)
def test_what_is_no_distribution_is_refused(pmf: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decompose(pmf)  # type: ignore[arg-type] # wrong on purpose


def test_an_unknown_rule_for_ties_is_refused() -> None:
    with pytest.raises(DataError, match="ties has to be one of first, split, got 'last'"):
        decompose(SYSTEMS["S4"], ties="last")  # type: ignore[arg-type] # wrong on purpose
