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
    "leave the template that the texts share out of them; or set data.near_duplicates=1.0, so that only equal texts "
    "stay together, and scores count as learnt what the texts share; or take another data.seed"
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
    """Sets of two or more near-duplicates or records that the data set puts together."""
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
    divided: bool = False
    """A data set divides all of its records itself."""


def division_warnings(report: SplitReport) -> Iterator[DataWarning]:
    """Large sets of near-duplicates, and splits whose sizes they spoil."""
    total = sum(report.counts[split] for split in SPLITS)
    everything = total + report.counts[EXCLUDED]
    for one in report.clusters:
        if one.records >= max(FEWEST, LARGE * total):
            places = " and ".join(f"{count} in {split}" for split, count in one.splits.items())
            yield DataWarning(
                "text",
                f"{one.describe()} stay together: {places}, {one.records / everything:.0%} of all records",
                "near-duplicates lie in one split, so that no test text resembles a training text; texts that share a "
                "template are all near-duplicates, and their split is of another kind than the others",
                _REMEDY,
            )
    awry = [split for split in SPLITS if report.duplicate_clusters and _is_awry(report, split, total)]
    if awry:
        sizes = (f"{split} has {report.counts[split]} ({_share(report, split, total)})" for split in awry)
        yield DataWarning(
            "text",
            f"of {total} records {', '.join(sizes)}",
            "sets of near-duplicates, each of which lies in one split, make some splits too large and others too small",
            _REMEDY,
        )


def _is_awry(report: SplitReport, split: str, total: int) -> bool:
    """Whether a split differs from the wanted size by more than AWRY and more than chance."""
    wanted = report.wanted[split]
    chance = 3 * math.sqrt(max(0.0, wanted * (1 - wanted / total)))
    return abs(report.counts[split] - wanted) > max(AWRY * total, chance)


def _share(report: SplitReport, split: str, total: int) -> str:
    return f"{report.counts[split] / total:.1%} in place of {report.wanted[split] / total:.1%}"


def empty_split(report: SplitReport) -> str:
    """Why a split has no record and what to do, for messages: the clause after a colon."""
    total = sum(report.counts.values())
    if report.largest_cluster >= max(FEWEST, LARGE * total):
        one = report.clusters[0]
        taken = max(one.splits, key=lambda name: one.splits[name])
        return f"{one.describe()} all lie in {taken}, and there are {total} records; {_REMEDY}"
    return f"a seeded hash of the ids divides {total} records; give more of them, or take another data.seed"
