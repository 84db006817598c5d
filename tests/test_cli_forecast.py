"""What `redheart forecast` prints and writes of numbers with intervals and of labels with sets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redheart.forecasting import Forecast, Point
from redheart_cli.forecast import _print, _write


def found(*points: Point) -> list[Forecast]:
    certainty = SimpleNamespace(records=83, alpha=0.1)
    fields = dict.fromkeys(point.field for point in points)
    answers = [SimpleNamespace(field=field, certainty=certainty) for field in fields]
    analysis: Any = SimpleNamespace(answers=answers, calibrated=True, warnings=())
    return [Forecast("", "2024-06-18", points, analysis)]


NUMBER = Point("2024-06-19", "next", "sales", 10.25, 8.5, 12.0)
LABELS = (
    Point("2024-06-19", "outcome", "busy", 0.02, None, None, in_set=False),
    Point("2024-06-19", "outcome", "storm", 0.07, None, None, in_set=True),
)


def test_sets_have_a_column_and_a_line_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    _print(found(NUMBER, *LABELS))
    header, *rows, of_numbers, of_sets = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header == ["time", "column", "value", "low", "high", "may", "be"]
    assert [row[-1] for row in rows] == ["-", "no", "yes"]
    assert " ".join(of_numbers).startswith("next: low and high hold what comes in 90% of windows like the 83")
    assert " ".join(of_sets).startswith("outcome: a label that comes has a yes in 90% of windows")


def test_without_sets_nothing_is_said_of_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _print(found(NUMBER))
    assert "may be" not in capsys.readouterr().out
    _write(tmp_path / "a.csv", found(NUMBER))
    assert (tmp_path / "a.csv").read_text() == "series,time,column,value,low,high\n,2024-06-19,sales,10.25,8.5,12.0\n"
    _write(tmp_path / "b.csv", found(*LABELS))
    assert (tmp_path / "b.csv").read_text().splitlines()[1] == ",2024-06-19,busy,0.02,,,False"
