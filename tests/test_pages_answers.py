"""The part of a page that an analysis makes, without a server: it says what the text and the JSON say."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from test_api_page import analysis
from test_api_summary import feelings, shares

from redheart.reasons import Explanation
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
