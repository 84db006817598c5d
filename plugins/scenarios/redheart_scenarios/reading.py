"""Reads the scenario files into records."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from redheart_core import DataError, Record
from redheart_core.jsonlines import read_objects
from redheart_scenarios.settings import ScenariosSettings

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (("train.jsonl", "train"), ("dev.jsonl", "test"))
_KEYS = {
    "emotion": "emotions",
    "regret": "regret_factor",
    "bentham": "bentham_scores",
    "choice_factors": "choice_factors",
    "votes": "label_scores",
}
"""Field name to the key in the files."""
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


def read_records(settings: ScenariosSettings) -> Iterator[Record]:
    """Yield the train part, then the dev part (as "test"), in file order.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a record lacks id or text
            or repeats an id.
    """
    if settings.path is None:
        raise DataError(
            "data set 'scenarios' needs the folder of its files: write path = \"...\" under [plugins.scenarios], "
            "or give --set scenarios.path=..."
        )
    if not settings.path.is_dir():
        state = "is a file, not a folder" if settings.path.exists() else "does not exist"
        raise DataError(
            f"data set 'scenarios': {settings.path} {state}; "
            "expected a folder with train.jsonl.gz and dev.jsonl.gz, or train.jsonl and dev.jsonl"
        )
    files = [(_find(settings.path, name), split) for name, split in _SPLITS]
    seen: dict[str, str] = {}
    for path, split in files:
        for where, value in read_objects(path):
            id_ = _text(value, "id", where)
            if id_ in seen:
                raise DataError(f"{where}: the id {id_!r} already stands in {seen[id_]}")
            seen[id_] = where
            yield Record(
                id=id_,
                text=_whole_text(value, settings.with_title, where),
                values={field: value.get(key) for field, key in _KEYS.items()},
                where=where,
                split=split,
                language="en",
            )


def clean(text: str) -> str:
    """Undo HTML entities, twice as the posts were encoded twice, and drop zero-width characters and outer blanks."""
    return html.unescape(html.unescape(text)).translate(_INVISIBLE).strip()


def _find(folder: Path, name: str) -> Path:
    found = [path for path in (folder / f"{name}.gz", folder / name) if path.exists()]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"data set 'scenarios': {folder} holds both {name}.gz and {name}; remove one of them")
    raise DataError(f"data set 'scenarios': {folder} holds neither {name}.gz nor {name}")


def _whole_text(value: dict[str, object], with_title: bool, where: str) -> str:
    text = _text(value, "text", where)
    if not with_title:
        return text
    return f"{_text(value, 'title', where)}\n\n{text}"


def _text(value: dict[str, object], key: str, where: str) -> str:
    if key not in value:
        raise DataError(f"{where}: expects the key {key!r} (keys: {', '.join(value) or 'none'})")
    raw = value[key]
    if not isinstance(raw, str):
        raise DataError(f"{where}: {key} expects a string, got {type(raw).__name__} {raw!r:.60}")
    cleaned = clean(raw)
    if not cleaned:
        raise DataError(f"{where}: {key} is empty")
    return cleaned
