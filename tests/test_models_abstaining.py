"""A field is answered for texts in a language that measured on; for others the model is silent and says why."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import torch
from test_groups_gathering import answering, named_output
from toy import Toy

from redheart_core.data.language import Language, stated
from redheart_core.models.abstaining import Abstention, Silence, abstentions, silences
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.assembly import assemble
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups

TEXT = "cruel debt. lost gift broken."
ENGLISH, KOREAN, GERMAN = (stated(code, "test") for code in ("en", "ko", "de"))
UNKNOWN = Language(None, 0.1)


def made(toy: Toy, folder: Path, languages: dict[str, tuple[str | None, ...]]) -> Model:
    """A model of regret and choice factors, whose records take turns among these languages."""
    fields = tuple(languages)
    records = toy.records(200, lambda index, field: field != fields[index % 2])
    given = [languages[fields[index % 2]] for index in range(len(records))]
    records = [
        attrs.evolve(record, language=codes[index // 2 % len(codes)])
        for index, (record, codes) in enumerate(zip(records, given, strict=True))
    ]
    nodes = [named_output(answering(toy, "first")), named_output(answering(toy, "second", "choice_factors"))]
    store = toy.store(records)
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=1)
    assemble(folder, run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    return load_model(folder, nodes, torch.device("cpu"))


def answered(model: Model, toy: Toy, language: Language) -> list[str]:
    findings = analyze(model, toy.encoder(), TEXT, language=language).findings
    silent = abstentions(model, silences(model, language, {}))
    fields = [answer.field for answer in answer_fields(model, findings)]
    assert {finding.field for finding in findings} == set(fields)
    assert sorted([*fields, *(one.field for one in silent)]) == sorted(model.manifest.answers)
    return fields


def test_a_field_is_answered_in_the_languages_of_its_validation_records(toy: Toy, tmp_path: Path) -> None:
    model = made(toy, tmp_path / "model", {"regret": ("en-GB", "ko"), "choice_factors": ("ko",)})
    (regret,), (factors,) = model.manifest.answers["regret"], model.manifest.answers["choice_factors"]
    assert list(regret.languages) == ["en", "ko"]
    assert sum(regret.languages.values()) == regret.records
    assert factors.languages == {"ko": factors.records}
    assert model.languages == ("en", "ko")
    assert answered(model, toy, KOREAN) == ["choice_factors", "regret"]
    assert answered(model, toy, ENGLISH) == ["regret"]
    assert answered(model, toy, GERMAN) == answered(model, toy, UNKNOWN) == []


def test_an_abstention_says_why_and_what_would_help(toy: Toy, tmp_path: Path) -> None:
    model = made(toy, tmp_path / "model", {"regret": ("en", "ko"), "choice_factors": ("ko",)})
    factors, regret = abstentions(model, silences(model, GERMAN, {}))
    assert factors == Abstention(
        "choice_factors",
        (Silence("measured on Korean texts alone, and this text is German", "the text in Korean"),),
    )
    assert regret.reason == "measured on English and Korean texts alone, and this text is German"
    assert regret.remedy == "the text in English or Korean"
    (factors,) = abstentions(model, silences(model, Language("en", 0.1), {}))
    assert factors.reason.endswith("this text is taken for English")
    assert factors.remedy == "--language ko if it is Korean"
    factors, regret = abstentions(model, silences(model, UNKNOWN, {}))
    assert regret.remedy == "--language en or --language ko if it is English or Korean"
    assert factors.reason.endswith("the language of this text is not recognised")


def test_records_without_a_language_restrict_nothing(toy: Toy, tmp_path: Path) -> None:
    model = made(toy, tmp_path / "model", {"regret": ("en", None), "choice_factors": (None,)})
    assert model.manifest.answers["choice_factors"][0].languages.keys() == {"und"}
    assert model.languages == ("en",)
    for language in (ENGLISH, GERMAN, UNKNOWN):
        assert answered(model, toy, language) == ["choice_factors", "regret"]


def test_a_source_that_was_measured_in_the_language_answers_for_one_that_was_not(toy: Toy, tmp_path: Path) -> None:
    model = made(toy, tmp_path / "model", {"regret": ("en",), "choice_factors": ("en",)})
    (source,) = model.manifest.answers["regret"]
    other = attrs.evolve(source, plugin="third", languages={"ko": 5})
    manifest = attrs.evolve(model.manifest, answers={"regret": (other, source)})
    both = attrs.evolve(model, manifest=manifest)
    assert [one.field for one in abstentions(both, silences(both, ENGLISH, {}))] == []
    (silent,) = abstentions(both, silences(both, GERMAN, {}))
    assert [one.reason.split(" texts")[0] for one in silent.because] == [
        "measured on Korean",
        "measured on English",
    ]
    wide = attrs.evolve(other, languages={"en": 3, "ko": 5})
    both = attrs.evolve(model, manifest=attrs.evolve(manifest, answers={"regret": (other, source, wide)}))
    (silent,) = abstentions(both, silences(both, GERMAN, {}))
    assert silent.reason == "measured on English and Korean texts alone, and this text is German"


@pytest.mark.parametrize("language", [ENGLISH, GERMAN])
def test_a_field_whose_plugins_lack_an_input_abstains_too(toy: Toy, tmp_path: Path, language: Language) -> None:
    model = made(toy, tmp_path / "model", {"regret": ("en",), "choice_factors": ("en",)})
    silent = {one.field: one for one in abstentions(model, silences(model, language, {"first": ("past", "persons")}))}
    assert silent["regret"].reason == "first reads past, persons"
    assert silent["regret"].remedy == "give them with --jsonl or as a record"


def test_a_source_speaks_the_languages_that_it_was_measured_on() -> None:
    source = AnswerSource("a", "b", False, None, 0, {"en": 3})
    assert [source.speaks(code) for code in ("en", "ko", None)] == [True, False, False]
    assert [attrs.evolve(source, languages={"en": 3, "und": 1}).speaks(code) for code in ("ko", None)] == [True, True]
