"""How the records were divided, and what is wrong with the division."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import attrs

from redheart_core.contract.data import SPLITS
from redheart_core.data.data_warning import DataWarning

EXCLUDED = "excluded"
"""The side of a training record that is a near-duplicate of the publisher's test part."""
LARGE = 0.05
"""Share of the records from which on a set of near-duplicates is warned of."""
FEWEST = 10
"""Smaller sets are not warned of, whatever their share."""
AWRY = 0.05
"""Share of the records by which a split may differ from the wanted size."""

_REMEDY = (
    "leave the template out of the texts, or set data.near_duplicates=1.0, which keeps only equal texts together; "
    "scores then count what the texts share as learnt"
)


@attrs.frozen
class ClusterReport:
    """A set of near-duplicates."""

    records: int
    splits: Mapping[str, int]
    """Its records per split, where it has any."""
    ids: tuple[str, ...]
    """The first three."""
    example: str
    """The first text, shortened."""

    def describe(self) -> str:
        """What it is, for messages."""
        more = ", ..." if self.records > len(self.ids) else ""
        ids = f"{', '.join(self.ids)}{more}"
        return f"{self.records} records that are near-duplicates of each other ({ids}: '{self.example}')"


@attrs.frozen
class SplitReport:
    """How the records were divided."""

    counts: Mapping[str, int]
    """Records per split, and how many were excluded."""
    wanted: Mapping[str, float]
    """Records per split by the rule of division, if no texts were near-duplicates."""
    duplicate_clusters: int
    """Sets of two or more near-duplicates."""
    clustered_records: int
    """Records in those sets."""
    largest_cluster: int
    """Records in the largest of them, 0 if there are none."""
    published: bool
    """The data set came with a test part of its own, which was kept."""
    examples: tuple[tuple[str, str], ...]
    """Ids of a few pairs from the same set."""
    clusters: tuple[ClusterReport, ...]
    """The largest sets, the largest first."""


def division_warnings(report: SplitReport) -> Iterator[DataWarning]:
    """Large sets of near-duplicates, and splits that they made too large, too small or empty."""
    total = sum(report.counts[split] for split in SPLITS)
    large = [one for one in report.clusters if one.records >= max(FEWEST, LARGE * total)]
    for one in large:
        places = " and ".join(f"{count} in {split}" for split, count in one.splits.items())
        yield DataWarning(
            "text",
            f"{one.describe()} stay together, {places}: {one.records / (total + report.counts[EXCLUDED]):.0%} of all",
            "a template that all of them share counts as their text, so that the split that takes them is of one kind "
            "and the others lack it",
            _REMEDY,
        )
    for split in SPLITS:
        found, wanted = report.counts[split], report.wanted[split]
        share = wanted / max(total, 1)
        chance = 3 * math.sqrt(max(0.0, share * (1 - share)) * total)
        if large and abs(found - wanted) > max(AWRY * total, chance):
            yield DataWarning(
                "text",
                f"{split} has {found} of {total} records ({found / total:.1%}), wanted are {share:.1%}",
                "near-duplicates stay together, and the large sets of them lie elsewhere or here",
                _REMEDY,
            )


def empty_split(report: SplitReport) -> str:
    """Why a split has no record and what to do, for messages: the clause after a colon."""
    total = sum(report.counts.values())
    if report.largest_cluster >= max(FEWEST, LARGE * total):
        one = report.clusters[0]
        taken = max(one.splits, key=lambda name: one.splits[name])
        return f"{one.describe()} of {total} all went to {taken}; {_REMEDY}"
    return f"of {total} records, and a seeded hash of the ids divides them; give more records, or another data.seed"
