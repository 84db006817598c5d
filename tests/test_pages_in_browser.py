"""The pages in a real headless Chromium: typing, errors, Korean, a phone, dark, the keyboard alone, and axe-core."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("playwright", reason="needs redheart[dev]")
pytest.importorskip("axe_playwright_python", reason="needs redheart[dev]")
from served_models import loaded
from served_pages import CHROMIUM, Visit, ask, browsing, serious, serving

from redheart_core.contract.events import EpochFinished, RunFinished, RunStarted
from redheart_core.runs.event_log import EventLog
from redheart_server.access import Access
from redheart_server.keys import add_key
from redheart_server.served import Models

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

TEXT = "I told my neighbour the truth about the fence, and now he avoids me. I am sad about that."
WISH = "I told my neighbour the truth about the fence, and now I want to die."
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


@pytest.fixture(scope="module")
def runs(write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    groups = {"backbone": ("backbone",), "waves": ("waves",)}
    write_run(folder / "made_up", groups, epochs=30, stopped={"waves": 5})
    shutil.copytree(folder / "made_up", folder / "live")
    (folder / "live" / "events.jsonl").unlink()
    log = EventLog()
    log.redheart_before_run(RunStarted(folder / "live", tuple(groups), dict.fromkeys(groups, 30), {}))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[..., Visit]]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def visit(models: Models, runs: Path, browser: Callable[..., Visit]) -> Iterator[Callable[..., Visit]]:
    with serving(models, runs=runs) as address:
        yield lambda path, **options: browser(address + path, **options)


def says(page: Any, selector: str, words: str) -> None:
    """Wait until a part of the page has these words."""
    page.locator(selector, has_text=words).wait_for()


def fits(page: Any) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2.2, from 0 for black to 1 for white."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", color)[:3]]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def paper(page: Any) -> float:
    return luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_a_text_is_answered_with_drawn_intervals_and_coloured_sentences(visit: Callable[..., Visit]) -> None:
    opened = visit("/?details=1")
    page = ask(opened, TEXT)
    assert page.evaluate("document.activeElement.id") == "result-title"
    assert page.locator(".task").count() > 0
    assert page.locator("svg.track").count() > 0
    parts = page.locator(".reason >> nth=0").locator(".part").all_inner_texts()
    assert [re.sub(r" [+-]\d\.\d\d$", "", part) for part in parts] == [TEXT[:68], TEXT[69:]]
    assert page.locator("#details-title").is_visible()
    assert opened.complaints == []
    assert serious(page) == []


def test_the_text_is_in_no_address_and_nothing_is_kept_in_the_browser(visit: Callable[..., Visit]) -> None:
    opened = visit("/")
    page = ask(opened, TEXT)
    page.click("#settings > summary")
    page.select_option("#country", "KR")
    page.check("#details")
    link = page.url
    assert "neighbour" not in "".join(request.url for request in opened.requests) + link
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    again = visit(link.removeprefix(page.evaluate("location.origin"))).page
    assert again.input_value("#country") == "KR"
    assert again.is_checked("#details")
    assert again.input_value("#text") == ""
    assert {request.url.split("/")[2] for request in opened.requests} == {page.evaluate("location.host")}


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_what_is_not_answered_is_in_the_window_at_once_and_before_anything_else(
    visit: Callable[..., Visit], options: dict[str, Any]
) -> None:
    page = ask(visit("/", **options), "asdf qwer zxcv wuiop tzuio.")
    box, height = page.locator("#answer .box").first, page.viewport_size["height"]
    for _ in range(50):  # the window scrolls there
        place = box.bounding_box()
        if place["y"] + place["height"] <= height:
            break
        page.wait_for_timeout(100)
    assert 0 <= place["y"] <= height - place["height"]
    assert page.locator("#answer details .box").count() == 0
    boxes = page.locator("#answer .box").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    tasks = page.locator(".task, .reasons").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert max(boxes) < min(tasks, default=float("inf"))


def test_the_button_copies_a_link_with_the_settings_and_without_the_text(visit: Callable[..., Visit]) -> None:
    opened = visit("/", permissions=["clipboard-read", "clipboard-write"])
    page = ask(opened, TEXT)
    page.click("#settings > summary")
    page.select_option("#country", "KR")
    page.check("#details")
    page.uncheck("#reasons")
    page.click("#link")
    says(page, "#status", "The link is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    assert parse_qs(urlsplit(link).query) == {
        "lang": ["en"], "country": ["KR"], "details": ["1"], "reasons": ["0"],
    }  # fmt: skip
    again = visit(link.removeprefix(page.evaluate("location.origin"))).page
    kept = (again.input_value("#country"), again.is_checked("#details"), again.is_checked("#reasons"))
    assert kept == ("KR", True, False)
    assert again.input_value("#text") == ""
    page.evaluate(
        "() => { navigator.clipboard.writeText = async () => { throw new DOMException('', 'NotAllowedError'); }; }"
    )
    page.click("#link")
    says(page, "#status", "did not allow copying")
    assert opened.complaints == []


def test_in_a_crisis_there_is_help_and_no_number(visit: Callable[..., Visit]) -> None:
    opened = visit("/?country=GB")
    page = ask(opened, WISH)
    assert page.locator("#answer .help").is_visible()
    assert page.locator("a[href='tel:116123']").count() == 1
    assert page.locator("#answer .task, #answer .track, #answer .value").count() == 0
    assert serious(page) == []
    assert opened.complaints == []


def test_errors_are_said_in_words_and_the_text_stays(visit: Callable[..., Visit]) -> None:
    opened = visit("/")
    page = opened.page
    page.click("#send")
    assert "Write a text first" in page.inner_text("#trouble")
    assert page.evaluate("document.activeElement.id") == "text"
    page.fill("#text", "123 456")
    page.click("#send")
    says(page, "#trouble", "no letter")
    assert serious(page) == []
    page.route("**/v1/analyze/page*", lambda route: route.abort())
    page.click("#send")
    says(page, "#trouble", "does not answer")
    page.unroute("**/v1/analyze/page*")
    busy = {"status": 503, "headers": {"retry-after": "7"}, "content_type": "application/problem+json"}
    page.route("**/v1/analyze/page*", lambda route: route.fulfill(**busy, body='{"detail": "the queue is full"}'))
    page.click("#send")
    says(page, "#trouble", "in 7 s")
    assert page.input_value("#text") == "123 456"
    page.unroute("**/v1/analyze/page*")
    often = {**busy, "status": 429, "body": '{"detail": "your address may ask 6 times a minute"}'}
    page.route("**/v1/analyze/page*", lambda route: route.fulfill(**often))
    page.click("#send")
    says(page, "#trouble", "You have asked too often in a short time.")
    says(page, "#trouble", "your address may ask 6 times a minute")


def test_korean_is_spoken_to_who_reads_korean_and_the_text_goes_along(visit: Callable[..., Visit]) -> None:
    opened = visit("/", locale="ko-KR")
    page = opened.page
    assert page.inner_text("h1") == "글 분석해 보기"
    ask(opened, TEXT)
    assert page.inner_text("#result-title") == "답"
    assert "글의 언어: 영어" in page.inner_text("#answer")
    assert serious(page) == []
    page.fill("#text", "123")
    page.click("#send")
    says(page, "#trouble", "온전한 문장으로 써 주세요")
    assert len(opened.complaints) == 1  # Chromium names every response that is an error
    assert "status of 422" in opened.complaints.pop()
    page.fill("#text", TEXT)
    page.click("[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    assert page.input_value("#text") == TEXT
    assert page.evaluate("sessionStorage.length") == 0
    assert opened.complaints == []


@pytest.mark.parametrize("path", ["/", "/?mode=acts", "/runs?run=made_up"])
def test_everything_fits_on_a_phone(visit: Callable[..., Visit], path: str) -> None:
    opened = visit(path, **PHONE)
    page = opened.page
    if path == "/":
        ask(opened, TEXT)
    if "runs" in path:
        page.wait_for_selector("#run-title")
    assert fits(page)
    small = page.locator("button:visible, .modes label:visible, header nav a:visible").evaluate_all(
        "(found) => found.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML)"
    )
    assert small == []  # WCAG 2.2, target size (minimum)
    assert serious(page) == []
    assert opened.complaints == []


@pytest.mark.parametrize("path", ["/", "/runs?run=made_up"])
def test_dark_and_light_follow_the_system_until_the_reader_chooses(visit: Callable[..., Visit], path: str) -> None:
    opened = visit(path, color_scheme="dark")
    page = opened.page
    if path == "/":
        ask(opened, TEXT)
    else:
        page.wait_for_selector("#run-title")
    assert paper(page) < 0.1
    assert serious(page) == []
    page.select_option("#theme", "light")
    assert paper(page) > 0.8
    page.reload()
    assert paper(page) > 0.8
    assert opened.complaints == []


def test_the_keyboard_alone_does_everything(visit: Callable[..., Visit]) -> None:
    page = visit("/").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for key in ("Tab", "ArrowRight", "Tab", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("I tell him the truth.")
    page.keyboard.press("Tab")
    page.keyboard.type("I buy another fence.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.id") == "act-2"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#acts textarea").count() == 2
    page.focus("#act-1")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result-title")
    assert "A: I tell him the truth." in page.inner_text("#answer")
    assert serious(page) == []


def test_a_run_is_followed_while_it_trains(visit: Callable[..., Visit], runs: Path) -> None:
    opened = visit("/runs")
    page = opened.page
    page.click("[data-run=live]")
    page.wait_for_selector("#run-title .running")
    says(page, "#live", "Live:")
    log = EventLog()
    log.file = runs / "live" / "events.jsonl"
    log.redheart_after_epoch(EpochFinished("backbone", 1, 30, 1.0, 0.5, {}, 1e-3, 0.1))
    log.redheart_after_run(RunFinished(runs / "live", ()))
    page.wait_for_selector("#run-title .finished")
    says(page, "#live", "ended")
    page.go_back()
    page.wait_for_selector("#run-title", state="detached")
    assert opened.complaints == []


def test_a_run_shows_curves_a_heat_map_and_plugins(visit: Callable[..., Visit]) -> None:
    opened = visit("/runs?run=made_up")
    page = opened.page
    page.wait_for_selector("#run-title")
    assert page.locator("svg.plot").count() == 2
    assert page.locator("table.heat td.framed").count() == 2
    page.click("#plugins summary")
    assert page.locator("#plugins-body tbody tr").count() > 10
    assert serious(page) == []
    assert opened.complaints == []


def test_a_key_is_typed_and_forgotten(models: Models, browser: Callable[..., Visit], tmp_path: Path) -> None:
    token = add_key(tmp_path / "keys.json", "me", ["analyze"], 600)
    with serving(models, access=Access(tmp_path / "keys.json")) as address:
        page = browser(address).page
        page.fill("#text", TEXT)
        page.click("#send")
        says(page, "#trouble", "asks for a key")
        page.fill("#key", token)
        page.click("#send")
        page.wait_for_selector("#result-title")
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        page.reload()
        assert page.input_value("#key") == ""
        assert serious(page) == []
