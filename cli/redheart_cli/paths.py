"""The type of every argument and option that names a file or folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from redheart_core.storage.paths import find_path


class UserPath(click.Path):
    """A path as a pathlib.Path, found in any Unicode form of its name; "-" stays as it is."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path on disk."""
        given = super().convert(value, param, ctx)
        if self.allow_dash and given == "-":
            return Path("-")
        return find_path(Path(os.fsdecode(given)))
