"""What every document promises of its blocks and links, and that a wrong page is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import click
import httpx
import pytest
from fenced_blocks import PAGES, ROOT, RUN, fenced_blocks
from followed_page import Reader

NOT_RUN = "<!-- not run: it takes long -->\n"
WRONG = {
    "an option that is not there": (
        NOT_RUN + "```sh\nredheart run --no-such-option\n```\n",
        "No such option",
    ),
    "a command that is not there": (NOT_RUN + "```sh\nredheart runn\n```\n", "has no command runn"),
    "an extra that is not there": (NOT_RUN + "```sh\npip install 'redheart[nothing]'\n```\n", "nothing"),
    "a program that nothing runs": ("```sh\nrm -rf notes\n```\n", "nothing here runs a command of rm"),
    "a program that nothing checks": (NOT_RUN + "```sh\nrm -rf notes\n```\n", "nothing here checks"),
    "a command that fails": ("```sh\nredheart plugins info nothing\n```\n", "nothing"),
    "another output": ("```console\n$ redheart --version\nredheart, version one\n```\n", "another output"),
    "another number": ("```console\n$ redheart --version\nredheart, version 7.1.0\n```\n", "shows 7.1"),
    "Python that fails": ("```python\nprint(unknown)\n```\n", "name 'unknown' is not defined"),
    "Python that is no Python": (NOT_RUN + "```python\nprint(\n```\n", "was never closed"),
    "a comment above no block": (NOT_RUN + "\n```sh\nredheart\n```\n", "has to follow it directly"),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_wrong_page_is_noticed(why: str, tmp_path: Path) -> None:
    page, says = WRONG[why]
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    reader = Reader(tmp_path, lambda request: httpx.Response(500))
    refusals = (AssertionError, NameError, SyntaxError, ValueError, click.UsageError)
    with pytest.raises(refusals) as caught:
        reader.follow_page(tmp_path / "page.md")
    raised = caught.value
    assert says in (raised.message if isinstance(raised, click.UsageError) else str(raised))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_run_or_the_content_of_a_file_that_the_page_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in fenced_blocks(page):
        if block.file:
            assert f"`{block.file}`" in text, f"{block.where}: the page does not name the file {block.file}"
        else:
            assert block.language in (*RUN, "text"), f"{block.where}: {block.language!r} is no language of blocks"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_reference_names_every_json_schema_of_the_package() -> None:
    named = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = sorted(path.name for path in (ROOT / "registry" / "redheart").glob("*.schema.json"))
    assert found == ["analysis.schema.json", "decision.schema.json", "dilemma.schema.json"]
    assert [name for name in found if f"`{name}`" not in named] == []


def test_the_readme_is_one_screen_with_a_picture_and_its_test_command_is_the_one_that_is_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert re.search(r"!\[[^]]+\]\(docs/[\w.-]+\.(svg|png)\)", text)
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert run in text.splitlines()
