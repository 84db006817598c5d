"""The texts of a file, each with an id that comes once, all checked before anything is paid for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart.text_files import read_text_file
from redheart_core.contract.errors import DataError
from redheart_core.storage.bad_rows import BadRows


@attrs.frozen
class TextToLabel:
    """A text of the file."""

    id: str
    text: str
    language: str | None

    @property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_texts(path: Path, column: str | None) -> tuple[TextToLabel, ...]:
    """The texts in the order of the file.

    Args:
        path: A .txt with one text a line, a .csv, or a .jsonl; each may be gzipped.
        column: Of a .csv, which one holds the texts; "text" if left out.

    Raises:
        DataError: The file cannot be read or has no texts; or, of all rows together, one has no text or an id that
            another one has.
    """
    bad, found = BadRows(), dict[str, tuple[str, TextToLabel]]()
    for where, one in read_text_file(path, column):
        with bad.row():
            if isinstance(one, DataError):
                raise one
            text = _read(one, where)
            if text.id in found:
                raise DataError(
                    f"{where}: the id {text.id!r:.60} is that of {found[text.id][0]} too; give each its own"
                )
            found[text.id] = where, text
    bad.check()
    if not found:
        raise DataError(f"{path} holds no texts")
    return tuple(text for _, text in found.values())


def _read(given: str | Mapping[str, object], where: str) -> TextToLabel:
    record: Mapping[str, object] = {"text": given} if isinstance(given, str) else given
    text, language = record.get("text"), record.get("language")
    id_ = record.get("id", where.replace(" line ", ":"))
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: expects a text in 'text', got {text!r:.60} (keys: {', '.join(record)})")
    if isinstance(id_, bool) or not isinstance(id_, str | int) or not str(id_).strip():
        raise DataError(f"{where}: expects text or a whole number in 'id', got {id_!r:.60}")
    if language is not None and not isinstance(language, str):
        raise DataError(f"{where}: expects a code such as 'en' in 'language', got {language!r:.60}")
    return TextToLabel(str(id_), text, language or None)
