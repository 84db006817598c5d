"""From texts and records to analyses, one or many together; a text that is refused stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from redheart.analysis import Analysis
from redheart.threads import keeping_threads, making_what_stays
from redheart_core.contract.errors import DataError

if TYPE_CHECKING:
    from redheart.crisis import ReadForHelp
    from redheart.models import Model
    from redheart_core.data.language import Language
    from redheart_core.models.analysis import Analyzed
    from redheart_core.models.text_inputs import TextToAnalyze
    from redheart_core.safety.help import Help

T = TypeVar("T")
Text = str | Mapping[str, object]
"""A text, or a record: "text", and fields that plugins read beside it, named as in the data set."""
WINDOW = 256
"""Records that are in memory together."""
WINDOW_CHARS = 200_000
"""Likewise, of their texts together, unless one text alone has more."""


@attrs.frozen
class Refused:
    """A text or record that cannot be analyzed."""

    error: DataError
    """The reason, which names the place."""
    help: Help | None
    """For the person who wrote the text, if it has a sign of a crisis."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values; help stands first."""
        first = {} if self.help is None else {"help": self.help.to_json()}
        return {**first, "refused": str(self.error)}


def analyze_records(
    model: Model, given: Sequence[tuple[str, Text]], language: str | None = None
) -> list[Analysis | Refused]:
    """What a model says of each text or record, which are encoded and answered together.

    Args:
        model: The model.
        given: Each with what messages call it, such as its place in a file; as many as may be in memory together.
        language: Code of the language of those that state none; detected if left out.
    """
    with making_what_stays():
        return _analyze_records(model, given, language)


def _analyze_records(model: Model, given: Sequence[tuple[str, Text]], language: str | None) -> list[Analysis | Refused]:
    from redheart_core.models.analysis import analyze_texts

    found: list[Analysis | Refused | None] = [None] * len(given)
    texts: list[tuple[int, TextToAnalyze, ReadForHelp]] = []
    for place, (where, one) in enumerate(given):
        read = model.safety.read(one.get("text") if isinstance(one, Mapping) else one)
        help_ = read.by_words()
        try:
            text = read_record(model, one, where, language)
        except DataError as error:
            found[place] = Refused(error, help_)
            continue
        if help_ is not None and help_.acute:
            found[place] = _help_alone(model, _as_given(one), text.language, help_)
        else:
            texts.append((place, text, read))
    with keeping_threads(model.assembled.manifest.training.threads):
        analyzed = analyze_texts(model.assembled, model.encoder, [text for _, text, _ in texts], model.cases)
    for (place, text, read), said in zip(texts, analyzed, strict=True):
        if isinstance(said, DataError):
            found[place] = Refused(said, read.by_words())
            continue
        help_, as_given = read.by_vectors(said.vectors, model.encoder), _as_given(given[place][1])
        if help_ is not None and help_.alone:
            found[place] = _help_alone(model, as_given, text.language, help_)
        else:
            found[place] = _analysis(model, as_given, text, said, help_)
    return [one for one in found if one is not None]


def refused_line(model: Model, error: DataError) -> Refused:
    """A line that holds no text or record, with help for what can be read of it."""
    from redheart_core.storage.bad_rows import BadLineError

    read = error.read if isinstance(error, BadLineError) else None
    return Refused(error, model.safety.help_for(read.get("text") if isinstance(read, Mapping) else read))


def in_windows(given: Iterable[tuple[str, T]], most: int = WINDOW) -> Iterator[list[tuple[str, T]]]:
    """What is analyzed together, in order, so that memory does not grow with the number of texts."""
    rest = iter(given)
    while window := list(islice(rest, 1)):
        chars = _length(window[0][1])
        while len(window) < most and chars < WINDOW_CHARS and (more := list(islice(rest, 1))):
            window += more
            chars += _length(more[0][1])
        yield window


def stated_text(record: Mapping[str, object], where: str) -> str:
    """The text of a record.

    Raises:
        DataError: It has none.
    """
    text = record.get("text")
    if isinstance(text, str):
        return text
    found = type(text).__name__ if "text" in record else f"an object of {', '.join(record) or 'nothing'}"
    raise DataError(f"{where}: expects a 'text', got {found}")


def read_record(model: Model, given: Text, where: str, language: str | None) -> TextToAnalyze:
    """A text or record with its language, checked.

    Raises:
        DataError: It has no text, one that cannot be analyzed, or a language that is none.
    """
    from redheart_core.data.language import Language, detect, stated
    from redheart_core.data.text import check_text
    from redheart_core.models.text_inputs import TextToAnalyze

    record = given if isinstance(given, Mapping) else {"text": given}
    text = record.get("text")
    if not model.reads_texts:
        if text is not None:
            fields = ", ".join(model.read_fields)
            raise DataError(
                f"{where}: the model was trained on records without texts and answers none; give a record with "
                f"{fields} in its place, such as a line of a file: redheart analyze MODEL --jsonl FILE"
            )
        values = {name: record[name] for name in model.read_fields if record.get(name) is not None}
        return TextToAnalyze("", where, values, Language(None, None))
    text = stated_text(record, where)
    values = {name: record[name] for name in model.read_fields if record.get(name) is not None}
    code, checked = record.get("language", language), check_text(text, where)
    spoken = detect(checked, model.assembled.languages) if code is None else stated(code, where)
    return TextToAnalyze(checked, where, values, spoken)


def _analysis(model: Model, text: str, given: TextToAnalyze, said: Analyzed, found: Help | None) -> Analysis:
    from redheart_core.models.abstaining import abstentions
    from redheart_core.models.analysis import answer_fields
    from redheart_core.models.stakes import weigh_answers

    assembled, kind = model.assembled, said.kind
    name = None if kind is None else kind.name
    answers, held = weigh_answers(assembled, answer_fields(assembled, said.findings, kind), said.context, name)
    silent = sorted((*abstentions(assembled, said.silent), *held), key=lambda one: one.field)
    return Analysis(
        text,
        given.language,
        answers,
        tuple(silent),
        said.findings,
        assembled.missing_fields(given.values),
        model.missing,
        found,
        tuple(model.absent),
        assembled.calibration is not None,
        said.readings,
        said.remarks,
        said.context,
        said.cases,
        model.cases is not None,
    )


def _help_alone(model: Model, text: str, language: Language, found: Help) -> Analysis:
    """Help and nothing else."""
    calibrated = model.assembled.calibration is not None
    return Analysis(text, language, (), (), (), {}, model.missing, found, tuple(model.absent), calibrated)


def _as_given(given: Text) -> str:
    return given if isinstance(given, str) else str(given.get("text", ""))


def _length(given: object) -> int:
    text = given.get("text") if isinstance(given, Mapping) else given
    return len(text) if isinstance(text, str) else 0
