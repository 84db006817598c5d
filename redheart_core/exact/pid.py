"""Partial information decomposition of Williams and Beer (2010) by their redundancy I_min, for up to 3 sources."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import attrs
import numpy as np
from numpy.typing import ArrayLike

from redheart_core.contract.errors import DataError
from redheart_core.exact.specific import SourceTuple, SpecificInformation, of_table, table_of_array

MAX_SOURCES = 3
"""The lattice has 1, 4 and 18 nodes for 1, 2 and 3 sources; 166 for 4."""

Antichain = tuple[SourceTuple, ...]
"""Source tuples of which none holds another; shorter ones first, then in the order of their numbers."""


@attrs.frozen
class Pid:
    """A decomposition in bits over the redundancy lattice; the sources are numbered from 1."""

    atoms: Mapping[Antichain, float]
    """What exactly these source tuples have in common and nothing below them has; >= 0, their sum is I(T; all)."""
    redundancies: Mapping[Antichain, float]
    """I_min of each node: sum_t p(t) min_A i_A(t)."""
    mutual_information: float
    """I(T; all sources) in bits."""
    target_entropy: float
    """H(T) in bits."""
    degenerate: bool
    """The target never varies, so that all atoms are 0."""

    def named(self) -> dict[str, float]:
        """The atoms by their usual names, such as {1}{23}."""
        return {name(node): bits for node, bits in self.atoms.items()}


def decompose(pmf: ArrayLike) -> Pid:
    """Decompose a known joint distribution by Moebius inversion on the redundancy lattice.

    Two sources give what `surd.decompose` gives, term by term; three a finer division of the same.
    I_min calls two independent bits redundant where the target is a copy of both.

    Args:
        pmf: Probabilities, counts or other weights of any scale, all >= 0: the target on axis 0,
            source i on axis i. Not modified.

    Raises:
        DataError: As `specific.table_of_array`, or more than 3 sources.
    """
    table = table_of_array(pmf)
    sources = len(table.shape)
    if sources > MAX_SOURCES:
        raise DataError(
            f"the lattice is built for at most {MAX_SOURCES} sources, got {sources}; use surd.decompose, "
            "which has fewer terms, or sum over a source"
        )
    information = of_table(table)
    redundancies = {node: _least(information, node) for node in antichains(information.sources)}
    atoms: dict[Antichain, float] = {}
    for node, bits in redundancies.items():  # whatever is below a node comes before it
        below = sum(atoms[other] for other in atoms if is_below(other, node))
        atoms[node] = bits - below
    return Pid(
        # never negative but for rounding
        atoms={node: max(0.0, bits) for node, bits in atoms.items()},
        redundancies=redundancies,
        mutual_information=information.mutual_information(tuple(range(1, information.sources + 1))),
        target_entropy=information.target_entropy,
        degenerate=len(information.target_probability) == 1,
    )


def antichains(sources: int) -> list[Antichain]:
    """All nodes of the redundancy lattice, each after the nodes below it."""
    tuples = [members for order in range(1, sources + 1) for members in combinations(range(1, sources + 1), order)]
    nodes = [
        node
        for size in range(1, len(tuples) + 1)
        for node in combinations(tuples, size)
        if not any(set(a) < set(b) or set(b) < set(a) for a, b in combinations(node, 2))
    ]
    return sorted(nodes, key=lambda node: sum(is_below(other, node) for other in nodes))


def is_below(lower: Antichain, upper: Antichain) -> bool:
    """Whether every tuple of the upper node holds some tuple of the lower one, and the nodes differ."""
    return lower != upper and all(any(set(a) <= set(b) for a in lower) for b in upper)


def name(node: Antichain) -> str:
    """The usual name of a node, such as {1}{23}."""
    return "".join("{" + "".join(map(str, members)) + "}" for members in node)


def _least(information: SpecificInformation, node: Antichain) -> float:
    least = np.min([information.values[members] for members in node], axis=0)
    return float(information.target_probability @ least)
