"""What is wrong with a data set, why it matters and how to fix it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from redheart_core.contract.data import SPLITS
from redheart_core.contract.fields import Field
from redheart_core.data.data_warning import DataWarning
from redheart_core.data.text import comparable, shorten
from redheart_core.inspection.dependence import Dependence
from redheart_core.inspection.findings import Duplicates, FieldInspection

LEVEL = 0.01
"""Probability that any label of a data set is said to differ between train and test though both are alike."""
RARE = 0.01
"""Share of records below which a field is hardly there."""
NAMED = 5
"""Most labels that one warning names."""

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@attrs.frozen
class Repeat:
    """Texts that come more than once with different numbers in a field."""

    texts: int
    records: int
    example: str
    ids: tuple[str, ...]


def field_warnings(field: FieldInspection, counts: Mapping[str, int]) -> Iterator[DataWarning]:
    """What one field's own figures say; counts are the records per split."""
    total = sum(counts[split] for split in SPLITS)
    covered = sum(field.coverage.values())
    if covered < RARE * total:
        yield DataWarning(
            field.name,
            f"{covered} of {total} records have it, less than {RARE:.0%}",
            "what is learnt from so few is mostly chance",
            "give more records with it, or leave out the plugins that learn it",
        )
    if not covered:
        return
    constant = [label.label for label in field.labels if label.distinct == 1]
    if constant:
        yield DataWarning(
            field.name,
            f"constant in train: {_names(constant)}",
            "nothing can be learnt from it, and a perfect score on it means nothing",
            "correct how it is read, or declare the field without it (Field.with_labels)",
        )
    for split in SPLITS:
        absent = [label.label for label in field.labels if not (_held(field, split)[label.label])]
        if counts[split] and absent and split != "calibration":
            yield DataWarning(
                field.name,
                f"no {split} record has {_names(absent)}",
                "it cannot be learnt" if split == "train" else "it cannot be evaluated, nor its threshold chosen",
                "give more records, or declare the field without it (Field.with_labels)",
            )


def _held(field: FieldInspection, split: str) -> dict[str, int]:
    """Per label the records of a split that have it: as 1 or with votes, else with any number."""
    is_counted = field.kind in ("labels", "votes")
    return {label.label: (label.holding if is_counted else label.coverage)[split] for label in field.labels}


def tie_warnings(field: Field, votes: Numbers) -> Iterator[DataWarning]:
    """Records without a single majority; votes (N, K) as shares, NaN where missing."""
    voted = votes[~np.isnan(votes).all(1)]
    tied = int(((voted == np.nanmax(voted, 1, keepdims=True)).sum(1) > 1).sum()) if len(voted) else 0
    if tied:
        yield DataWarning(
            field.name,
            f"the most votes are tied in {tied} of {len(voted)} records ({tied / len(voted):.1%})",
            "macro-F1 takes the first of equal classes as the majority there, which is arbitrary",
            "look at soft_cross_entropy first, or leave these records out",
        )


def dependence_warnings(found: Sequence[Dependence]) -> Iterator[DataWarning]:
    """One for each field and what predicts it."""
    joined: dict[tuple[str, str], list[str]] = {}
    for one in found:
        joined.setdefault((one.field, one.source), []).append(one.relation)
    for (field, source), relations in joined.items():
        yield DataWarning(
            field,
            _names(relations, "; "),
            "a label that another one gives is no second piece of evidence: scores on both count one thing twice, and "
            "a plugin that reads the one knows the other",
            "keep one of them as a target" if field == source else f"keep one of {field} and {source} as a target",
        )


