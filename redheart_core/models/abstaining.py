"""Silence where a model was not measured or is not whole: who does not answer, and fields that nobody answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from redheart_core.data.language import Language, language_name
from redheart_core.models.limits import Reading
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model

NOT_INSTALLED = "installing it; redheart models info says what that is"
"""What would help there."""
Place = tuple[str, str, str]
"""Plugin, output and field of a source."""


@attrs.frozen
class Silence:
    """Why something is not answered."""

    reason: str
    remedy: str
    """What would help; empty where nothing is known to."""
    measured: frozenset[str] = attrs.field(default=frozenset(), eq=False)
    """The languages that it is about, of a text in another one."""


@attrs.frozen
class Abstention:
    """A field that the model answers for other texts."""

    field: str
    because: tuple[Silence, ...]
    """Of its sources, the best first; of equal ones one, and none on fewer languages than another is about."""

    @property
    def reason(self) -> str:
        """For people."""
        return "; ".join(silence.reason for silence in self.because)

    @property
    def remedy(self) -> str:
        """What would help, for people; empty where nothing is known to."""
        return "; ".join(silence.remedy for silence in self.because if silence.remedy)


def silences(
    model: Model, language: Language, missing: Mapping[str, Sequence[str]], readings: Sequence[Reading] = ()
) -> dict[Place, Silence]:
    """The sources of a model that do not answer a text: all of them, if a layer finds it beyond what the model knows.

    Args:
        model: The model.
        language: Of the text.
        missing: Plugins that cannot evaluate the record, and the fields that it lacks (Model.missing_fields).
        readings: What the model's layers say of the text.
    """
    beyond = [Silence(reading.reason, reading.remedy) for reading in readings if reading.beyond]
    absent = {node.name for group in model.groups for node in group.nodes if group.name in model.absent}
    found: dict[Place, Silence] = {}
    for field, sources in model.manifest.answers.items():
        for source in sources:
            silence = beyond[0] if beyond else _silence(source, language, missing.get(source.plugin, ()))
            if silence is None and source.plugin in absent:
                silence = Silence(f"what {source.plugin} needs is not installed here", NOT_INSTALLED)
            if silence is not None:
                found[source.plugin, source.output, field] = silence
    return found | _without_members(model, found)


def _without_members(model: Model, silent: Mapping[Place, Silence]) -> dict[Place, Silence]:
    """The fusions all of whose members are silent."""
    found = {}
    for field, sources in model.manifest.answers.items():
        for fusion in (source for source in sources if source.fused):
            members = [one for one in sources if f"{one.plugin}.{one.output}" in model.reads[fusion.plugin]]
            because = [silent.get((one.plugin, one.output, field)) for one in members]
            if because and because[0] is not None and all(because):
                found[fusion.plugin, fusion.output, field] = because[0]
    return found


def abstentions(model: Model, silent: Mapping[Place, Silence]) -> tuple[Abstention, ...]:
    """The fields of which no source answers, by name."""
    found = []
    for field, sources in model.manifest.answers.items():
        because = [silent.get((source.plugin, source.output, field)) for source in sources]
        if all(because):
            different = dict.fromkeys(one for one in because if one)
            widest = (one for one in different if not any(one.measured < other.measured for other in different))
            found.append(Abstention(field, tuple(widest)))
    return tuple(found)


def _silence(source: AnswerSource, language: Language, missing: Sequence[str]) -> Silence | None:
    """Why a source does not answer; None if it does."""
    if missing:
        return Silence(f"{source.plugin} reads {', '.join(missing)}", "give them with --jsonl or as a record")
    if source.speaks(language.code):
        return None
    names = [language_name(code) for code in source.languages]
    reason = f"measured on {' and '.join(names)} texts alone, and {_this_text(language)}"
    measured = frozenset(source.languages)
    if language.sure:
        return Silence(reason, f"the text in {' or '.join(names)}", measured)
    codes = " or ".join(f"--language {code}" for code in source.languages)
    return Silence(reason, f"{codes} if it is {' or '.join(names)}", measured)


def _this_text(language: Language) -> str:
    if language.code is None:
        return "the language of this text is not recognised"
    return f"this text is {language}"
