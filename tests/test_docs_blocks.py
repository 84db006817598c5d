"""What every document promises of its blocks and links, and that a wrong page is noticed."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
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


REASONS = {
    "a package of 91 MB, and hours of training": 1,
    "a record is too few to train on": 1,
    "a test builds the site": 1,
    "belongs into a plugin": 1,
    "belongs into a test file of the plugin": 1,
    "encodes with a large model": 1,
    "follows a training until it is stopped": 1,
    "installs packages": 3,
    "makes an environment and downloads packages": 3,
    "makes an environment and passes every test": 1,
    "needs Node.js": 1,
    "needs a bucket": 1,
    "needs a cluster": 1,
    "needs a container engine": 1,
    "needs a run of some epochs": 1,
    "needs a server that runs": 1,
    "needs an endpoint; a test runs it with one of its own": 3,
    "needs redheart[lowbit]": 1,
    "needs the model of a whole run": 1,
    "needs the run above; a test of the plugin runs it on smaller windows": 1,
    "needs your file": 1,
    "needs your records": 1,
    "of a damaged run": 1,
    "passes every test, this one too": 1,
    "reads files that are not part of redheart": 1,
    "several machines": 1,
    "several processes": 1,
    "takes half a minute; a test of the plugin runs it on smaller windows": 1,
    "tests/test_export_edge.py runs it where neither torch nor redheart is installed": 1,
    "three texts are too few to train on": 1,
    "trains everything": 1,
    "trains everything with five seeds": 1,
    "trains for a long time": 1,
    "trains for minutes": 2,
    "trains many short runs": 1,
    "trains modules of a hundred million parameters": 1,
    "two rows are too few to train on": 1,
}
"""Why blocks are parsed and not run, but for the servers in them, and of how many that is so: nothing is left out
unnoticed."""


@pytest.mark.parametrize("why", WRONG)
def test_a_wrong_page_is_noticed(why: str, tmp_path: Path) -> None:
    page, says = WRONG[why]
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    reader = Reader(tmp_path, lambda request: httpx.Response(500), lambda folder, arguments: nullcontext())
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


def test_every_block_that_is_not_run_has_a_reason_of_the_list() -> None:
    found = Counter(block.not_run for page in PAGES for block in fenced_blocks(page) if block.not_run)
    assert found == REASONS


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
