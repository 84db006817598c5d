"""What stands beside the answers of an analysis: warnings, silence and its reasons, what is at stake, similar cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from redheart.page import not_sure_enough
from redheart.similar import evidence_lines
from redheart_server.pages.words import Words

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.data.language import Language
    from redheart_core.models.abstaining import Abstention, Silence


@attrs.frozen
class Note:
    """A sentence, and its language: what the library alone has words for stays English."""

    text: str
    language: str


@attrs.frozen
class SilenceView:
    """Tasks that are not answered for one reason."""

    tasks: tuple[str, ...]
    reason: Note
    remedy: Note | None


def language_line(language: Language, say: Words) -> str:
    """In which language the text is."""
    if language.code is None:
        return say("language_unknown")
    return say("language_is" if language.sure else "language_taken", language=language_of(language.code, say))


def language_of(code: str, say: Words) -> str:
    """The name of a language in the reader's one; that in English where it has none there."""
    from redheart_core.data.language import language_name

    return say.languages.get(code) or language_name(code)


def warning_notes(analysis: Analysis, say: Words) -> Iterator[Note]:
    """Everything that is known against the numbers."""
    context = analysis.context
    unsure = [say.task(field) for field in not_sure_enough(analysis)]
    if context is not None and unsure:
        yield Note(say("not_sure_enough", share=f"{context.sureness:.0%}", tasks=", ".join(unsure)), say.code)
    yield from (_translated(warning, say) for warning in analysis.warnings)
    if analysis.missing:
        groups = "; ".join(f"{group}: {reason}" for group, reason in analysis.missing.items())
        yield Note(say("not_in_model", groups=groups), say.code)
    if analysis.absent:
        yield Note(say("not_installed", groups=", ".join(analysis.absent)), say.code)


def context_notes(analysis: Analysis, say: Words) -> Iterator[Note]:
    """Whom and what the text names, and what similar cases say."""
    context = analysis.context
    if context is not None:
        if context.stakes != "usual":
            yield Note(say(f"stakes_{context.stakes}"), say.code)
        for heading, names in context.notes.items():
            named = ", ".join(say.reason(name) for name in names)
            yield Note(f"{say.reason(heading)}: {named}", say.code)
    yield from (Note(line, "en") for line in evidence_lines(analysis))


def silence_views(analysis: Analysis, say: Words) -> Iterator[SilenceView]:
    """What is not answered, by reason."""
    because: dict[tuple[Silence, ...], list[Abstention]] = {}
    for abstention in analysis.abstentions:
        because.setdefault(abstention.because, []).append(abstention)
    for silences, group in because.items():
        yield SilenceView(
            tuple(say.task(one.field) for one in group),
            _reason(silences, analysis.language, say),
            _remedy(group[0], analysis.language, say),
        )


def _reason(silences: Sequence[Silence], language: Language, say: Words) -> Note:
    """In the reader's language where it is the language of the text; as the library says it otherwise."""
    if say.code == "en" or not all(one.measured for one in silences):
        return _translated("; ".join(one.reason for one in silences), say)
    measured = sorted({code for one in silences for code in one.measured})
    names = say("and").join(language_of(code, say) for code in measured)
    return Note(say("measured_alone", languages=names, this=language_line(language, say)), say.code)


def _remedy(abstention: Abstention, language: Language, say: Words) -> Note | None:
    """In the reader's language where another language of the text would help; as the library says it otherwise."""
    silences = abstention.because
    if say.code == "en" or not language.sure or not all(one.measured for one in silences):
        return _translated(abstention.remedy, say) if abstention.remedy else None
    measured = sorted({code for one in silences for code in one.measured})
    names = say.reasons[" or "].join(language_of(code, say) for code in measured)
    return Note(say("in_language", languages=names), say.code)


def _translated(said: str, say: Words) -> Note:
    """By the longest beginning that the reader's language has words for; what follows are names and numbers."""
    for start in sorted(say.reasons, key=len, reverse=True):
        if said == start or said.startswith((f"{start}: ", f"{start} (")):
            return Note(say.reasons[start] + said[len(start) :], say.code)
    return Note(said, "en")
