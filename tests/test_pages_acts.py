"""What is known of several acts, on the page: payoffs, probabilities and persons as in the file of redheart decide."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("playwright", reason="needs redheart[dev]")
pytest.importorskip("axe_playwright_python", reason="needs redheart[dev]")
from playwright.sync_api import expect
from served_models import loaded
from served_pages import CHROMIUM, Visit, browsing, serious, serving

import redheart
from redheart.decision import Decision
from redheart_server.served import Models

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

DILEMMA: dict[str, Any] = {
    "situation": "My father asks how ill he is.",
    "outcomes": ["he copes", "he despairs"],
    "probabilities": [0.7, 0.3],
    "persons": [{"name": "father", "vulnerability": 0.9}],
    "vulnerable_first": True,
    "acts": [
        {
            "text": "I tell him the truth.",
            "payoffs": [5, -4],
            "lots": [{"sign": -1, "intensity": 0.6, "days": 10, "person": "father"}],
        },
        {"text": "I say that all is well.", "payoffs": [1, 1], "lots": []},
    ],
}


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


@pytest.fixture(scope="module")
def visit(models: Models) -> Iterator[Callable[..., Visit]]:
    with serving(models) as address, browsing() as browser:
        yield lambda path="/?mode=acts", **options: browser(address + path, **options)


@pytest.fixture(scope="module")
def asking(visit: Callable[..., Visit]) -> Any:
    """A page with two acts, open where what is known of them is typed; a test leaves it with a good answer."""
    page = visit().page
    fill_acts(page, "I tell him the truth.", "I say that all is well.")
    page.click("#known-box summary")
    return page


def decided(models: Models) -> Decision:
    (served,) = models.current.values()
    return redheart.load(served.model.title).decide(DILEMMA)


def take(page: Any, folder: Path, content: str) -> None:
    """Give the page a file, once it has taken the one before."""
    (folder / "dilemma.json").write_text(content, encoding="utf-8")
    page.set_input_files("#known-file", str(folder / "dilemma.json"))
    expect(page.locator("#known-file")).to_have_value("")


def fill_acts(page: Any, *texts: str) -> None:
    for number, text in enumerate(texts):
        page.fill(f"#act-{number}", text)


def send(page: Any, wanted: str) -> None:
    page.click("#send")
    page.wait_for_selector(wanted)


def test_a_file_fills_the_fields_and_the_answer_is_that_of_the_library(
    models: Models, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    opened = visit()
    page = opened.page
    page.click("#known-box summary")
    take(page, tmp_path, json.dumps(DILEMMA))
    assert page.input_value("#situation") == DILEMMA["situation"]
    assert [page.input_value(f"#act-{number}") for number in (0, 1)] == [act["text"] for act in DILEMMA["acts"]]
    known = json.loads(page.input_value("#known"))
    assert known["probabilities"] == DILEMMA["probabilities"]
    assert known["acts"] == [{key: act[key] for key in act if key != "text"} for act in DILEMMA["acts"]]
    send(page, "#result-title")
    shown = page.inner_text("#answer")
    decision = decided(models)
    for figures in decision.figures:
        assert f"Expected utility {figures.expected_utility:.6g}" in shown
        assert f"Largest regret {figures.largest_regret:.6g}" in shown
        assert f"Harm to father: {figures.harm['father']:.6g} hedons (vulnerability 0.9)" in shown
    assert decision.ranking is not None
    places = [f"Place {place} {'AB'[act]}: " for place, act in enumerate(decision.ranking.order, 1)]
    assert [title[: len(places[0])] for title in page.locator(".act h3").all_inner_texts()] == places
    assert "by harm to father, the most vulnerable first" in shown
    assert page.locator(".wrong").count() == 0
    assert serious(page) == []
    assert opened.complaints == []
    requests = [request for request in opened.requests if request.url.split("?")[0].endswith("/v1/decide/page")]
    assert json.loads(requests[0].post_data) == DILEMMA
    assert "father" not in "".join(request.url for request in opened.requests)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ("{", "This is not JSON."),
        ("[1]", "This has to be a JSON object"),
        ('{"acts": 5}', "and its acts a list"),
        ('{"acts": [{"payoffs": [1]}]}', "It says something of 1 acts, and there are fields for 2."),
        ('{"acts": [{"payoffs": [1, 2]}, {"payoffs": [1]}]}', "every act needs a payoff for each outcome"),
        ('{"acts": [{"payoffs": [1, 2]}, {"payoffs": [3, "4"]}]}', "expects a finite number, got text '4'"),
        ('{"acts": [{"payoffs": [1, 2]}, {"payoffs": [3, 4]}], "probabilities": [0.7, 0.7]}', "probabilities"),
        ('{"persons": [{"name": "father", "vulnerability": 2}]}', "vulnerability lies in 0..1, got 2"),
        ('{"payoffs": [1]}', "payoffs"),
        (
            '{"acts": [{"lots": []}, {"lots": [{"sign": -1, "intensity": 6, "days": 1}]}]}',
            "act 2: intensity must lie in 0..1, got 6",
        ),
        ('{"acts": [5, null]}', "acts"),
    ],
)  # fmt: skip
def test_an_error_is_said_at_the_field_that_it_is_of(asking: Any, known: str, says: str) -> None:
    page = asking
    page.fill("#known", known)
    send(page, "#known-wrong")
    assert says in page.inner_text("#known-wrong")
    assert page.evaluate("document.activeElement.id") == "known"
    assert page.get_attribute("#known", "aria-invalid") == "true"
    assert "known-wrong" in str(page.get_attribute("#known", "aria-describedby")).split()
    assert page.locator("#trouble > *").count() == 0
    assert serious(page) == []
    page.fill("#known", '{"acts": [{"payoffs": [1, 2]}, {"payoffs": [3, 4]}]}')
    send(page, "#result-title")
    assert page.locator(".wrong, [aria-invalid]").count() == 0


def test_an_error_of_an_act_is_said_at_its_text_whatever_fields_were_left_empty(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.click("#add")
    page.click("#add")
    fill_acts(page, "I tell him the truth.", "", "I wait.", "I  wait.")
    send(page, "#act-2-wrong")
    assert "is given twice" in page.inner_text("#act-2-wrong")
    assert page.evaluate("document.activeElement.id") == "act-2"
    assert page.locator("#acts textarea").count() == 3
    assert serious(page) == []
    page.click(".act-field:nth-child(3) .remove")
    assert page.locator(".wrong").count() == 0
    send(page, "#result-title")


def test_a_file_that_is_no_dilemma_is_said_at_the_field_and_a_later_one_is_taken(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    page = visit().page
    page.click("#known-box summary")
    take(page, tmp_path, "not a dilemma")
    assert "not JSON" in page.inner_text("#known-wrong")
    take(page, tmp_path, json.dumps({"acts": ["I wait.", "I go.", "I shout."]}))
    assert page.locator(".wrong").count() == 0
    assert page.input_value("#act-2") == "I shout."
    assert page.input_value("#known") == ""


def test_all_of_it_is_korean_for_who_reads_korean(visit: Callable[..., Visit], tmp_path: Path) -> None:
    opened = visit(locale="ko-KR")
    page = opened.page
    page.click("#known-box summary")
    assert "보상, 확률" in page.inner_text("#known-box")
    page.fill("#known", "{")
    fill_acts(page, "I tell him the truth.", "I say that all is well.")
    send(page, "#known-wrong")
    assert "JSON이 아닙니다." in page.inner_text("#known-wrong")
    take(page, tmp_path, json.dumps(DILEMMA))
    send(page, "#result-title")
    assert "기대 효용" in page.inner_text("#answer")
    assert "father에게 주는 피해" in page.inner_text("#answer")
    assert serious(page) == []
    assert opened.complaints == []
    page.click("[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    expect(page.locator("#known")).to_have_value(re.compile("probabilities"))
    assert page.evaluate("sessionStorage.length") == 0
