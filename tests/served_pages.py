"""A server on loopback and a real browser, for the tests of pages."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from redheart_server.app import make_app
from redheart_server.process import Address, configured, listen
from redheart_server.served import Models
from redheart_server.settings import Limits

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


@contextmanager
def serving(models: Models, **options: Any) -> Iterator[str]:
    """The address of a server in a thread of this process, with the options of make_app."""
    app, state = make_app(models, Limits(), **options)
    listening = listen(Address("127.0.0.1", 0))
    server = uvicorn.Server(configured(app, Limits()))
    thread = threading.Thread(target=server.run, args=([listening],), name="pages")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server has ended"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        state.stopping.set()
        server.should_exit = True
        thread.join()
        listening.close()


class Visit:
    """A page that is open in the browser, and everything that the browser complained about."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[Any] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request))


@contextmanager
def browsing() -> Iterator[Callable[..., Visit]]:
    """Opens pages: an address, and what Playwright calls the options of a context."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

        def visit(address: str, **options: Any) -> Visit:
            context = browser.new_context(**{"locale": "en-US", **options})
            context.set_default_timeout(20_000)
            opened = Visit(context.new_page())
            opened.page.goto(address)
            return opened

        try:
            yield visit
        finally:
            browser.close()


def ask(visit: Visit, text: str) -> Any:
    """Type a text, ask, and wait for the answer."""
    visit.page.fill("#text", text)
    visit.page.click("#send")
    visit.page.wait_for_selector("#result-title")
    return visit.page


def serious(page: Any) -> list[str]:
    """What axe-core finds that is serious or critical, by WCAG 2.2 AA and its best practices."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']:.200}" for one in found if one["impact"] in ("serious", "critical")]


def empty_folder(path: Path) -> Path:
    """A folder without a run."""
    path.mkdir()
    return path
