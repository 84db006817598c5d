"""The documentation site: built from the repository alone, it is whole and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest
from fenced_blocks import ROOT

OUTSIDE = re.compile(r"(?:https?:)?//")
STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
NAMES = {"redheart.load": "api", "redheart.Model.analyze": "api", "redheart_core.NodeSpec": "contract"}
"""Some of what the reference has to explain, and on which page."""


@attrs.define
class Resources(HTMLParser):
    """What a browser loads for a page by itself; links that a reader may follow are none."""

    found: list[str] = attrs.field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        wanted = [given.get(name, "") for name in ("src", "srcset", "poster", "data")]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "author"):
            wanted.append(given.get("href", ""))
        self.found += [value for value in (*wanted, *style_resources(given.get("style", ""))) if value]


def resources(page: str) -> list[str]:
    """Addresses that a page loads."""
    parser = Resources()
    parser.feed(page)
    styles = "".join(re.findall(r"<style.*?>(.*?)</style>", page, re.DOTALL))
    return [*parser.found, *style_resources(styles)]


def style_resources(style: str) -> list[str]:
    """Addresses that a style sheet loads."""
    return [one or other for one, other in STYLE.findall(style)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="needs redheart[docs]")
    pytest.importorskip("mkdocstrings_handlers.python", reason="needs redheart[docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_page_and_the_public_names(site: Path) -> None:
    """--strict has found every link, anchor and docstring, and every page in the navigation."""
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in site.glob("*.html")}
    for name, page in NAMES.items():
        assert f'id="{name}"' in (site / f"{page}.html").read_text(encoding="utf-8")


def test_the_site_loads_nothing_from_outside(site: Path) -> None:
    loaded = {
        **{path: resources(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")},
        **{path: style_resources(path.read_text(encoding="utf-8")) for path in site.rglob("*.css")},
    }
    assert sum(map(len, loaded.values())) > len(loaded)
    assert [(path.name, one) for path, found in loaded.items() for one in found if OUTSIDE.match(one)] == []


def test_what_a_page_loads_is_recognized() -> None:
    page = """<link rel="stylesheet" href="https://a/b.css"><script src="//c/d.js"></script><img srcset="e.png">
    <p style="background: url('https://f/g.png')"><style>@import "https://h"; a { b: url(i.woff) }</style>
    <a href="https://j">a link</a><link rel="canonical" href="https://k">"""
    assert resources(page) == ["https://a/b.css", "//c/d.js", "e.png", "https://f/g.png", "https://h", "i.woff"]
