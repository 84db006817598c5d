"""The journal of a sweep, RUN/sweep/: what it was begun with, and each finished piece of work with its losses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.run import check_same_run
from redheart_core.storage.files import load_tensors, make_folder, read_json, save_tensors, to_json, write_json
from redheart_core.tuning.short_runs import ShortRun

SWEEP_FORMAT = 1


@attrs.frozen
class Journal:
    """One JSON file, with a file of losses and one of weights beside it, per group, stage and seed.

    The JSON file is written last: a kill leaves a piece of work finished or not begun.
    """

    path: Path

    def begin(self, description: dict[str, Any], options: dict[str, Any]) -> None:
        """Write what the sweep is begun with, or check that it goes on alike; new groups may join.

        Raises:
            CheckpointError: Data, plugins, training or options are others than at the start.
        """
        begun: dict[str, Any] = json.loads(
            to_json({"format": SWEEP_FORMAT, "options": options, "training": description})
        )
        file = self.path / "begun.json"
        if file.exists():
            old = read_json(file)
            if old["format"] != SWEEP_FORMAT or old["options"] != begun["options"]:
                raise CheckpointError(
                    f"the sweep in {self.path} was begun with {old['options']}, not {begun['options']}; "
                    "take another folder with -o, or remove this one to begin anew"
                )
            check_same_run(old["training"], begun["training"], self.path)
        make_folder(self.path)
        write_json(file, begun)

    def read(self, group: str, stage: int, seed: int) -> tuple[ShortRun, ...] | None:
        """A finished piece of work, None if it is not finished.

        Raises:
            CheckpointError: A file is missing or damaged.
        """
        file = self._file(group, stage, seed)
        if not file.exists():
            return None
        entry = read_json(file)
        losses = load_tensors(file.parent / entry["losses_file"], entry["losses_sha256"])
        weights = load_tensors(file.parent / entry["weights_file"], entry["weights_sha256"])
        return tuple(
            ShortRun(
                rate=run["rate"],
                status=run["status"],
                reason=run["reason"],
                losses=losses[repr(run["rate"])].numpy(),
                best_weights={
                    name.partition("/")[2]: tensor
                    for name, tensor in weights.items()
                    if name.startswith(f"{run['rate']!r}/")
                },
                seconds=run["seconds"],
            )
            for run in entry["runs"]
        )

    def write(self, group: str, stage: int, seed: int, runs: Sequence[ShortRun], seconds: float) -> None:
        """Note a finished piece of work, and the seconds that it took in all."""
        import torch

        file = self._file(group, stage, seed)
        make_folder(file.parent)
        stem = file.stem
        losses = {repr(run.rate): torch.from_numpy(run.losses) for run in runs}
        weights = {f"{run.rate!r}/{name}": tensor for run in runs for name, tensor in run.best_weights.items()}
        entry = {
            "losses_file": f"{stem}-losses.safetensors",
            "losses_sha256": save_tensors(file.parent / f"{stem}-losses.safetensors", losses),
            "weights_file": f"{stem}-weights.safetensors",
            "weights_sha256": save_tensors(file.parent / f"{stem}-weights.safetensors", weights),
            "seconds": seconds,
            "runs": [
                {"rate": run.rate, "status": run.status, "reason": run.reason, "seconds": run.seconds} for run in runs
            ],
        }
        write_json(file, entry)

    def timing(self) -> dict[str, Any]:
        """Seconds of all finished pieces of work, whichever process did them.

        Returns:
            "seconds" in all, "candidates" by group and rate over seeds (updates and validation alone), and "overhead",
            what is left: reading batches, building modules, comparing rates.
        """
        candidates: dict[str, dict[str, float]] = {}
        total = spent = 0.0
        for file in sorted(self.path.glob("*/stage-*.json")):
            entry, own = read_json(file), candidates.setdefault(file.parent.name, {})
            total += entry["seconds"]
            for run in entry["runs"]:
                spent += run["seconds"]
                own[repr(run["rate"])] = own.get(repr(run["rate"]), 0.0) + run["seconds"]
        return {"seconds": total, "candidates": candidates, "overhead": total - spent}

    def _file(self, group: str, stage: int, seed: int) -> Path:
        return self.path / group / f"stage-{stage}-seed-{seed}.json"
