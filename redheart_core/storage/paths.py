"""Files that users name, in any Unicode form of their names; files that a manifest names, kept in its folder."""

from __future__ import annotations

import stat
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from redheart_core.contract.errors import CheckpointError, RedheartError


def find_path(given: str | Path) -> Path:
    """A path that a user named as it is on disk: as given, or with parts in composed (NFC) or decomposed (NFD) form.

    File systems differ: most keep the bytes of a name, HFS+ decomposes them, and copies travel between them.

    Returns:
        An existing path if there is one; else the parts that exist, followed by the others as given.
    """
    path = Path(given)
    if path.exists():
        return path
    found = Path(path.anchor)
    parts = path.parts[1 if path.anchor else 0 :]
    for number, part in enumerate(parts):
        forms = (part, unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part))
        existing = next((found / form for form in forms if (found / form).exists()), None)
        if existing is None:
            return found.joinpath(*parts[number:])
        found = existing
    return found


def find_optional(given: str | Path | None) -> Path | None:
    """The same of a path that may be left out."""
    return None if given is None else find_path(given)


def file_inside(folder: Path, name: str, error: type[RedheartError] = CheckpointError) -> Path:
    """A file that a manifest names by its way from the manifest's folder.

    A folder may come from anywhere, so a name must not lead out of it, and what it leads to must be a regular file.

    Raises:
        RedheartError: Of the class error: the name is absolute or has "..", a link leads out of the folder, or there is
            no regular file.
    """
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in parts or "\0" in name:
        raise error(f"{folder} names the file '{name}', which is no way inside that folder; do not use this folder")
    path = folder / name
    try:
        real, mode = path.resolve(strict=True), path.stat().st_mode
    except (OSError, RuntimeError) as reason:  # RuntimeError: links in a circle
        raise error(f"{path} is missing or cannot be read; restore it from a copy or make the folder anew") from reason
    if not real.is_relative_to(folder.resolve()):
        raise error(f"{path} leads out of its folder, to {real}; do not use this folder")
    if not stat.S_ISREG(mode):
        raise error(f"{path} is no regular file; do not use this folder")
    return path