def shift_warnings(fields: Iterable[tuple[Field, Numbers]], train: Places, test: Places) -> Iterator[DataWarning]:
    """Labels whose mean differs between train and test beyond chance.

    Fisher's exact test for labels of 0 and 1, else Welch's t-test, on the mean over the axes of each record; the
    level LEVEL is divided by the number of labels (Bonferroni).

    Args:
        fields: With their numbers (N, P, L), NaN where missing.
        train: Rows, without near-duplicates, since the tests take records as independent.
        test: The same.
    """
    found: dict[str, list[tuple[str, float, float, float]]] = {}
    tested = 0
    for field, numbers in fields:
        means = _record_means(numbers)
        for label, column in zip(field.labels or (field.name,), means.T, strict=True):
            a, b = (part[~np.isnan(part)] for part in (column[train], column[test]))
            if len(a) < 2 or len(b) < 2:
                continue
            tested += 1
            p = _fisher(a, b) if field.binary and not field.axes else _welch(a, b)
            found.setdefault(field.name, []).append((label, float(a.mean()), float(b.mean()), p))
    for name, labels in found.items():
        shifted = [(label, a, b, p) for label, a, b, p in labels if p < LEVEL / tested]
        if shifted:
            parts = [f"{label} {a:.4g} in train, {b:.4g} in test (p {p:.1g})" for label, a, b, p in shifted]
            yield DataWarning(
                name,
                f"train and test differ beyond chance (level {LEVEL:g} over {tested} labels): {_names(parts, '; ')}",
                "the test split is of another kind than what was learnt, so its scores say less about either",
                "find out how the records were divided; report results per source, or divide anew",
            )


def repeat_warnings(repeats: Mapping[str, Repeat]) -> Iterator[DataWarning]:
    """Fields in which equal texts have different numbers."""
    for field, repeat in repeats.items():
        yield DataWarning(
            field,
            f"{repeat.texts} texts come several times with different labels ({repeat.records} records), such as "
            f"'{repeat.example}' ({', '.join(repeat.ids)})",
            "no model that reads the text alone can be right on all of them",
            "join their labels (mean or votes), or count them as noise of the raters",
        )


def duplicate_warnings(duplicates: Duplicates) -> Iterator[DataWarning]:
    """Near-duplicates that let one split know another."""
    if duplicates.leaking:
        yield DataWarning(
            "text",
            f"sets of near-duplicates that lie in more than one split: {duplicates.leaking}",
            "the model has seen what it is evaluated on",
            "prepare the data again; the division keeps near-duplicates together",
        )


def find_repeats(
    fields: Sequence[tuple[Field, Numbers]], text_of: Callable[[int], str], id_of: Callable[[int], str]
) -> dict[str, Repeat]:
    """Per field the texts, equal as `comparable` writes them, that have different numbers where both have one.

    Args:
        fields: With their numbers (N, P, L), NaN where missing.
        text_of: Row to text.
        id_of: Row to id.
    """
    count = len(fields[0][1]) if fields else 0
    hashes = np.array([_text_hash(text_of(row)) for row in range(count)], dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(hashes[order])) + 1)
    groups = sorted(part.tolist() for part in parts if len(part) > 1)
    found: dict[str, Repeat] = {}
    for field, numbers in fields:
        flat = numbers.reshape(len(numbers), -1)
        differing = [rows for rows in groups if _differ(flat[rows])]
        if differing:
            first = differing[0]
            named = tuple(id_of(row) for row in first[:2])
            found[field.name] = Repeat(len(differing), sum(map(len, differing)), shorten(text_of(first[0])), named)
    return found


def _text_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(comparable(text).encode(), digest_size=8).digest(), "little")


def _differ(numbers: Numbers) -> bool:
    there = numbers[:, (~np.isnan(numbers)).sum(0) > 1]
    return bool((np.nanmax(there, 0) != np.nanmin(there, 0)).any()) if there.size else False


def _record_means(numbers: Numbers) -> Numbers:
    """(N, P, L) to (N, L), NaN where a record has none."""
    there = ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):  # 0 / 0 is missing
        means: Numbers = np.where(there, numbers, 0.0).sum(1) / there.sum(1)
    return means


def _fisher(a: Numbers, b: Numbers) -> float:
    table = [[int(part.sum()), len(part) - int(part.sum())] for part in (a, b)]
    return float(stats.fisher_exact(table)[1])


def _welch(a: Numbers, b: Numbers) -> float:
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return 1.0 if a[0] == b[0] else 0.0
    return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


def _names(names: Sequence[str], separator: str = ", ") -> str:
    more = len(names) - NAMED
    return separator.join(names[:NAMED]) + (f"{separator}and {more} more" if more > 0 else "")
