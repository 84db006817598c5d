"""Reads what a run says of its modules and data, and its store's index."""

from __future__ import annotations

from pathlib import Path

from redheart_core.contract.data import SPLITS
from redheart_core.contract.errors import StoreError
from redheart_core.report.contents_data import DataState, FieldState, NodeState, StoreState
from redheart_core.storage.json_parts import Part


def read_node(name: str, part: Part) -> NodeState:
    """A module of run.json."""
    return NodeState(
        name=name,
        kind=part["kind"].text(),
        plugin=part["plugin"].text(),
        distribution=part["distribution"].text(),
        version=part["version"].text(),
        group=part["group"].text(),
        learning_rate_scale=part["learning_rate_scale"].number(),
        loss_weight=part["loss_weight"].number(),
        settings={key: setting.value for key, setting in part["settings"].entries().items()},
    )


def read_data(part: Part, run: Path) -> DataState:
    """The data of run.json, with what the store tells beyond it."""
    encoder = part["encoder"]
    splits = part["splits"].integers()
    fingerprint, path = part["fingerprint"].text(), run / part["store"].text()
    return DataState(
        dataset=part["dataset"].text(),
        fingerprint=fingerprint,
        chunk_chars=encoder["chunk_chars"].integer(),
        encoder_name=encoder["name"].text(),
        encoder_revision=encoder["revision"].text(),
        encoder_hash=encoder["content_hash"].text(),
        encoder_width=encoder["width"].integer(),
        fields=tuple(read_field(name, field) for name, field in part["fields"].entries().items()),
        splits={name: splits[name] for name in sorted(splits, key=lambda name: (*SPLITS, name).index(name))},
        store_path=path,
        store=read_store(path / "index.json", fingerprint) if (path / "index.json").exists() else None,
    )


def read_field(name: str, part: Part) -> FieldState:
    """A field; a bound that is null is infinite."""
    low, high = part["low"], part["high"]
    return FieldState(
        name=name,
        meaning=part["meaning"].text(),
        unit=part["unit"].text(),
        low=None if low.value is None else low.number(),
        high=None if high.value is None else high.number(),
        labels=part["labels"].texts(),
    )


def read_store(file: Path, fingerprint: str) -> StoreState:
    """The index of the store.

    Raises:
        StoreError: Damaged, or of other data than the run's.
    """
    index = Part.read(file, StoreError)
    found = index["fingerprint"].text()
    if found != fingerprint:
        raise StoreError(
            f"{file} holds other data than the run was trained on: fingerprint {found}, the run has {fingerprint}; "
            "put the run's store back, or remove the folder to make a report without it"
        )
    report, shards = index["split_report"], index["shards"].items()
    return StoreState(
        seed=index["seed"].integer(),
        coverage=index["coverage"].integers(),
        published=report["published"].flag(),
        duplicate_clusters=report["duplicate_clusters"].integer(),
        clustered_records=report["clustered_records"].integer(),
        largest_cluster=report["largest_cluster"].integer(),
        examples=tuple(pair.texts() for pair in report["examples"].items()),
        chunks=sum(shard["chunks"].integer() for shard in shards),
        unknown_records=sum(shard["unknown_records"].integer() for shard in shards),
        bytes=sum(entry["bytes"].integer() for entry in index["files"].entries().values()),
    )
