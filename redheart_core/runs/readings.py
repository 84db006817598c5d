"""test_reads.jsonl: when the test split of a run was read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs

from redheart_core.storage.files import write_bytes
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import read_sealed_lines, sealed_line
from redheart_core.storage.structuring import structure, unstructure

_NAME = "test_reads.jsonl"
_REMEDY = "restore the file from a copy; remove that line if there is none, and state that a reading is not counted"


@attrs.frozen
class Reading:
    """The test split was read once."""

    time: str
    """UTC."""


def read_readings(run: Path) -> list[Reading]:
    """Every reading of the test split, in order; a last line without its end is passed over.

    Raises:
        CheckpointError: A line is damaged.
    """
    file = run / _NAME
    return [
        structure(table, Reading, f"{file} line {number}")
        for number, table in enumerate(read_sealed_lines(file, _REMEDY), 1)
    ]


def count_reading(run: Path) -> int:
    """Note that the test split is read, and return how often it has been."""
    file = run / _NAME
    with updating(run):
        lines = [*read_readings(run), Reading(datetime.now(UTC).isoformat())]
        write_bytes(file, b"".join(sealed_line(unstructure(line)) for line in lines))
    return len(lines)
