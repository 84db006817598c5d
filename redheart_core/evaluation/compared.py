"""The comparison of one run, kept on disk so that it is not made again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import attrs
import torch

from redheart_core.evaluation.evaluator import Overall
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import load_tensors, save_tensors
from redheart_core.storage.sealed import SealedFile

_TABLE, _TENSORS = "comparison.json", "comparison.safetensors"
KINDS = ("skill", "points")


@attrs.frozen
class ComparedFile:
    """comparison.json; the numbers are in the file beside it."""

    stamp: str
    choice: str
    variants: Mapping[str, tuple[str, ...]]
    """By kind."""
    sha256: str


COMPARED = SealedFile(ComparedFile, "comparison", 2, "remove it, and compare again")


@attrs.frozen(eq=False)
class Compared:
    """What evaluate_with_draws gave for a run."""

    means: dict[str, Overall]
    """Each of KINDS; empty if no main metric can be turned so."""
    choice: str
    """The method that validation prefers for all groups."""

    def save(self, folder: Path, stamp: str) -> None:
        """Write comparison.json and comparison.safetensors."""
        tensors = {
            f"{kind}/{name}": torch.cat([torch.tensor([value], dtype=torch.float64), draws])
            for kind, overall in self.means.items()
            for name, (value, draws) in overall.items()
        }
        digest = save_tensors(folder / _TENSORS, tensors)
        variants = {kind: tuple(overall) for kind, overall in self.means.items()}
        COMPARED.write(folder / _TABLE, ComparedFile(stamp, self.choice, variants, digest))


def load_compared(folder: Path, stamp: str) -> Compared | None:
    """What Compared.save wrote; None if there is nothing, or it was of other checkpoints.

    Raises:
        CheckpointError: The files are damaged.
    """
    table = COMPARED.read_if_there(folder / _TABLE)
    if table is None or table.stamp != stamp:
        return None
    tensors = load_tensors(folder / _TENSORS, table.sha256)
    means: dict[str, Overall] = {kind: {} for kind in KINDS}
    for kind, names in table.variants.items():
        rows = {name: tensors[f"{kind}/{name}"] for name in names}
        means[kind] = {name: (float(row[0]), row[1:]) for name, row in rows.items()}
    return Compared(means, table.choice)


def comparison_stamp(run: RunFolder, groups: Sequence[str], counted: Sequence[str]) -> str:
    """SHA-256 of all that a comparison follows from: settings, checkpoints, nodes that count, and the version."""
    found = hashlib.sha256(f"{version('redheart')} {' '.join(counted)}".encode())
    for file in (run.file, *(run.group(name).manifest_file for name in groups)):
        found.update(file.read_bytes())
    return found.hexdigest()
