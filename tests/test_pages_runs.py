"""The page of runs, without a browser: what it says is what the files say, and events follow the log."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.events import EpochFinished, RunFinished, RunStarted
from redheart_core.runs.event_log import EventLog, EventReader, read_events
from redheart_core.runs.read_status import read_status
from redheart_server.access import Access
from redheart_server.keys import add_key
from redheart_server.pages import following
from redheart_server.pages.run_view import heat_rows, size_words
from redheart_server.run_folder import bytes_by_part
from redheart_server.served import Models
from redheart_server.state import State

GROUPS = {"backbone": ("backbone",), "waves": ("waves",), "후회_분석기": ("후회_분석기",)}
GUARDED = [
    ("POST", "/v1/analyze/page", "analyze"),
    ("POST", "/v1/decide/page", "decide"),
    ("GET", "/v1/page/runs", "read"),
    ("GET", "/v1/runs/made_up/page", "read"),
    ("GET", "/v1/runs/made_up/events", "read"),
    ("GET", "/v1/plugins/page", "read"),
]


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


@pytest.fixture(scope="module")
def runs(write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "made_up", GROUPS, epochs=8, stopped={"waves": 3})
    (folder / "no run").mkdir()
    return folder


def get(models: Models, runs: Path, path: str, access: Access | None = None, **headers: str) -> httpx.Response:
    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.get(path, headers=headers)

    return asked(models, ask, access=access, runs=runs)


def shown(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_the_list_names_each_run_with_its_state_and_a_damaged_one_with_the_reason(
    models: Models, runs: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(runs, folder)
    shutil.copytree(folder / "made_up", folder / "<b>hurt")
    (folder / "<b>hurt" / "run.json").write_text("{}")
    page = get(models, folder, "/v1/page/runs")
    status = read_status(folder / "made_up", datetime.now(UTC))
    done, planned = sum(one.done for one in status.groups), sum(one.planned for one in status.groups)
    assert f"made_up finished {len(GROUPS)} " in shown(page)
    assert f"{done}/{planned}" in shown(page)
    assert "<b>hurt damaged" in shown(page)
    assert "run.json is damaged" in shown(page)
    assert "<b>" not in page.text
    assert "no run" not in shown(page)


def test_an_empty_folder_says_how_to_begin(models: Models, tmp_path: Path) -> None:
    assert "redheart run -o" in shown(get(models, tmp_path, "/v1/page/runs"))


def test_a_folder_that_is_a_run_is_shown_as_one(models: Models, runs: Path) -> None:
    assert "made_up finished" in shown(get(models, runs / "made_up", "/v1/page/runs"))


def test_a_run_has_a_curve_for_each_group_and_a_cell_for_each_epoch(models: Models, runs: Path) -> None:
    page = get(models, runs, "/v1/runs/made_up/page")
    status = read_status(runs / "made_up", datetime.now(UTC))
    assert page.text.count('class="plot"') == len(GROUPS)
    for group in status.groups:
        assert f"{group.epochs[-1].validation_loss:.4f}" in page.text
        points = re.search(
            rf'Losses of {group.name} by epoch.*?class="validation" points="([^"]*)"', page.text, re.DOTALL
        )
        assert points
        assert len(points[1].split()) == len(group.epochs)
    rows = dict(heat_rows(status))
    for group in status.groups:
        losses = {epoch.epoch: epoch.validation_loss for epoch in group.epochs}
        cells = [cell for cell in rows[group.name] if cell is not None]
        assert {cell.epoch: cell.loss for cell in cells} == {number: f"{loss:.4f}" for number, loss in losses.items()}
        assert [cell.epoch for cell in cells if cell.best] == [min(losses, key=losses.__getitem__)]
    assert "waves stopped after 3 epochs" in shown(page)


def test_a_run_shows_its_crossover_its_rivals_and_where_its_bytes_are(models: Models, runs: Path) -> None:
    page = shown(get(models, runs, "/v1/runs/made_up/page"))
    for words in ("Common epoch", "greedy soup", "Mean skill", "events.jsonl"):
        assert words in page


def test_damage_of_one_file_hides_nothing_else(models: Models, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    (tmp_path / "runs" / "made_up" / "rivals.json").write_text("{}")
    page = shown(get(models, tmp_path / "runs", "/v1/runs/made_up/page"))
    assert "rivals.json is damaged" in page
    assert "Common epoch" in page


@pytest.mark.parametrize("name", ["none", "no%20run", "..", "%2e%2e", "..%2Fruns", "made_up%00"])
def test_no_other_folder_is_read(models: Models, runs: Path, name: str) -> None:
    for part in ("page", "events"):
        assert get(models, runs, f"/v1/runs/{name}/{part}").status_code == 404


def test_plugins_are_listed_with_their_health(models: Models, runs: Path) -> None:
    page = shown(get(models, runs, "/v1/plugins/page"))
    assert " active, " in page
    assert "village" in page


def test_pages_are_open_and_what_they_ask_for_needs_a_key_with_its_scope(
    models: Models, runs: Path, tmp_path: Path
) -> None:
    tokens = {scope: add_key(tmp_path / "keys.json", scope, [scope], 600) for scope in ("analyze", "decide", "read")}
    access = Access(tmp_path / "keys.json")

    async def ask(client: httpx.AsyncClient, state: State) -> None:
        for path in ("/", "/runs"):
            assert 'id="key"' in (await client.get(path)).text
        for method, path, scope in GUARDED:
            assert (await client.request(method, path)).status_code == 401
            for other, token in tokens.items():
                given = await client.request(method, path, headers={"authorization": f"Bearer {token}"})
                assert (given.status_code == 403) is (other != scope), (path, other)

    asked(models, ask, access=access, runs=runs)
    assert 'id="key"' not in get(models, runs, "/").text


def epoch(number: int) -> EpochFinished:
    return EpochFinished("waves", number, 9, 1.0, 0.5, {}, 1e-3, 0.1)


def begun(run: Path) -> EventLog:
    """A log whose process is this one."""
    (run / "events.jsonl").unlink()
    log = EventLog()
    log.redheart_before_run(RunStarted(run, ("waves",), {"waves": 9}, {"waves": 0}))
    return log


def test_a_reader_gives_what_has_come_since_and_waits_for_the_end_of_a_line(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "made_up", tmp_path / "run")
    log, reader = begun(tmp_path / "run"), EventReader(tmp_path / "run" / "events.jsonl")
    assert len(reader.read()) == 1
    assert reader.read() == []
    log.redheart_after_epoch(epoch(1))
    whole = reader.file.read_bytes()
    reader.file.write_bytes(whole[:-5])
    assert reader.read() == []
    reader.file.write_bytes(whole)
    assert reader.read() == read_events(reader.file)[1:]
    with reader.file.open("ab") as stream:
        stream.write(b'{"event": "unknown"}\n')
    with pytest.raises(CheckpointError, match=r"line 3 is damaged"):
        reader.read()


def test_events_follow_the_log_from_the_line_that_the_reader_has_until_the_training_is_over(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    run = tmp_path / "run"
    shutil.copytree(runs / "made_up", run)
    log = begun(run)
    log.redheart_after_epoch(epoch(1))

    async def follow(after: int) -> list[tuple[str, str, Any]]:
        found = []
        async for message in following.follow(run, after, threading.Event()):
            if message.startswith(b":"):
                continue
            fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
            if fields["id"] == "2":
                log.redheart_after_epoch(epoch(2))
            if fields["id"] == "3":
                log.redheart_after_run(RunFinished(run, ()))
        return found

    found = asyncio.run(follow(1))
    assert [one[:2] for one in found] == [
        ("2", "epoch finished"),
        ("3", "epoch finished"),
        ("4", "run finished"),
        ("4", "over"),
    ]
    assert found[1][2]["epoch"] == 2
    assert asyncio.run(follow(4)) == [("4", "over", {})]


def test_events_end_when_the_server_stops(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    shutil.copytree(runs / "made_up", tmp_path / "run")
    begun(tmp_path / "run")

    async def follow() -> list[bytes]:
        stopping = threading.Event()
        found = []
        async for message in following.follow(tmp_path / "run", 0, stopping):
            found.append(message)
            if message.startswith(b":"):
                stopping.set()
        return found

    assert len(asyncio.run(asyncio.wait_for(follow(), 20))) == 2


def test_bytes_are_counted_once_for_each_file_whatever_its_names(tmp_path: Path) -> None:
    (tmp_path / "groups").mkdir()
    (tmp_path / "groups" / "one").write_bytes(b"x" * 1000)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "one").hardlink_to(tmp_path / "groups" / "one")
    (tmp_path / "run.json").write_bytes(b"y" * 10)
    (tmp_path / "gone").symlink_to("nowhere")
    found = bytes_by_part(tmp_path)
    assert (found["groups"], found["model"], found["run.json"]) == (1000, 0, 10)


def test_sizes_have_a_unit_that_people_read() -> None:
    given = (0, 1, 999, 1000, 338_400, 999_999_999, 40_500_000_000)
    assert [size_words(one) for one in given] == ["0 B", "1 B", "999 B", "1 kB", "338 kB", "1000 MB", "40.5 GB"]
