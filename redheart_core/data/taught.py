"""A store whose training records have the answers of a model as labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs
import torch
from torch import Tensor

from redheart_core.contract.data import Provenance
from redheart_core.contract.errors import StoreError
from redheart_core.contract.tensors import has_any
from redheart_core.data.field_numbers import write_fields
from redheart_core.data.index import FIELDS_FILE, STORE_INDEX, FileEntry
from redheart_core.data.store import Store
from redheart_core.storage.files import make_folder, sha256, sync
from redheart_core.storage.placing import can_link, place


def teach(store: Store, folder: Path, answers: Mapping[str, Tensor], teacher: str) -> None:
    """Write a store that differs from another in the labels of its training records alone.

    All other files are links. What a model has no answer for (NaN) keeps its own label. The labels of the other splits
    stay, so that epochs are chosen, answers calibrated and models evaluated on what was given.

    Args:
        store: Finished.
        folder: Made here.
        answers: Field to (N, *field.shape) for the training records, in the order of their rows.
        teacher: SHA-256 of the model, from which the fingerprint of the data is made.

    Raises:
        FileError: The folder exists or cannot be written.
    """
    make_folder(folder)
    rows, link = store.rows("train"), can_link(store.folder / FIELDS_FILE, folder)
    targets: dict[str, Tensor] = {}
    for name in store.fields:
        targets[name] = store.target(name)[store.all_rows]
        if name in answers:
            given = answers[name].float()
            targets[name][rows] = torch.where(given.isnan(), targets[name][rows], given)
    for name in store.index.files:
        if name != FIELDS_FILE:
            make_folder((folder / name).parent)
            place(store.folder / name, folder / name, link=link)
    write_fields(folder / FIELDS_FILE, {name: target.numpy() for name, target in targets.items()}, folder)
    written = FileEntry((folder / FIELDS_FILE).stat().st_size, sha256(folder / FIELDS_FILE, StoreError))
    index = attrs.evolve(
        store.index,
        content=_mixed(store.index.content, teacher),
        fingerprint=_mixed(store.index.fingerprint, teacher),
        provenance={name: _taught(one, teacher) for name, one in store.index.provenance.items()},
        coverage={name: int(has_any(target).sum()) for name, target in targets.items()},
        files={**store.index.files, FIELDS_FILE: written},
    )
    STORE_INDEX.write(folder / "index.json", index)
    sync(folder)


def _taught(provenance: Provenance, teacher: str) -> Provenance:
    """Where the labels are from now, beside what the data set says."""
    labels = f"labels of training records by the model {teacher[:12]}"
    return attrs.evolve(provenance, source=f"{provenance.source}; {labels}" if provenance.source else labels)


def _mixed(of: str, teacher: str) -> str:
    return hashlib.sha256(f"{of} taught by {teacher}".encode()).hexdigest()
