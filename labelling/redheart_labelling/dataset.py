"""labels.jsonl and plugins.toml: the labelled texts as a data set that `redheart run` reads, with their provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from redheart_core import CATALOGUE, Field
from redheart_core.storage.files import write_bytes
from redheart_core.storage.sealed import sealed_line
from redheart_core.storage.structuring import unstructure
from redheart_labelling.figures import mean, passes_of, variance
from redheart_labelling.ledger import Header, Job, Labelled, Ledger
from redheart_labelling.own_fields import declaration
from redheart_labelling.spending import Usage
from redheart_labelling.texts import TextToLabel

LABELS_FILE = "labels.jsonl"
PLUGINS_FILE = "plugins.toml"
ENCODER = "use_multilingual"
ACTIVE = ("jsonl", ENCODER, "linear")
"""Learns every field that can be labelled, from any number of texts."""


def write_data_set(
    folder: Path, header: Header, fields: Sequence[Field], texts: Sequence[TextToLabel], ledger: Ledger, passes: int
) -> int:
    """Write the labels anew, and the other file once; returns how many texts have labels.

    A text without a right answer is left out.
    """
    lines = [
        sealed_line(record) for text in texts if (record := _record(header, fields, text, ledger, passes)) is not None
    ]
    write_bytes(folder / LABELS_FILE, b"".join(lines))
    if not (folder / PLUGINS_FILE).exists():  # its user may have added plugins
        write_bytes(folder / PLUGINS_FILE, _plugins_toml(folder, fields, texts).encode())
    return len(lines)


def _record(
    header: Header, fields: Sequence[Field], text: TextToLabel, ledger: Ledger, passes: int
) -> dict[str, Any] | None:
    found = passes_of(text, ledger, passes)
    if not found:
        return None
    values = list(found.values())
    lines = [ledger.labelled[Job(text.id, text.sha256, turn)] for turn in found]
    table: dict[str, Any] = {"id": text.id, "text": text.text}
    if text.language is not None:
        table["language"] = text.language
    for field in fields:
        numbers = mean(field, values)
        table[field.name] = numbers if field.labels else numbers[field.name]
    origin = {**unstructure(header), "passes": [*found], "answers": list(_answers(lines))}
    variances = {field.name: variance(field, values) for field in fields}
    usage = sum((line.said.usage for line in lines if line.said.usage is not None), Usage())
    return {**table, "labelling": {**origin, "variance": variances, "usage": attrs.asdict(usage)}}


def _answers(lines: Sequence[Labelled]) -> Iterator[dict[str, Any]]:
    """Where each answer is from."""
    for line in lines:
        said = line.said
        usage = None if said.usage is None else attrs.asdict(said.usage)
        yield {
            "request": line.request,
            "reply": said.id,
            "model": said.model,
            "time": line.time,
            "seconds": line.seconds,
            "usage": usage,
        }


def _plugins_toml(folder: Path, fields: Sequence[Field], texts: Sequence[TextToLabel]) -> str:
    languages = {text.language for text in texts}
    (language,) = languages if len(languages) == 1 else (None,)
    table: dict[str, Any] = {"path": str((folder / LABELS_FILE).resolve())}
    if language is not None:
        table["language"] = language
    table["fields"] = {field.name: field.name if field.name in CATALOGUE else declaration(field) for field in fields}
    whole = {
        "active": list(ACTIVE),
        "data": {"dataset": "jsonl", "encoder": ENCODER},
        "plugins": {"jsonl": table},
    }
    return f"# Reads {LABELS_FILE}; redheart plugins list shows what else may stand in active.\n{tomli_w.dumps(whole)}"
