"""SURD: what a target's information from its sources is made of (redundant, unique, synergistic) and what leaks.

Martinez-Sanchez, Arranz, Lozano-Duran, Nature Communications 15:9296 (2024), with the ties settled:
a tuple is credited only for what exceeds every shorter tuple, whatever the rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Literal, get_args

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.samples import same_length, sample_columns
from redheart_core.exact.specific import (
    JointTable,
    SourceTuple,
    SpecificInformation,
    cell_keys,
    merged,
    of_table,
    table_of_array,
)
from redheart_core.exact.states import state_codes

Ties = Literal["split", "first"]

TOLERANCE_BITS = 1e-10
"""Specific information that differs by no more than this counts as equal."""

SAMPLES_PER_CELL = 5
"""Fewer samples per occupied joint cell, and bias shows up as synergy of the highest order."""


@attrs.frozen
class Surd:
    """A decomposition in bits; the sources are numbered from 1."""

    redundant: Mapping[SourceTuple, float]
    """R_A for every tuple of two or more sources."""
    unique: Mapping[SourceTuple, float]
    """U_i for every source, by (i,)."""
    synergistic: Mapping[SourceTuple, float]
    """S_A for every tuple of two or more sources."""
    mutual_information: float
    """I(T; all sources) in bits."""
    target_entropy: float
    """H(T) in bits."""
    leak: float
    """H(T | all sources) / H(T), 0..1; 0 by convention where the target never varies. It depends on the binning."""
    degenerate: bool
    """The target never varies, so there is nothing to decompose and no shares."""
    cells: int
    """Occupied joint cells of the target and all sources."""
    samples: int | None = None
    """How many samples it was estimated from; None for a given distribution."""

    @property
    def well_sampled(self) -> bool:
        """At least five samples per occupied joint cell; otherwise use more samples, fewer bins or fewer sources,
        or correct for the bias with `surd_sampling.estimate`. Always true of a given distribution."""
        return self.samples is None or self.samples >= SAMPLES_PER_CELL * self.cells

    def terms(self) -> dict[str, float]:
        """Every term in bits by name, for three sources R123, R12, R13, R23, U1, U2, U3, S12, S13, S23, S123."""
        widest_first = sorted(self.redundant, key=lambda sources: (-len(sources), sources))
        return {
            **{_name("R", sources): self.redundant[sources] for sources in widest_first},
            **{_name("U", sources): bits for sources, bits in self.unique.items()},
            **{_name("S", sources): bits for sources, bits in self.synergistic.items()},
        }

    def synergy_of_order(self, order: int) -> float:
        """Bits of all synergies of that many sources: continuous in the distribution, unlike the split between them."""
        return sum(bits for sources, bits in self.synergistic.items() if len(sources) == order)

    def shares(self) -> dict[str, float]:
        """Shares synergistic, unique, redundant and leak of H(T); their sum is 1.

        Raises:
            DataError: The target never varies.
        """
        parts = {
            "synergistic": sum(self.synergistic.values()),
            "unique": sum(self.unique.values()),
            "redundant": sum(self.redundant.values()),
        }
        shares = {name: bits / self._entropy() for name, bits in parts.items()}
        return shares | {"leak": max(0.0, 1.0 - sum(shares.values()))}

    def term_shares(self) -> dict[str, float]:
        """Every term by name, and the leak, as shares of H(T); their sum is 1.

        Raises:
            DataError: The target never varies.
        """
        shares = {name: bits / self._entropy() for name, bits in self.terms().items()}
        return shares | {"leak": max(0.0, 1.0 - sum(shares.values()))}

    def _entropy(self) -> float:
        if self.degenerate:
            raise DataError(
                "the target never varies, so its entropy is 0 and has no shares; look at `degenerate` first"
            )
        return self.target_entropy


def decompose(pmf: ArrayLike, *, ties: Ties = "split") -> Surd:
    """Decompose a known joint distribution.

    Args:
        pmf: Probabilities, counts or other weights of any scale, all >= 0: the target on axis 0,
            source i on axis i. Taken as it is (no smoothing), not modified. Constant sources do no harm.
        ties: Who gets an increment that several tuples of one order reach alike: all of them in equal parts
            ("split"), or the first in the order of their numbers ("first", for comparisons only).

    Raises:
        DataError: Fewer than two axes, negative, NaN, infinite or all-zero weights, more than 9 sources.
    """
    return from_table(table_of_array(pmf), ties=ties)


def decompose_samples(target: ArrayLike, sources: ArrayLike, *, bins: int | None = None, ties: Ties = "split") -> Surd:
    """Decompose the plug-in distribution of samples, which overstates information (see `Surd.well_sampled`).

    Args:
        target: (N,) states (whole numbers), or real numbers if bins is given.
        sources: (N,) or (N, n), likewise, n = 1 .. 9.
        bins: Cut every variable into that many quantile bins of its own (see `states.quantile_bins`).
        ties: As in `decompose`.

    Raises:
        DataError: Lengths that differ, NaN or infinite numbers, numbers that are not whole without bins.
    """
    codes = SampleCodes.of(target, sources, bins)
    return codes.decompose(codes.keys(), ties)


@attrs.frozen(eq=False)
class SampleCodes:
    """Samples as codes of states, ready to be shuffled and resampled."""

    target: NDArray[np.int64]
    """(N,) codes below `targets`."""
    source_keys: NDArray[np.int64]
    """(N,) number of the joint state of all sources."""
    shape: tuple[int, ...]
    """How many codes each source has."""
    targets: int

    @classmethod
    def of(cls, target: ArrayLike, sources: ArrayLike, bins: int | None) -> SampleCodes:
        """Check and code the arguments of `decompose_samples`."""
        column, columns = sample_columns("target", target), sample_columns("sources", sources)
        if column.shape[1] != 1:
            raise DataError(
                f"the target is one variable of shape (N,), got {column.shape}; number the joint states of its columns"
            )
        same_length(target=column, sources=columns)
        target_codes, (targets,) = state_codes("target", column, bins)
        codes, shape = state_codes("sources", columns, bins)
        keys = cell_keys(target_codes[:, 0], codes, shape, targets)
        return cls(target_codes[:, 0], keys // targets, shape, targets)

    def keys(self, target: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Each sample's cell, with other target codes if given."""
        return self.source_keys * self.targets + (self.target if target is None else target)

    def decompose(self, keys: NDArray[np.int64], ties: Ties) -> Surd:
        """The decomposition of samples in these cells."""
        return attrs.evolve(from_table(merged(keys, None, self.shape, self.targets), ties=ties), samples=len(keys))


