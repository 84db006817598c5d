"""The report in a real headless Chromium: all there, nothing outside its place, nothing fetched."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from redheart_core.report.page import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=3000",
)
GROUPS = {
    "backbone": ("backbone", "emotion_head", "bentham_head"),
    "neural_regret": ("neural_regret",),
    "후회_분석기": ("후회_분석기",),
    "a_rather_long_group_name_of_a_third_party": ("third_party",),
    "waves": ("waves",),
}
MEASURE = """
<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe src="report.html" style="border:0;width:WIDTHpx;height:900px"></iframe><pre></pre>
<script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument, box = (e) => e.getBoundingClientRect();
  const inside = (e) => { for (let p = e; p; p = p.parentElement) if (p.className === "scroll") return true; };
  const overlaps = [];
  for (const svg of page.querySelectorAll("figure svg, #heat-map svg")) {
    const texts = [...svg.querySelectorAll("text")].map(box);
    texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) overlaps.push(svg.getAttribute("aria-label"));
    }));
  }
  const cut = [...page.querySelectorAll("figure svg, #heat-map svg")].filter((svg) => [...svg.querySelectorAll("text")]
    .some((t) => box(t).left < box(svg).left - 1 || box(t).right > box(svg).right + 1));
  document.querySelector("pre").textContent = JSON.stringify({
    inner: page.documentElement.clientWidth,
    content: page.documentElement.scrollWidth,
    svgs: [...page.querySelectorAll("svg")].map((e) => [box(e).width, box(e).height]),
    figures: [...page.querySelectorAll("figure svg, #heat-map svg")].map((e) => e.getAttribute("aria-label")),
    outside: [...page.body.querySelectorAll("*")].filter((e) => !inside(e) && !e.closest("svg")
      && box(e).right > page.documentElement.clientWidth + 1).map((e) => e.tagName + " " + e.textContent.slice(0, 40)),
    overlaps,
    cut: cut.map((e) => e.getAttribute("aria-label")),
    headings: [...page.querySelectorAll("h2")].map((e) => e.textContent),
    text: page.body.innerText,
    paper: getComputedStyle(page.body).backgroundColor,
    ink: getComputedStyle(page.body).color,
    empty: [...page.querySelectorAll("figure svg, #heat-map svg")]
      .filter((svg) => ![...svg.querySelectorAll("path, use, rect, circle")]
        .some((e) => box(e).width * box(e).height > 4))
      .map((e) => e.getAttribute("aria-label")),
    align: [...new Set([...page.querySelectorAll("td.number")].map((e) => getComputedStyle(e).textAlign))],
    styles: page.styleSheets.length,
    fetched: page.defaultView.performance.getEntriesByType("resource").map((e) => e.name),
  });
};
</script>
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def report(write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    made = write_run(
        folder / "made_up", GROUPS, epochs=30, stopped={"waves": 5}, calculators=("calculus",), weak=("backbone",)
    )
    write_report(made.path, folder / "report.html", made.model)
    return folder / "report.html"


def browse(page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    profile = page.parent / "profile"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def measure(report: Path, width: int, *arguments: str) -> dict[str, Any]:
    """Sizes and texts as the browser lays them out in a frame of that width."""
    wrapper = report.with_name(f"measure-{width}.html")
    wrapper.write_text(MEASURE.replace("WIDTH", str(width)), encoding="utf-8")
    result = browse(wrapper, "--dump-dom", "--window-size=1400,1000", *arguments)
    found = re.search(r"<pre>(.+)</pre>", result.stdout, re.DOTALL)
    assert found, result.stderr
    values: dict[str, Any] = json.loads(unescape(found[1]))
    return values


@pytest.mark.parametrize("width", [1280, 390])
def test_everything_is_drawn_and_stays_in_its_place(report: Path, width: int) -> None:
    page = measure(report, width)
    assert page["inner"] == width
    assert page["content"] <= width
    assert page["outside"] == []
    assert page["overlaps"] == []
    assert page["cut"] == []
    assert page["empty"] == []
    assert all(min(size) > 5 for size in page["svgs"])
    main_metrics, gains, reliable, confused, swept, calibrated = 6, 2, 4, 2, len(GROUPS) - 1, 3
    plots = main_metrics + gains + reliable + confused + swept + calibrated
    assert len(page["figures"]) == 2 * len(GROUPS) + len(("heat map", "cost")) + plots
    assert all(page["headings"])
    assert len(set(page["headings"])) == len(page["headings"])
    for text in ("후회_분석기", "Group waves stopped after 5 epochs", "Not better than the constant predictor"):
        assert text in page["text"]
    assert page["align"] == ["right"]
    assert page["styles"] == 1
    assert page["fetched"] == []


def test_dark_and_light_are_chosen_by_the_reader_and_both_are_legible(report: Path) -> None:
    light = measure(report, 1280)
    dark = measure(report, 1280, "--blink-settings=preferredColorScheme=0")
    assert luminance(light["paper"]) > 0.8 > 0.1 > luminance(dark["paper"])
    for page in (light, dark):
        low, high = sorted((luminance(page["paper"]), luminance(page["ink"])))
        assert (high + 0.05) / (low + 0.05) >= 7  # WCAG 2.2, contrast (enhanced)


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2.2, from 0 for black to 1 for white."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", color)]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_browser_has_nothing_to_complain_about(report: Path) -> None:
    assert "CONSOLE" not in browse(report, "--dump-dom").stderr


def test_the_page_would_refuse_to_fetch_anything(report: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.html"
    inserted = '<img src="http://127.0.0.1:9/x.png"><script>document.title = "ran"</script></main>'
    hostile.write_text(report.read_text(encoding="utf-8").replace("</main>", inserted), encoding="utf-8")
    result = browse(hostile, "--dump-dom")
    complaints = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    assert len(complaints) >= 2
    assert all("Content Security Policy" in line for line in complaints)
    assert "<title>redheart run made_up</title>" in result.stdout
