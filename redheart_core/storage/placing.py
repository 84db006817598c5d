"""A file under a second name: a hard link where the file system has them, a copy where it has not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from redheart_core.storage.files import remove_file, sync, writing
from redheart_core.storage.temporary import temporary_path


def can_link(file: Path, folder: Path) -> bool:
    """Whether a file can be linked into a folder, found out by trying.

    Not so across file systems, on FAT and exFAT, and on some network disks.

    Args:
        file: One that is there.
        folder: Can be written to.
    """
    link = temporary_path(folder / "link")
    try:
        os.link(file, link)
    except OSError:  # the very question; any other trouble comes back when files are placed
        return False
    remove_file(link)
    return True


def place(source: Path, target: Path, *, link: bool) -> None:
    """Give a file a second name, or copy it.

    Raises:
        FileError: The target exists or cannot be written.
    """
    with writing(target):
        if link:
            os.link(source, target)
            return
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        sync(target)
