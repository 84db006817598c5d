"""A training in a process of its own, seen while it goes by a page of runs that was open before it began."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from front_door import SMALL, Finished
from own_process import started

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("playwright", reason="needs redheart[dev]")
from served_models import loaded
from served_pages import CHROMIUM, browsing, empty_folder, serving

from redheart_core.runs.event_log import Epoch, read_events
from redheart_server.pages import following

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

CURVE = "figure:has(strong:text-is('neural_regret')) polyline.validation"
GROWN = 3
"""So often the curve has to have become longer."""
OPTIONS = (*SMALL, "--epochs", "2000", "--disable", "emotion_head", "--disable", "neural_surd")
"""More epochs than anybody waits for: the test ends the training."""


def drawn(page: Any) -> list[str]:
    """The points of the curve on the page, none before there is a curve."""
    curve = page.locator(CURVE)
    return (curve.get_attribute("points") or "").split() if curve.count() else []


def test_a_page_that_is_open_lists_a_training_that_begins_and_its_curve_grows(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.1)
    runs = empty_folder(tmp_path / "runs")
    with serving(loaded(finished.model), runs=runs) as address, browsing() as visit:
        opened = visit(f"{address}/runs")
        page = opened.page
        page.locator("#list-body", has_text="redheart run -o").wait_for()
        with started("train", "-o", runs / "live", "--store", finished.store, *OPTIONS, cwd=tmp_path) as training:
            page.click("[data-run=live]")
            lengths = [0]
            while len(lengths) <= GROWN:
                assert training.running, training.wait().err
                page.wait_for_selector("#run-title .running")
                if (length := len(drawn(page))) != lengths[-1]:
                    assert length > lengths[-1]
                    lengths.append(length)
                page.wait_for_timeout(100)
            training.send(signal.SIGINT)
            training.wait()
        page.wait_for_selector("#run-title .interrupted")
        page.locator("#live", has_text="ended").wait_for()
        log = [one for one in read_events(runs / "live" / "events.jsonl") if isinstance(one, Epoch)]
        losses = [one.validation_loss for one in log if one.group == "neural_regret"]
        points = [tuple(map(float, point.split(","))) for point in drawn(page)]
        assert len(points) == len(losses) > lengths[-2]
        assert [x for x, _ in points] == sorted({x for x, _ in points})
        highest, lowest = losses.index(max(losses)), losses.index(min(losses))
        assert points[highest][1] == min(y for _, y in points)
        assert points[lowest][1] == max(y for _, y in points)
        assert opened.complaints == []
