"""What a run or a model is made of, described for its file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import MissingResourceError
from redheart_core.data.store import Store
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.groups.plugin_calls import setting_up
from redheart_core.runs.description import DataDescription, GroupDescription, NodeDescription, RunDescription
from redheart_core.storage.files import sha256, to_json
from redheart_core.storage.settings import as_table, default_table


def describe(
    folder: Path, nodes: Sequence[ActiveNode], groups: Sequence[Group], settings: TrainSettings, store: Store
) -> RunDescription:
    """All that decides the numbers of a run; folder is where it will be written."""
    return RunDescription(
        redheart=version("redheart"),
        torch=version("torch"),
        training=settings,
        nodes=describe_nodes(nodes),
        groups={
            group.name: GroupDescription(group.tier, tuple(node.name for node in group.nodes), group.settings)
            for group in groups
        },
        data=describe_data(store, folder),
    )


def describe_nodes(nodes: Sequence[ActiveNode]) -> dict[str, NodeDescription]:
    """Active nodes by name; a file that several of them need is hashed once.

    Raises:
        MissingResourceError: As describe_node.
    """
    hashes: dict[Path, str] = {}
    return {node.name: describe_node(node, hashes=hashes) for node in nodes}


def describe_node(
    node: ActiveNode, resources: Mapping[str, str] | None = None, hashes: dict[Path, str] | None = None
) -> NodeDescription:
    """An active node, its settings as the values that a file holds.

    Args:
        node: Any.
        resources: What is to be said of its files outside of redheart; what they are now if left out.
        hashes: SHA-256 of files that were hashed a moment ago, to which its own are added.

    Raises:
        MissingResourceError: Some of these are missing.
    """
    settings, defaults = (
        json.loads(to_json(table)) for table in (as_table(node.settings), default_table(type(node.settings)))
    )
    return NodeDescription(
        kind=node.kind,
        plugin=node.plugin,
        distribution=node.distribution,
        version=node.version,
        group=node.group,
        settings=settings,
        learning_rate_scale=float(node.learning_rate_scale),
        loss_weight=float(node.loss_weight),
        residual=node.residual,
        learns=node.learns,
        beside=node.beside,
        ignores=node.ignores,
        tokenizer=node.tokenizer,
        resources=_resources(node, {} if hashes is None else hashes) if resources is None else dict(resources),
        defaults=defaults,
    )


def missing_resources(nodes: Sequence[ActiveNode]) -> dict[str, str]:
    """Groups with a node of whose files outside of redheart some are missing, with the reason."""
    found: dict[str, str] = {}
    for node in nodes:
        try:
            _files(node)
        except MissingResourceError as reason:
            found.setdefault(node.group, str(reason))
    return found


def _resources(node: ActiveNode, hashes: dict[Path, str]) -> dict[str, str]:
    """SHA-256 of a node's files outside of redheart."""
    try:
        files = _files(node)
    except MissingResourceError as reason:
        raise MissingResourceError(f"plugin '{node.name}': {reason}") from reason
    for path in files.values():
        if path not in hashes:
            hashes[path] = sha256(path)
    return {name: hashes[path] for name, path in files.items()}


def _files(node: ActiveNode) -> Mapping[str, Path]:
    if node.spec.resources is None:
        return {}
    with setting_up(node.name, "resources"):
        return node.spec.resources(node.settings)


def describe_data(store: Store, folder: Path) -> DataDescription:
    """The data, fields and encoder that a run or model in that folder depends on."""
    return DataDescription(
        dataset=store.index.dataset,
        fingerprint=store.index.fingerprint,
        store=relative_path(store.folder, folder),
        encoder=store.encoder_identity,
        tokens=store.index.tokens,
        fields=dict(store.index.fields),
        provenance=dict(store.index.provenance),
        splits=dict(store.index.counts),
        validation_clusters=_clusters(store.clusters[store.rows("validation")]),
        more_tokens=store.index.more_tokens,
        settings={} if store.encoder_identity.parts else dict(store.index.dataset_settings),
    )


def relative_path(target: Path, start: Path) -> str:
    """The way from one folder to another, so that both can be moved together."""
    return os.path.relpath(target.resolve(), start.resolve())


def _clusters(numbers: Tensor) -> tuple[tuple[int, ...], ...]:
    """The places of records that are near-duplicates of each other; those that stand alone are left out."""
    _, ranks, sizes = torch.unique(numbers, return_inverse=True, return_counts=True)
    return tuple(tuple((ranks == rank).nonzero().flatten().tolist()) for rank in (sizes > 1).nonzero().flatten())
