"""A file of texts to a file of answers: in windows of bounded memory, and resumed where a process was stopped.

The output only grows. What was cut off in the middle of a window is dropped, and work goes on behind the last whole
one: texts are answered together with those of their window alone, so that a resumed output is the same to the last
byte. A file beside it, with .origin.json behind its name, says what it was made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.analysis import Analysis
from redheart.analyzing import WINDOW, Refused, Text, analyze_records, in_windows, refused_line
from redheart.batch_lines import BatchForm, batch_form
from redheart.progress import make_display
from redheart.text_files import Item, line_number, read_text_file
from redheart_core.contract.errors import DataError
from redheart_core.storage.files import sync, write_bytes, writing
from redheart_core.storage.locks import appending
from redheart_core.storage.sealed import SealedFile
from redheart_export.opening import answering_sha256

if TYPE_CHECKING:
    from redheart.models import Model

NAMED = 20
"""Refused lines that are listed; the others are counted."""
Window = list[tuple[str, Text | DataError]]
"""What is in memory together."""
Answered = tuple[str, Text | DataError, Analysis | Refused]
"""Where a text is from, the text or why there is none, and what is said of it."""


@attrs.frozen
class Block:
    """What is said of a window, as it is written."""

    last: int
    """The input's line of its last text."""
    lines: int
    data: bytes
    refused: tuple[str, ...]
    """Why, of each text that was."""


Answering = Callable[[Iterator[Window]], Iterator[Block]]
"""From windows to what is said of them, in order; it takes windows as it needs them."""


@attrs.frozen
class BatchOrigin:
    """OUTPUT.origin.json: what an output is made from."""

    source_sha256: str
    model_sha256: str
    """Of all that it answers by: of export.json of an exported model, else of manifest.json."""
    column: str | None
    language: str | None
    country: str
    details: bool


ORIGIN = SealedFile(BatchOrigin, "origin of a batch", 1, "delete it and the output beside it, and begin again")


@attrs.frozen
class BatchResult:
    """What became of a file of texts."""

    output: Path
    lines: int
    """Texts and lines without a text, all of which have a line in the output."""
    resumed: int
    """Of these, how many were done before."""
    refused: int
    complaints: tuple[str, ...]
    """The reasons of the first that were refused."""


def analyze_file(
    model: Model,
    source: Path,
    output: Path,
    *,
    column: str | None = None,
    language: str | None = None,
    details: bool = False,
    progress: bool = True,
    answering: Answering | None = None,
) -> BatchResult:
    """What a model says of each text of a file, as Model.analyze_file describes it.

    Args:
        model: As there, like all that is not named here.
        answering: Has other processes answer the windows, each of them as answer_window does; None answers here.
    """
    form = batch_form(model, output, details)
    here: Answering = partial(map, partial(answer_window, model, form, language))
    items = read_text_file(source, column)
    digest, total = _digest_and_lines(source)
    items = chain(list(islice(items, 1)), items)  # what cannot be read at all leaves no output
    origin = BatchOrigin(digest, answering_sha256(model.folder), column, language, model.safety.country, details)
    with appending(output), make_display(progress) as display:
        so_far = _resume(output, origin, form)
        windows, begun = _behind(in_windows(items, WINDOW), so_far.lines)
        if begun < so_far.lines:
            so_far = _resume(output, origin, form, begun)
        for block in (answering or here)(windows):
            with writing(output), output.open("ab") as file:
                file.write(block.data)
            so_far = _add(so_far, block.lines, block.refused)
            display.progress("texts", block.last, total)
        with writing(output):
            sync(output)
    return so_far


def answer_window(model: Model, form: BatchForm, language: str | None, window: Window) -> Block:
    """What a model says of a window, in a form."""
    answered = list(answer_items(model, window, language))
    return Block(
        last=line_number(window[-1][0]),
        lines=len(answered),
        data=b"".join(form.line(line_number(where), text, found) for where, text, found in answered),
        refused=tuple(str(found.error) for _, _, found in answered if isinstance(found, Refused)),
    )


def answer_items(model: Model, window: Iterable[Item], language: str | None) -> Iterator[Answered]:
    """What a model says of texts that are in memory together; lines without a text are refused."""
    items = list(window)
    texts = [(where, text) for where, text in items if not isinstance(text, DataError)]
    said = iter(analyze_records(model, texts, language))
    for where, text in items:
        yield where, text, refused_line(model, text) if isinstance(text, DataError) else next(said)


def _behind(windows: Iterator[Window], lines: int) -> tuple[Iterator[Window], int]:
    """The windows that are not done where so many lines are there, and how many lines the others have."""
    begun = 0
    for window in windows:
        if begun + len(window) > lines:
            return chain([window], windows), begun
        begun += len(window)
    return iter(()), begun


def _resume(output: Path, origin: BatchOrigin, form: BatchForm, most: int | None = None) -> BatchResult:
    """Cut off a half line, or what is behind so many lines, and count what is done before.

    Raises:
        DataError: The output was made from something else, or by something else.
    """
    beside = output.with_name(f"{output.name}.origin.json")
    so_far = BatchResult(output, 0, 0, 0, ())
    if not output.exists():
        ORIGIN.write(beside, origin)
        write_bytes(output, form.head)
        return so_far
    if not beside.exists():
        raise DataError(f"{output} exists and is no output of this command; name another one, or delete it")
    before = ORIGIN.read(beside)
    if before != origin:
        changed = [name for name in attrs.asdict(origin) if getattr(before, name) != getattr(origin, name)]
        raise DataError(
            f"{output} was made from another {', '.join(_WORDS[name] for name in changed)}; name another output, or "
            f"delete it and {beside.name}"
        )
    with writing(output), output.open("r+b") as file:
        whole = len(form.head)
        if file.read(whole) != form.head:  # cut off there
            file.seek(0)
            file.truncate()
            file.write(form.head)
        for line in file:
            if not line.endswith(b"\n") or so_far.lines == most:
                break
            whole += len(line)
            so_far = _add(so_far, 1, [reason] if (reason := form.refused(line)) else [])
        file.truncate(whole)
    return attrs.evolve(so_far, resumed=so_far.lines)


def _add(so_far: BatchResult, lines: int, refused: Sequence[str]) -> BatchResult:
    return attrs.evolve(
        so_far,
        lines=so_far.lines + lines,
        refused=so_far.refused + len(refused),
        complaints=(*so_far.complaints, *refused)[:NAMED],
    )


_WORDS = {
    "source_sha256": "input",
    "model_sha256": "model",
    "column": "column",
    "language": "language",
    "country": "country",
    "details": "choice of details",
}


def _digest_and_lines(source: Path) -> tuple[str, int]:
    """SHA-256 and number of lines of a file; 0 of a packed one, whose lines are not known.

    Raises:
        DataError: It cannot be read.
    """
    digest, lines = hashlib.sha256(), 0
    try:
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                lines += block.count(b"\n")
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest(), 0 if source.suffix == ".gz" else lines
