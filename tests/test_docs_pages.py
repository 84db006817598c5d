"""Every command and snippet of the documents does what its page says, in the order of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fenced_blocks import PAGES
from followed_page import Reader
from front_door import succeed

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_lines import ServedLines, load_installed_models_once, served_lines
from served_models import asked, loaded

SMALL = """
active = ["village", "csv", "jsonl", "lsa", "backbone", "regret_head", "linear", "stacking_fusion"]
[data]
dataset = "village"
encoder = "lsa"
[training]
scale = "tiny"
epochs = 2
threads = 1
[plugins.village]
english = 120
korean = 60
[plugins.lsa]
width = 48
"""
"""A plugins.toml in the reader's folder, which comes before the shipped one: the same commands, done in seconds."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run that `redheart run` makes there."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "plugins.toml").write_text(SMALL, encoding="utf-8")
    succeed("run", cwd=folder)
    return folder


@pytest.fixture(autouse=True, scope="module")
def _installed_models_are_loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        load_installed_models_once(patch)
        yield


@pytest.fixture(scope="module")
def servers() -> Iterator[ServedLines]:
    with served_lines() as found:
        yield found


@pytest.fixture
def reader(home: Path, tmp_path: Path, servers: ServedLines) -> Reader:
    folder = tmp_path / "reader"
    shutil.copytree(home, folder)
    (folder / "site").mkdir()

    def ask(request: httpx.Request) -> httpx.Response:
        models = loaded(home / "runs" / "village" / "model")
        address = request.url.copy_with(scheme="http", host="test", port=None)
        return asked(
            models,
            lambda client, _: client.request(
                request.method, address, content=request.content, headers={"content-type": "application/json"}
            ),
        )

    return Reader(folder, ask, servers.serve)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_can_follow_the_page(page: Path, reader: Reader) -> None:
    reader.follow_page(page)


def test_a_server_that_does_not_come_up_is_noticed_and_the_next_one_serves(reader: Reader) -> None:
    page = reader.folder / "page.md"
    for line, says in (
        ("redheart serve nothing", "nothing holds no model"),
        ("redheart serve --keys no.json", "no.json"),
    ):
        page.write_text(f"```sh\n{line}\n```\n", encoding="utf-8")
        with pytest.raises(AssertionError, match=says):
            reader.follow_page(page)
    page.write_text("```sh\nredheart serve runs/village/model\n```\n", encoding="utf-8")
    reader.follow_page(page)
