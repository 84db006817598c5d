"""Whether a folder holds what a command needs; asked before anything that takes seconds to import."""

from __future__ import annotations

from pathlib import Path

from redheart_core.contract.errors import CheckpointError, StoreError


def require_run(folder: Path) -> None:
    """Refuse a folder without a run.

    Raises:
        CheckpointError: It holds none.
    """
    if (folder / "run.json").exists():
        return
    if any((folder / name).exists() for name in ("manifest.json", "team.json")):
        above = f", {folder.parent}" if (folder.parent / "run.json").exists() else ""
        raise CheckpointError(
            f"{folder} holds no run (no run.json) but a model; name the run that it was made of{above}"
        )
    raise CheckpointError(f"{folder} holds no run (no run.json); start one with redheart train -o {folder}")


def require_model_folder(folder: Path) -> None:
    """Refuse a folder without a model.

    Raises:
        CheckpointError: It holds none.
    """
    if (folder / "team.json").exists():
        raise CheckpointError(
            f"{folder} holds a team of agents, who act in an environment and answer nothing; they play with redheart "
            f"evaluate {folder}"
        )
    if (folder / "manifest.json").exists():
        return
    if (folder / "run.json").exists():
        made = (folder / "model" / "manifest.json").exists()
        way = f"its model is {folder / 'model'}" if made else f"make one with redheart crossover {folder}"
        raise CheckpointError(f"{folder} holds no model (no manifest.json) but a run; {way}")
    raise CheckpointError(
        f"{folder} holds no model (no manifest.json); make one with redheart crossover RUN -o {folder}, or name an "
        "installed one (redheart models list)"
    )


def require_store(folder: Path) -> None:
    """Refuse a folder without a finished embedding store.

    Raises:
        StoreError: It holds none, or one whose making was interrupted.
    """
    if (folder / "index.json").exists():
        return
    if (folder / "progress.json").exists():
        raise StoreError(f"{folder} is unfinished; prepare the data again with the same settings to go on")
    raise StoreError(
        f"{folder} holds no embedding store (no index.json); make one with redheart data prepare -o {folder}"
    )


def require_store_of(run: Path, store: Path) -> None:
    """Refuse a run whose store is not where the run expects it.

    Args:
        run: Folder of the run, which may have been moved.
        store: Where its store was, as seen from there.

    Raises:
        StoreError: There is no finished store.
    """
    if not (store / "index.json").exists():
        place = store.resolve()
        raise StoreError(
            f"{run} expects its embedding store in {place}, and there is none (no index.json); was one of them moved? "
            f"Copy the store there, or prepare the same data again with redheart data prepare -o {place}"
        )