def from_table(table: JointTable, *, ties: Ties = "split") -> Surd:
    """Decompose the occupied cells of a distribution."""
    if ties not in get_args(Ties):
        raise DataError(f"ties has to be one of first, split, got {ties!r}")
    information = of_table(table)
    credits = _credits(information, ties)
    everything = information.of_order(information.sources)[0]
    mutual, entropy = information.mutual_information(everything), information.target_entropy
    degenerate = len(information.target_probability) == 1
    return Surd(
        redundant={sources: bits for (kind, sources), bits in credits.items() if kind == "R"},
        unique={sources: bits for (kind, sources), bits in credits.items() if kind == "U"},
        synergistic={sources: bits for (kind, sources), bits in credits.items() if kind == "S"},
        mutual_information=0.0 if degenerate else mutual,
        target_entropy=entropy,
        leak=0.0 if degenerate else min(1.0, max(0.0, 1.0 - mutual / entropy)),
        degenerate=degenerate,
        cells=information.cells,
    )


def state_shares(codes: SampleCodes, ties: Ties = "split") -> NDArray[np.float64]:
    """For each sample, what the specific information of its target state is made of.

    i(t), the information of all sources about the state t, is at most -log2 p(t); the rest is the leak of the state.
    The mean of the shares, weighted by -log2 p(t), is that of `Surd.shares`.

    Args:
        codes: The samples.
        ties: As in `decompose`.

    Returns:
        (N, 4): shares synergistic, unique, redundant and leak of -log2 p(t); each row sums to 1.

    Raises:
        DataError: The target never varies.
    """
    information = of_table(merged(codes.keys(), None, codes.shape, codes.targets))
    if len(information.target_probability) == 1:
        raise DataError("the target never varies, so its entropy is 0 and has no shares")
    table = np.empty((len(information.target_probability), 4))
    for state, p in enumerate(information.target_probability.tolist()):
        sums = dict.fromkeys("SUR", 0.0)
        for (kind, _), bits in _state_credits(information, state, ties):
            sums[kind] += bits / -np.log2(p)
        table[state] = (*sums.values(), max(0.0, 1.0 - sum(sums.values())))
    present = np.unique(codes.target)
    return table[np.searchsorted(present, codes.target)]


def _credits(information: SpecificInformation, ties: Ties) -> dict[tuple[str, SourceTuple], float]:
    """Bits of each term, by kind and tuple."""
    n = information.sources
    credits = {("U", sources): 0.0 for sources in information.of_order(1)}
    for order in range(2, n + 1):
        credits |= {(kind, sources): 0.0 for sources in information.of_order(order) for kind in "RS"}
    for state, p in enumerate(information.target_probability.tolist()):
        for term, bits in _state_credits(information, state, ties):
            credits[term] += p * bits
    return credits


def _state_credits(
    information: SpecificInformation, state: int, ties: Ties
) -> Iterator[tuple[tuple[str, SourceTuple], float]]:
    """Bits of specific information of one target state, by kind and tuple."""
    n = information.sources
    by_tuple = {sources: float(values[state]) for sources, values in information.values.items()}
    floor = 0.0
    ranked = sorted(range(1, n + 1), key=lambda source: by_tuple[source,])
    for rank, source in enumerate(ranked):
        members = tuple(sorted(ranked[rank:]))
        yield ("U" if len(members) == 1 else "R", members), by_tuple[source,] - floor
        floor = by_tuple[source,]
    for order in range(2, n + 1):
        kept = [(by_tuple[sources], sources) for sources in combinations(range(1, n + 1), order)]
        kept = sorted(entry for entry in kept if entry[0] > floor + TOLERANCE_BITS)
        for group in _equals(kept):
            top = group[-1][0]
            members_of_group = sorted(sources for _, sources in group)
            winners = members_of_group if ties == "split" else members_of_group[:1]
            for sources in winners:
                yield ("S", sources), (top - floor) / len(winners)
            floor = top


def _equals(ascending: list[tuple[float, SourceTuple]]) -> list[list[tuple[float, SourceTuple]]]:
    """Runs of neighbours whose values differ by no more than the tolerance."""
    groups: list[list[tuple[float, SourceTuple]]] = []
    for entry in ascending:
        if groups and entry[0] - groups[-1][-1][0] <= TOLERANCE_BITS:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _name(kind: str, sources: SourceTuple) -> str:
    return kind + "".join(map(str, sources))
