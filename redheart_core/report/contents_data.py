"""Frozen value types of what a report shows of modules and data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart_core.data.data_warning import DataWarning
from redheart_core.data.identity import EncoderIdentity
from redheart_core.inspection.findings import Duplicates


@attrs.frozen
class NodeState:
    """An active node with its settings."""

    name: str
    kind: str
    plugin: str
    distribution: str
    version: str
    group: str
    learning_rate_scale: float
    loss_weight: float
    residual: bool
    settings: Mapping[str, object]


@attrs.frozen
class FieldState:
    """A target field of the data set."""

    name: str
    meaning: str
    unit: str
    low: float | None
    high: float | None
    labels: tuple[str, ...]


@attrs.frozen
class StoreState:
    """What the store's index tells beyond run.json."""

    seed: int
    coverage: Mapping[str, int]
    published: bool
    divided: bool
    duplicate_clusters: int
    clustered_records: int
    largest_cluster: int
    examples: tuple[tuple[str, ...], ...]
    chunks: int
    unknown_records: int
    bytes: int


@attrs.frozen
class DataState:
    """The data and encoder of a run."""

    dataset: str
    fingerprint: str
    encoder: EncoderIdentity
    fields: tuple[FieldState, ...]
    splits: Mapping[str, int]
    store_path: Path
    store: StoreState | None
    """None if the store is no longer where the run found it."""


@attrs.frozen
class FieldQuality:
    """What an inspection says of a field; figures are of the train split."""

    name: str
    kind: str
    """"labels" (0 or 1), "votes", "distribution" or "values"."""
    coverage: Mapping[str, int]
    """Records with at least one number, per split."""
    entropy: float | None
    """Bits: of the largest label, or mean over the labels; None without numbers."""
    floor: float | None
    """The error that no prediction can get below; None if not known."""
    floor_unit: str
    noise: str
    """How the floor is known, or why it is not."""
    rarest: float | None
    """Smallest share among the labels; None without numbers."""
    commonest: float | None


@attrs.frozen
class InspectionState:
    """inspection.json."""

    fields: tuple[FieldQuality, ...]
    duplicates: Duplicates
    warnings: tuple[DataWarning, ...]
