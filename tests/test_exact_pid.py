"""The lattice decomposition gives atoms by hand, its closed form and SURD's coarser terms."""

from __future__ import annotations

import numpy as np
import pytest
from exact_systems import SYSTEMS, random_pmf

from redheart_core import DataError
from redheart_core.exact import pid, surd
from redheart_core.exact.specific import of_table, table_of_array

EXPECTED: dict[str, list[tuple[str, dict[str, float]]]] = {
    "P1": [(system, {"{1}{2}": 0.311278124459, "{12}": 0.5}) for system in ("S4", "S5")],
    "P2": [("S3", {"{12}": 1})],
    "P3": [("S6", {"{1}{2}": 1, "{12}": 1})],
    "P4": [("S9", {"{1}{2}": 0.531004406411, "{1}": 0.468995593589})],
    "P5": [("S17", {"{123}": 1})],
    "P6": [("S21", {"{1}{2}{3}": 0.188721875541, "{12}{13}{23}": 0.311278124459, "{123}": 0.5})],
    "P7": [("S23", {"{1}{2}{3}": 1, "{12}{13}{23}": 1, "{123}": 1})],
    "P8": [("P8", {"{3}{12}": 1})],
    "P9": [("S22", {"{1}{2}{3}": 0.137925380970, "{12}{13}{23}": 0.155639062230, "{123}": 0.25})],
    "P10": [("S24", {"{1}{2}{3}": 1, "{12}{13}{23}": 1})],
}
PAIRS = ("{12}", "{13}", "{23}", "{12}{13}", "{12}{23}", "{13}{23}", "{12}{13}{23}")


@pytest.mark.parametrize("name", EXPECTED)
def test_known_systems_have_their_atoms_and_no_other(name: str) -> None:
    for system, atoms in EXPECTED[name]:
        found = pid.decompose(SYSTEMS[system]).named()
        assert found == pytest.approx(dict.fromkeys(found, 0.0) | atoms, abs=1e-9)


def test_the_third_source_of_p8_is_unique_to_surd() -> None:
    found = surd.decompose(SYSTEMS["P8"]).terms()
    assert found == pytest.approx(dict.fromkeys(found, 0.0) | {"U3": 1}, abs=1e-9)


@pytest.mark.parametrize(("sources", "nodes"), [(1, 1), (2, 4), (3, 18)])
def test_the_lattice_has_its_known_size_and_order(sources: int, nodes: int) -> None:
    lattice = pid.antichains(sources)
    assert len(lattice) == len(set(lattice)) == nodes
    assert lattice[0] == tuple((i,) for i in range(1, sources + 1))
    assert lattice[-1] == (tuple(range(1, sources + 1)),)
    for place, node in enumerate(lattice):
        assert not any(pid.is_below(node, other) for other in lattice[:place])


@pytest.mark.parametrize("sources", [1, 2, 3])
def test_atoms_are_those_of_the_closed_form_state_by_state(sources: int) -> None:
    rng = np.random.default_rng(sources)
    for _ in range(10):
        pmf = random_pmf(rng, sources)
        found, i = pid.decompose(pmf), of_table(table_of_array(pmf))
        least = {node: np.min([i.values[a] for a in node], axis=0) for node in found.atoms}
        for node, bits in found.atoms.items():
            below = [least[other] for other in found.atoms if pid.is_below(other, node)]
            most = np.max(below, axis=0) if below else np.zeros_like(least[node])
            assert bits == pytest.approx(float(i.target_probability @ (least[node] - most)), abs=1e-9)
        assert min(found.atoms.values()) >= 0
        assert sum(found.atoms.values()) == pytest.approx(found.mutual_information, abs=1e-9)


def test_two_sources_give_surd_term_by_term() -> None:
    rng = np.random.default_rng(20)
    for _ in range(20):
        pmf = random_pmf(rng, 2)
        atoms, terms = pid.decompose(pmf).named(), surd.decompose(pmf).terms()
        expected = {"R12": atoms["{1}{2}"], "U1": atoms["{1}"], "U2": atoms["{2}"], "S12": atoms["{12}"]}
        assert terms == pytest.approx(expected, abs=1e-9)


def test_three_sources_sum_up_to_surd() -> None:
    rng = np.random.default_rng(30)
    for _ in range(20):
        pmf = random_pmf(rng, 3)
        atoms, found = pid.decompose(pmf).named(), surd.decompose(pmf)
        terms = found.terms()
        assert terms["R123"] == pytest.approx(atoms["{1}{2}{3}"], abs=1e-9)
        assert terms["R12"] == pytest.approx(atoms["{1}{2}"], abs=1e-9)
        assert terms["R13"] == pytest.approx(atoms["{1}{3}"], abs=1e-9)
        assert terms["R23"] == pytest.approx(atoms["{2}{3}"], abs=1e-9)
        assert terms["U1"] == pytest.approx(atoms["{1}"] + atoms["{1}{23}"], abs=1e-9)
        assert terms["U2"] == pytest.approx(atoms["{2}"] + atoms["{2}{13}"], abs=1e-9)
        assert terms["U3"] == pytest.approx(atoms["{3}"] + atoms["{3}{12}"], abs=1e-9)
        assert terms["S123"] == pytest.approx(atoms["{123}"], abs=1e-9)
        assert found.synergy_of_order(2) == pytest.approx(sum(atoms[name] for name in PAIRS), abs=1e-9)


def test_a_target_that_never_varies_is_degenerate() -> None:
    found = pid.decompose(np.ones((1, 2, 2)))
    assert found.degenerate
    assert set(found.atoms.values()) == {0.0}


def test_more_than_three_sources_are_refused() -> None:
    with pytest.raises(DataError, match=r"at most 3 sources, got 4; use surd\.decompose"):
        pid.decompose(np.ones((2,) * 5))
