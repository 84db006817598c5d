"""A replay moves by CSS alone: in a real Chromium, under the content policy of the report, by keyboard too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded_episodes import recorded_episode

from redheart_core.report import episode as replays
from redheart_core.report.episode import replay
from redheart_core.runs.episode import Episode

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FOLDER = Path(replays.__file__).parent
POLICY = (FOLDER / "report.html.j2").read_text(encoding="utf-8").split('Content-Security-Policy" content="')[1]


def page_of(*episodes: Episode) -> str:
    """Replays on a page with the report's style and policy."""
    style, policy = (FOLDER / "report.css").read_text(encoding="utf-8"), POLICY.split('"')[0]
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>t</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="icon" href="data:,">'
        f"<style>{style}</style><main><h1>t</h1>"
        + "".join(replay(one, f"replay-{number}") for number, one in enumerate(episodes))
        + "</main></html>"
    )


class Tags(HTMLParser):
    """All text, and the tags that are left open or fetch something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""
        self.names: list[str] = []
        self.feed(str(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag != "input":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words += data


def test_it_is_whole_html_without_scripts_and_says_what_happened_and_what_was_got() -> None:
    page = Tags(replay(recorded_episode(), "replay"))
    assert page.open == []
    assert {"script", "img", "a", "iframe"} & set(page.names) == set()
    assert "Step 2 of 4. moment <2>. Return so far: ann 2.000, ben & co -1.000." in " ".join(page.words.split())
    assert "valence" in page.words
    assert "landmark 0" in page.words


def test_a_long_episode_is_shown_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_FRAMES", 3)
    page = Tags(replay(recorded_episode(9), "replay"))
    assert "The first 2 of 9 steps." in page.words
    assert page.names.count("input") == 4
    assert "The first" not in Tags(replay(recorded_episode(2), "replay")).words


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    pytest.importorskip("playwright", reason="needs redheart[dev]")
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("replay") / "page.html"
    path.write_text(page_of(recorded_episode(), recorded_episode(2, said=False)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 390, "height": 900})
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.goto(path.as_uri())
        yield opened
        assert complaints == []
        browser.close()


def place(page: Page, point: int, key: str = "replay-0") -> tuple[float, float]:
    """In coordinates of the episode."""
    box = page.locator(f"#{key} .point-{point}").bounding_box()
    frame = page.locator(f"#{key} rect.frame").bounding_box()
    assert box is not None
    assert frame is not None
    x, y = box["x"] + box["width"] / 2 - frame["x"], box["y"] + box["height"] / 2 - frame["y"]
    return 1.05 * (2 * x / frame["width"] - 1), 1.05 * (1 - 2 * y / frame["height"])


def said(page: Page) -> list[str]:
    return [one for one in page.locator("#replay-0 .said li").all_inner_texts() if one]


@pytest.mark.slow
def test_the_arrow_keys_go_through_the_steps_and_nothing_moves_before(page: Page) -> None:
    assert place(page, 0) == pytest.approx((0, 0), abs=0.02)
    assert said(page) == ["Step 0 of 4. moment <0>. Return so far: ann 0, ben & co 0."]
    page.keyboard.press("Tab")
    for step in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == f"Step {step}: moment <{step}>"
        assert place(page, 0) == pytest.approx((step / 4, 0), abs=0.02)
        assert place(page, 1) == pytest.approx((0, -step / 4), abs=0.02)
        assert place(page, 2) == pytest.approx((0.5, 0.5), abs=0.02)
        assert [one.split(" of ")[0] for one in said(page)] == [f"Step {step}"]
    assert page.locator("#replay-0").evaluate("e => e.getAnimations({subtree: true}).length") == 0
    assert place(page, 0, "replay-1") == pytest.approx((0, 0), abs=0.02)


@pytest.mark.slow
def test_play_moves_the_points_and_the_words_as_the_episode_went(page: Page) -> None:
    page.locator("#replay-0-play").focus()
    page.keyboard.press("Space")
    for at, step in ((0.3, 0.2), (1.8, 1.2), (5.25, 3.5), (6.3, 4), (7.2, 4)):
        page.locator("#replay-0").evaluate(
            "(e, at) => e.getAnimations({subtree: true}).forEach((a) => { a.pause(); a.currentTime = at * 1000; })",
            at,
        )
        assert place(page, 0) == pytest.approx((step / 4, 0), abs=0.02)
        assert [one.split(" of ")[0] for one in said(page)] == [f"Step {int(step)}"]


@pytest.mark.slow
def test_it_stays_within_a_narrow_page_and_is_accessible(page: Page) -> None:
    pytest.importorskip("axe_playwright_python", reason="needs redheart[dev]")
    from axe_playwright_python.sync_playwright import Axe

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:80]) for one in found] == []
