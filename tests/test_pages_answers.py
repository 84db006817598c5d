"""The part of a page that an analysis makes, without a server: it says what the text and the JSON say."""

from __future__ import annotations

from html.parser import HTMLParser

import attrs
import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from test_api_page import LABELS, RATING, analysis, answer, value
from test_api_summary import feelings, shares

from redheart.crisis import Safety
from redheart.reasons import Explanation
from redheart_core import Reason, ReasonRow
from redheart_core.models.explaining import Explained
from redheart_core.models.findings import Answer, Certainty, Finding
from redheart_server.pages.asking import analysis_page
from redheart_server.pages.words import LANGUAGES, words


class Read(HTMLParser):
    """The words of each element of a class, such as "set"."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self._said: dict[str, list[str]] = {}
        self._open: list[tuple[str, ...]] = []
        self.feed(document.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "circle", "rect", "line"):
            return
        classes = tuple((dict(attrs).get("class") or "").split())
        self._open.append(classes)
        for one in classes:
            self._said.setdefault(one, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("br", "circle", "rect", "line"):
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for one in {name for classes in self._open for name in classes}:
            self._said[one][-1] += data

    @property
    def by_class(self) -> dict[str, list[str]]:
        return {name: [" ".join(one.split()) for one in said] for name, said in self._said.items()}


ANSWERS = {
    "one alone": shares(("fear",)),
    "one of several": shares(("fear", "joy")),
    "all named": feelings(("anger",), anger=0.9),
    "more in the set": feelings(("anger", "joy", "fear"), anger=0.9),
    "no set": feelings(None, anger=0.9),
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ANSWERS)
def test_the_line_of_a_task_is_the_same_in_text_json_and_page(name: str, lang: str) -> None:
    found, say = analysis(ANSWERS[name]), words(lang)
    (answer,) = found.to_json()["answers"]
    said = answer["summary"]
    page = Read(bytes(analysis_page(Explanation(found, ()), lang, False).body)).by_class
    if said is None:
        assert "set" not in page
        return
    assert f"{answer['field']}: {said['text']}" in found.page.notes
    (line,) = page["set"]
    labels = [*said["mostly"], *said["perhaps"], *said["unlikely"], *said["further"]]
    assert labels
    assert [line.count(say.label(one)) for one in labels] == [1] * len(labels)
    if lang == "en":
        assert line == said["text"]


def fused() -> Answer:
    """Anger by a fusion of three modules, one of which does not say so, with an interval around a rating."""

    def said(plugin: str, number: float) -> Finding:
        return Finding(plugin, "feelings", "feelings", "group", 1, "1", (value("anger", number, 0.0, 0.5),))

    members = (said("one", 0.9), said("two", 0.7), said("three", 0.2))
    return attrs.evolve(feelings(("anger",), anger=0.8), fused=True, members=members)


REASON = Explained(
    "reasons_by_sentence",
    "sentence",
    "shares",
    (
        Reason(
            "feelings", "anger", 0.25, 0.8,
            (ReasonRow("He lied.", 0.5), ReasonRow("I went home.", 0.05)), turning=(0,),
        ),
    ),
)  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_by_which_modules_it_is_answered_and_how_many_agree(lang: str) -> None:
    found, say = analysis(fused()), words(lang)
    page = Read(bytes(analysis_page(Explanation(found, ()), lang, False).body)).by_class
    (modules,) = [one for one in page["hint"] if one == say("modules", names="one, two, three")]
    assert modules
    (number,) = page["value"]
    assert number == f"0.80 · {say('modules_agree', count=2, all=3)}"
    assert page["flag"] == [say("split")]
    assert [len(page[one]) for one in ("legend", "track")] == [1, 1]
    (legend,) = page["legend"]
    assert all(say(key) in legend for key in ("legend", "legend_at", "legend_interval", "legend_mark", "legend_member"))
    alone = attrs.evolve(fused(), fused=False, members=())
    silent = Read(bytes(analysis_page(Explanation(analysis(alone), ()), lang, False).body)).by_class
    assert "flag" not in silent
    assert "modules" not in silent
    assert silent["value"] == ["0.80"]
    nothing = Read(bytes(analysis_page(Explanation(analysis(), ()), lang, False).body)).by_class
    assert not {"legend", "task", "reasons"} & nothing.keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_why_with_each_part_of_the_text_and_what_it_adds(lang: str) -> None:
    found, say = Explanation(analysis(fused()), (REASON,)), words(lang)
    page = Read(bytes(analysis_page(found, lang, False).body)).by_class
    (reason,) = page["reason"]
    assert say("reason_from", usual="0.25", value="0.80") in reason
    assert say("turning", parts="“He lied.”") in reason
    shown = [one for one in page["part"] if "0." in one]
    assert shown == ["He lied. +0.50", "I went home. +0.05"]
    assert (page["up4"], "up3" in page and "I went home." in " ".join(page["up3"])) == (["He lied. +0.50"], False)
    assert "reasons" not in Read(bytes(analysis_page(Explanation(found.analysis, ()), lang, False).body)).by_class


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_an_answer_claims_and_does_not_stand_behind_is_named_without_its_number(lang: str) -> None:
    unsure = attrs.evolve(value("rating", 2.34, 2.0), low=0.1, high=4.5)
    page = analysis_page(Explanation(analysis(answer(RATING, unsure)), ()), lang, False)
    assert words(lang)("left_open", tasks=words(lang).task("rating")) in bytes(page.body).decode()
    assert "2.34" not in bytes(page.body).decode()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_few_labels_that_may_be_true_are_named_where_none_is_sure(lang: str) -> None:
    certainty, say = Certainty(0.1, 400, 1.0, None, ("fear", "joy")), words(lang)
    unsure = answer(LABELS, value("joy", 0.15, 2.0, 0.1), value("fear", 0.19, 2.0, 0.1))
    found = analysis(attrs.evolve(unsure, certainty=certainty))
    page = bytes(analysis_page(Explanation(found, ()), lang, False).body).decode()
    names = ", ".join(map(say.label, ("fear", "joy")))
    assert (
        say("narrowed", task=say.task("feelings"), labels=f"{say.reason('may be true: {names}').format(names=names)}")
        in page
    )
    assert say("nothing_unusual") not in page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_shows_help_and_no_number_to_a_person_in_a_crisis(lang: str) -> None:
    for text, alone in (("I want to die.", True), ("My friend says that she wants to kill herself.", False)):
        help_ = Safety().help_for(text)
        assert help_ is not None
        assert help_.alone is alone
        found = attrs.evolve(analysis(fused()), help=help_)
        page = Read(bytes(analysis_page(Explanation(found, ()), lang, True).body)).by_class
        assert page["opening"] == [help_.opening]
        assert ("value" in page, "scroll" in page) == (not alone, not alone)
