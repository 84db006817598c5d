"""Reads what a run says of its modules and data, its store's index, and the inspection of the data."""

from __future__ import annotations

import math
from pathlib import Path

from redheart_core.contract.data import SPLITS
from redheart_core.contract.errors import CheckpointError, StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.index import STORE_INDEX
from redheart_core.inspection.findings import INSPECTION, FieldInspection
from redheart_core.report.contents_data import (
    DataState,
    FieldQuality,
    FieldState,
    InspectionState,
    NodeState,
    StoreState,
)
from redheart_core.runs.description import DataDescription, NodeDescription


def read_node(name: str, node: NodeDescription) -> NodeState:
    """A module of run.json."""
    return NodeState(
        name=name,
        kind=node.kind,
        plugin=node.plugin,
        distribution=node.distribution,
        version=node.version,
        group=node.group,
        learning_rate_scale=node.learning_rate_scale,
        loss_weight=node.loss_weight,
        residual=node.residual,
        settings=node.settings,
    )


def read_data(data: DataDescription, run: Path) -> DataState:
    """The data of run.json, with what the store tells beyond it."""
    path = run / data.store
    return DataState(
        dataset=data.dataset,
        fingerprint=data.fingerprint,
        encoder=data.encoder,
        fields=tuple(_field(field) for field in data.fields.values()),
        splits={name: data.splits[name] for name in sorted(data.splits, key=lambda name: (*SPLITS, name).index(name))},
        store_path=path,
        store=read_store(path / "index.json", data.fingerprint) if (path / "index.json").exists() else None,
    )


def _field(field: Field) -> FieldState:
    low, high = (None if math.isinf(bound) else bound for bound in (field.low, field.high))
    return FieldState(field.name, field.meaning, field.unit, low, high, field.labels)


def read_store(file: Path, fingerprint: str) -> StoreState:
    """The index of the store.

    Raises:
        StoreError: Damaged, or of other data than the run's.
    """
    index = STORE_INDEX.read(file)
    if index.fingerprint != fingerprint:
        raise StoreError(
            f"{file} holds other data than the run was trained on: fingerprint {index.fingerprint}, the run has "
            f"{fingerprint}; put the run's store back, or remove the folder to make a report without it"
        )
    report = index.split_report
    return StoreState(
        seed=index.seed,
        coverage=index.coverage,
        published=report.published,
        divided=report.divided,
        duplicate_clusters=report.duplicate_clusters,
        clustered_records=report.clustered_records,
        largest_cluster=report.largest_cluster,
        examples=report.examples,
        chunks=sum(shard.chunks for shard in index.shards),
        unknown_records=sum(shard.unknown_records for shard in index.shards),
        bytes=sum(entry.bytes for entry in index.files.values()),
    )


def read_inspection(file: Path, fingerprint: str) -> InspectionState | None:
    """The inspection of the run's data, None if there was none.

    Raises:
        CheckpointError: Damaged, or of other data than the run's.
    """
    found = INSPECTION.read_if_there(file)
    if found is None:
        return None
    if found.fingerprint != fingerprint:
        raise CheckpointError(
            f"{file} is of other data than the run was trained on: fingerprint {found.fingerprint}, the run has "
            f"{fingerprint}; run redheart data inspect again"
        )
    fields = tuple(_quality(field) for field in found.fields)
    return InspectionState(fields=fields, duplicates=found.duplicates, warnings=found.warnings)


def _quality(field: FieldInspection) -> FieldQuality:
    entropies = [label.entropy for label in field.labels if label.entropy is not None]
    shares = [label.imbalance for label in field.labels if label.imbalance is not None]
    grids = [label.grid.error for label in field.labels if label.grid is not None]
    mean = sum(entropies) / len(entropies) if entropies else None
    floor, unit = (max(grids), "root mean squared error") if grids else (None, "")
    if field.votes is not None:
        floor, unit = field.votes.cross_entropy, "nats of soft cross-entropy"
    return FieldQuality(
        name=field.name,
        kind=field.kind,
        coverage=field.coverage,
        entropy=mean if field.class_entropy is None else field.class_entropy,
        floor=floor,
        floor_unit=unit,
        noise=field.noise,
        rarest=min(shares, default=None),
        commonest=max(shares, default=None),
    )
