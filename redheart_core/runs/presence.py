"""Whether a folder holds what a command needs; asked before anything that takes seconds to import."""

from __future__ import annotations

from pathlib import Path

from redheart_core.contract.errors import CheckpointError, StoreError


def require_run(folder: Path) -> None:
    """Refuse a folder without a run.

    Raises:
        CheckpointError: It holds none.
    """
    if not (folder / "run.json").exists():
        raise CheckpointError(f"{folder} holds no run (no run.json); start one with redheart train -o {folder}")


def require_model_folder(folder: Path) -> None:
    """Refuse a folder without a model.

    Raises:
        CheckpointError: It holds none.
    """
    if not (folder / "manifest.json").exists():
        raise CheckpointError(
            f"{folder} holds no model (no manifest.json); make one with redheart crossover RUN -o {folder}"
        )


def require_store(folder: Path) -> None:
    """Refuse a folder without an embedding store.

    Raises:
        StoreError: It holds none.
    """
    if not (folder / "index.json").exists():
        raise StoreError(
            f"{folder} holds no embedding store (no index.json); make one with redheart data prepare -o {folder}"
        )
