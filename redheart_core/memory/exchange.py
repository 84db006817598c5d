"""Cases as JSON lines: a head that names the encoder, and one line for each case, vector and all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from redheart_core.contract.errors import CaseMemoryError, DataError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.text import check_text
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.cases import FORMAT, Cases
from redheart_core.memory.filters import EVERY, Filter
from redheart_core.storage.structuring import structure, unstructure

KIND = "cases"
_KEYS = ("id", "vector", "labels", "language", "source", "licence", "time", "text")


def export_lines(cases: Cases, chosen: Filter = EVERY) -> Iterator[str]:
    """The lines, without their ends."""
    yield _line({"kind": KIND, "format": FORMAT, "encoder": unstructure(cases.identity)})
    for case in cases.cases(chosen):
        yield _line(case.to_json())


def is_head(value: Mapping[str, object]) -> bool:
    """Whether the first object of JSON lines says that exported cases follow."""
    return value.get("kind") == KIND


def read_head(value: Mapping[str, Any], where: str) -> EncoderIdentity:
    """The encoder of the cases that follow.

    Raises:
        CaseMemoryError: Another format, or no encoder.
    """
    if value.get("format") != FORMAT:
        raise CaseMemoryError(f"{where}: cases of format {value.get('format')!r:.40}, expected is format {FORMAT}")
    return structure(value.get("encoder"), EncoderIdentity, f"{where}, encoder", CaseMemoryError)


def read_cases(lines: Iterable[tuple[str, Mapping[str, Any]]], width: int) -> Iterator[tuple[str, Case]]:
    """The cases behind the head with their places, bit for bit those that were exported.

    Raises:
        DataError: A line is none; names it.
    """
    for where, value in lines:
        unknown = sorted(value.keys() - set(_KEYS))
        missing = sorted(set(_KEYS) - value.keys())
        if unknown or missing:
            wrong = [*(f"unknown key {key}" for key in unknown), *(f"no key {key}" for key in missing)]
            raise DataError(f"{where}: {'; '.join(wrong)}; expects a line that redheart memory export wrote")
        yield where, _case(value, width, where)


def _case(value: Mapping[str, Any], width: int, where: str) -> Case:
    labels, text, time = value["labels"], value["text"], value["time"]
    if not isinstance(labels, dict) or not isinstance(text, str | None) or not isinstance(time, str):
        raise DataError(f"{where}: expects labels as an object, the text as text or null, the time as text")
    try:
        when = datetime.fromisoformat(time)
    except ValueError as error:
        raise DataError(f"{where}: the time has to be like 2026-01-31T12:00:00+00:00, got {time!r:.40}") from error
    try:
        return make_case(
            value["id"],
            value["vector"],
            width,
            labels=labels,
            language=value["language"],
            source=value["source"],
            licence=value["licence"],
            time=when,
            text=None if text is None else check_text(text, "its text"),
        )
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
