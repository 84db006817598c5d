"""The page on which a text is tried, without a browser: what it says is what the library says."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import httpx
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart.page import left_open, unusual
from redheart.summary import borne_out
from redheart_server.served import Models
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me. I am sad."
WISH = "I told my neighbour the truth about the fence, and now I want to die."
NOW = "I am standing on the bridge and I am going to jump now."
HOSTILE = "<script>alert(1)</script> I told him <img src=x onerror=alert(2)> the truth. \"'&amp;"


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


def get(models: Models, path: str, **headers: str) -> httpx.Response:
    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.get(path, headers=headers)

    return asked(models, ask)


def post(models: Models, path: str, body: Any) -> httpx.Response:
    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})

    return asked(models, ask)


def shown(response: httpx.Response) -> str:
    """The words of a page, without tags and with single spaces."""
    assert response.status_code == 200, response.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_inline_script_or_style(models: Models) -> None:
    page = get(models, "/")
    policy = page.headers.get_list("content-security-policy")
    assert policy == [
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ]
    assert page.headers["cache-control"] == "no-store"
    assert re.findall(r"<script(?![^>]*src=)|<style| style=| on\w+=", page.text) == []
    loaded_ = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded_
    assert all(one.startswith(("/", "?", "#")) for one in loaded_)
    for path in {one for one in loaded_ if one.startswith("/static/")}:
        found = get(models, path)
        assert found.status_code == 200
        assert found.headers["content-type"].endswith("charset=utf-8")
        assert "http" not in re.sub(r'"http://www.w3.org/\S*"', "", found.text)


def test_only_the_files_of_the_pages_are_served(models: Models) -> None:
    for path in ("/static/none.css", "/static/..%2Fwords.py", "/static/%2e%2e/words.py", "/static/"):
        assert get(models, path).status_code == 404


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_is_in_the_language_of_the_browser_or_the_address(models: Models, language: str) -> None:
    for page in (get(models, "/", **{"accept-language": language}), get(models, f"/?lang={language}")):
        assert f'<html lang="{language}">' in page.text
        assert ("글 분석해 보기" in page.text) is (language == "ko")
    assert get(models, "/").headers["vary"] == "accept-language"


def test_the_answer_has_every_number_and_interval_of_the_library(models: Models) -> None:
    page = shown(post(models, "/v1/analyze/page?details=true", {"text": TEXT}))
    found = next(iter(models.current.values())).model.explain(TEXT)
    telling = unusual(found.analysis)
    assert telling or left_open(found.analysis)
    for answer in telling:
        first = borne_out(answer)[0]
        assert f"{first.value:.2f}" + ("" if first.low is None else f" [{first.low:.2f}, {first.high:.2f}]") in page
    assert ("Nothing sure enough to show" in page) is bool(left_open(found.analysis))
    for abstention in found.analysis.abstentions:
        assert abstention.reason in page
    for warning in found.analysis.warnings:
        assert warning in page
    assert bool(found.shown) is bool(telling)
    for _, reason in found.shown:
        for row in reason.rows:
            assert f"{row.part} {row.adds:+.2f}" in page


def test_reasons_and_details_are_there_if_they_are_wanted(models: Models) -> None:
    plain = post(models, "/v1/analyze/page?reasons=false", {"text": TEXT}).text
    full = post(models, "/v1/analyze/page?reasons=true&details=true", {"text": TEXT}).text
    assert ("reasons-title" in plain, "details-title" in plain) == (False, False)
    explained = next(iter(models.current.values())).model.explain(TEXT).shown
    assert ("reasons-title" in full, "details-title" in full) == (bool(explained), True)


@pytest.mark.parametrize("text", [WISH, NOW])
@pytest.mark.parametrize("path", ["/v1/analyze/page", "/v1/decide/page"])
def test_in_a_crisis_there_is_help_and_no_number_of_the_model(models: Models, path: str, text: str) -> None:
    body = {"text": text} if "analyze" in path else {"acts": [text, "I wait for the morning."]}
    page = post(models, path + "?country=GB", body)
    assert "116 123" in shown(page)
    assert 'class="box help"' in page.text
    assert re.findall(r"\d\.\d\d|<svg|class=\"value\"|the analysis follows", page.text) == []


def test_help_stands_first_in_a_refusal_too(models: Models) -> None:
    problem = post(models, "/v1/analyze/page", {"text": WISH, "language": "?"})
    assert problem.status_code == 422
    assert next(iter(problem.json())) == "help"


def test_nothing_in_a_text_becomes_part_of_the_page(models: Models) -> None:
    for path, body in (
        ("/v1/analyze/page?details=true", {"text": HOSTILE}),
        ("/v1/decide/page", {"acts": [HOSTILE, "I say nothing."], "situation": HOSTILE}),
    ):
        page = post(models, path, body)
        assert page.status_code == 200
        assert re.findall(r"<script|<img|onerror=(?!alert\(2\)&gt;)", page.text) == []


def test_several_acts_are_compared_in_words(models: Models) -> None:
    page = shown(post(models, "/v1/decide/page", {"acts": ["I tell the truth.", "I buy another fence."]}))
    assert "A: I tell the truth." in page
    assert "B: I buy another fence." in page
    assert "the choice is yours" in page
    refused = post(models, "/v1/decide/page", {"acts": ["I tell the truth."]})
    assert refused.status_code == 422


def test_settings_that_are_none_are_refused_by_their_place(models: Models) -> None:
    for query, place in (("lang=de", "/lang"), ("country=KOR", "/country"), ("reasons=perhaps", "/reasons")):
        problem = post(models, f"/v1/analyze/page?{query}", {"text": TEXT})
        assert problem.status_code == 422
        assert problem.json()["errors"][0]["pointer"] == place
    assert post(models, "/v1/analyze/page?model=none", {"text": TEXT}).status_code == 404
    assert get(models, "/runs").status_code == 404
