"""An assembled model for others: its files without the ways to its run, with what was measured, or without a group."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.models.manifest import MODEL_MANIFEST, Measurement, ModelManifest, read_manifest, verify_files
from redheart_core.storage.files import make_folder
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.placing import place

LEFT_OUT = "it was left out when the model was packed"


def pack_model(
    model: Path,
    output: Path,
    without: Collection[str] = (),
    measured: Mapping[str, tuple[Measurement, ...]] | None = None,
) -> ModelManifest:
    """Copy a model into a folder of its own that can be given away.

    Args:
        model: A verified model folder; a packed one too.
        output: Made here.
        without: Groups that are left out; the files of all others stay as they are.
        measured: Group to figures, which its manifest is to hold; those that it holds if left out.

    Raises:
        CheckpointError: The output exists, a file is damaged, there is no such group, or another one reads it.
    """
    if output.exists():
        raise CheckpointError(f"{output} exists; choose another folder or remove it")
    manifest = read_manifest(model)
    verify_files(model, manifest)
    packed = _without(_measured(manifest, measured or {}), without)
    with new_folder(output) as building:
        files = [*packed.files, *(one.file for group in packed.groups.values() for one in group.files)]
        for name in files:
            make_folder((building / name).parent)
            place(model / name, building / name, link=False)
        MODEL_MANIFEST.write(building / "manifest.json", packed)
    return packed


def _measured(manifest: ModelManifest, measured: Mapping[str, tuple[Measurement, ...]]) -> ModelManifest:
    """With new figures, and without what only a run has use for."""
    groups = {
        name: attrs.evolve(group, measured=measured[name]) if name in measured else group
        for name, group in manifest.groups.items()
    }
    return without_run(attrs.evolve(manifest, groups=groups))


def without_run(manifest: ModelManifest) -> ModelManifest:
    """Without the ways to run and store and what only a run has use for."""
    data = attrs.evolve(manifest.data, store="", validation_clusters=())
    return attrs.evolve(manifest, data=data, run="")


def _without(manifest: ModelManifest, without: Collection[str]) -> ModelManifest:
    """Without some groups, their nodes, answers and checks, and the statistics of fields that nothing else answers."""
    unknown = sorted(set(without) - set(manifest.groups))
    if unknown:
        known = ", ".join(manifest.groups)
        raise CheckpointError(f"the model has no group {', '.join(unknown)} (groups: {known})")
    groups = {name: group for name, group in manifest.groups.items() if name not in without}
    readers = {name: sorted(set(group.reads) & set(without)) for name, group in groups.items()}
    if read := [f"'{name}' reads {', '.join(found)}" for name, found in readers.items() if found]:
        raise CheckpointError(f"{'; '.join(read)}; leave both out, or neither")
    if not groups:
        raise CheckpointError("no group is left; name fewer of them")
    nodes = {name for group in groups.values() for name in group.nodes}
    answers = {
        field: kept
        for field, sources in manifest.answers.items()
        if (kept := tuple(source for source in sources if source.plugin in nodes))
    }
    return attrs.evolve(
        manifest,
        groups=groups,
        missing={**manifest.missing, **dict.fromkeys(without, LEFT_OUT)},
        nodes={name: node for name, node in manifest.nodes.items() if name in nodes},
        statistics={name: table for name, table in manifest.statistics.items() if name in answers or not without},
        answers=answers,
        checks=tuple(check for check in manifest.checks if check.group in groups),
    )
