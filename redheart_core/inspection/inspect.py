"""What a data set is like before anything is trained on it: figures, noise, baselines, near-duplicates, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.data import SPLITS
from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import has_any
from redheart_core.data.disk_use import disk_use
from redheart_core.data.division import EXCLUDED, ClusterReport, division_warnings
from redheart_core.data.store import Store
from redheart_core.data.text import shorten
from redheart_core.inspection.data_warnings import (
    dependence_warnings,
    duplicate_warnings,
    field_warnings,
    find_repeats,
    repeat_warnings,
    shift_warnings,
    tie_warnings,
)
from redheart_core.inspection.dependence import find_dependences, join_columns
from redheart_core.inspection.field_baselines import FieldBaselines, field_baselines
from redheart_core.inspection.findings import DuplicateExample, Duplicates, FieldInspection, Inspection, VoteNoise
from redheart_core.inspection.label_figures import entropy_bits, field_numbers, label_figures, vote_noise
from redheart_core.nn.answers import kind_of

EXAMPLES = 5

Numbers = NDArray[np.float64]

__all__ = ["Inspection", "inspect_store"]


def inspect_store(store: Store) -> Inspection:
    """Look at every field, at the texts, and at what they say about each other.

    Figures are of the train split, baselines and the noise of votes of validation. Of the test split, only how many
    records have a label, whether means and repeated texts differ: no prediction is made on it.

    Args:
        store: A finished store.

    Returns:
        The same for the same store, to the last bit.
    """
    fields = [(field, field_numbers(store, field)) for field in store.fields.values() if not field.text]
    splits = split_names(store)
    report = store.index.split_report
    clusters = store.clusters.numpy() if store.has_texts else np.arange(len(store))
    duplicates = find_duplicates(clusters, store.id, splits, store.text, report.clusters)
    baselines = field_baselines(store, fields)
    looked_at = tuple(_inspect_field(store, field, numbers, baselines[field.name]) for field, numbers in fields)
    rows = _one_of_each(clusters, splits)
    used = np.array([row for row, split in enumerate(splits) if split != EXCLUDED])
    columns = join_columns([(field, numbers[rows["train"]]) for field, numbers in fields])
    repeats = find_repeats(
        [(field, numbers[used]) for field, numbers in fields if store.has_texts],
        lambda place: store.text(int(used[place])),
        lambda place: store.id(int(used[place])),
    )
    warnings = list(division_warnings(report))
    warnings += [warning for field in looked_at for warning in field_warnings(field, store.index.counts)]
    train = store.rows("train").numpy()
    for field, numbers in fields:
        if field.counts and not field.axes:
            warnings += tie_warnings(field, numbers[train, 0])
    warnings += dependence_warnings(find_dependences(columns))
    warnings += shift_warnings(fields, rows["train"], rows["test"])
    warnings += repeat_warnings(repeats)
    warnings += duplicate_warnings(duplicates)
    return Inspection(
        dataset=store.index.dataset,
        fingerprint=store.index.fingerprint,
        counts={split: store.index.counts[split] for split in (*SPLITS, EXCLUDED)},
        wanted=dict(report.wanted),
        fields=looked_at,
        duplicates=duplicates,
        disk=disk_use(store),
        warnings=tuple(warnings),
        encoder=store.index.encoder.label if store.has_texts else "",
        tokenizers=tuple(tokenizer.name for tokenizer in store.tokenizers.values()),
        languages=dict(Counter(code or "" for code in store.languages).most_common()),
    )


def split_names(store: Store) -> tuple[str, ...]:
    """The split of every record, "excluded" for those of none."""
    names = [EXCLUDED] * len(store)
    for split in SPLITS:
        for row in store.rows(split).tolist():
            names[row] = split
    return tuple(names)


def find_duplicates(
    clusters: NDArray[np.int64],
    id_of: Callable[[int], str],
    splits: Sequence[str],
    text_of: Callable[[int], str],
    largest: tuple[ClusterReport, ...],
) -> Duplicates:
    """Count the sets of near-duplicates within and across splits.

    Args:
        clusters: (N,), as near_duplicate_clusters numbers them.
        id_of: Row to id.
        splits: N, of SPLITS or "excluded".
        text_of: Row to text.
        largest: The largest sets.
    """
    order = np.argsort(clusters, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)
    sets = sorted((part.tolist() for part in parts if len(part) > 1), key=lambda rows: id_of(rows[0]))
    held = [{splits[row] for row in rows} for rows in sets]
    within = Counter(next(iter(names)) for names in held if len(names) == 1)
    # those across splits are the more telling examples
    shown = sorted(range(len(sets)), key=lambda number: len(held[number]) == 1)[:EXAMPLES]
    examples = []
    for rows in (sets[number] for number in shown):
        other = next((row for row in rows if splits[row] != splits[rows[0]]), rows[1])
        pair = (rows[0], other)
        examples.append(
            DuplicateExample(
                ids=tuple(id_of(row) for row in pair),
                splits=tuple(splits[row] for row in pair),
                texts=tuple(shorten(text_of(row)) for row in pair),
            )
        )
    return Duplicates(
        sets=len(sets),
        records=sum(map(len, sets)),
        largest=max(map(len, sets), default=0),
        within={split: within[split] for split in (*SPLITS, EXCLUDED)},
        across=sum(len(names) > 1 for names in held),
        leaking=sum(len(names - {EXCLUDED}) > 1 for names in held),
        examples=tuple(examples),
        clusters=largest,
    )


def _one_of_each(clusters: NDArray[np.int64], splits: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Per split the first record of every set of near-duplicates."""
    names = np.array(splits)
    rows = {split: np.flatnonzero(names == split) for split in SPLITS}
    return {split: part[np.sort(np.unique(clusters[part], return_index=True)[1])] for split, part in rows.items()}


def _inspect_field(store: Store, field: Field, numbers: Numbers, baselines: FieldBaselines) -> FieldInspection:
    there = has_any(store.target(field.name)[store.all_rows])
    labels = label_figures(store, field, numbers)
    classes = [label.imbalance for label in labels if label.imbalance is not None]
    has_classes = (field.simplex or field.counts) and len(classes) == len(labels)
    votes, noise = _noise(store, field, any(label.grid for label in labels))
    return FieldInspection(
        name=field.name,
        kind=kind_of(field),
        numbers=numbers.shape[1] * numbers.shape[2],
        coverage={split: int(there[store.rows(split)].sum()) for split in SPLITS},
        labels=labels,
        class_entropy=entropy_bits(np.array(classes)) if has_classes else None,
        votes=votes,
        noise=noise,
        baselines=baselines.figures,
        baselines_note=baselines.note,
    )


def _noise(store: Store, field: Field, on_grid: bool) -> tuple[VoteNoise | None, str]:
    if field.counts and not field.axes:
        try:
            return vote_noise(store, field), "by the disagreement of the voters"
        except DataError as error:
            return None, f"unknown: {error}"
    if on_grid:
        return None, "at least the rounding of the labels"
    if field.binary:
        return None, "unknown: a single 0 or 1 per record does not show how far raters agree"
    return None, "unknown: neither votes nor rounded values"
