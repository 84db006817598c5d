"""Folders that are whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redheart_core.storage.files import make_folder, remove_folder, sync, writing
from redheart_core.storage.guard import cleaning_up
from redheart_core.storage.temporary import remove_stale, temporary_path


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Fill a temporary folder inside the block; it gets its name when the block ends, and is removed if that fails.

    What processes that were killed left unfinished under this name is removed first.

    Args:
        folder: What it is to become; its parents are made. The caller says what it means if it is there already.

    Yields:
        The temporary folder, beside it.

    Raises:
        FileError: No permission, a folder of this name that holds something, or the like.
    """
    make_folder(folder.parent)
    remove_stale(folder.parent, folder.name)
    building = temporary_path(folder)
    make_folder(building)
    with cleaning_up(lambda: remove_folder(building)):
        yield building
        with writing(folder):
            sync(building)
            os.replace(building, folder)
            sync(folder.parent)
