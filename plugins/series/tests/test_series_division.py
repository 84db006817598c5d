"""Nothing of training stems from behind its cut, whatever the steps, gaps and planted leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redheart_core import Record
from redheart_core.contract.data import SPLITS
from redheart_series.dataset import fields, records
from redheart_series.settings import SeriesSettings
from redheart_series.table import read_table
from redheart_series.windows import divide, gap_of, span

BEHIND = 1e6
"""From here on are the numbers that stem from behind the cut of training."""


def irregular(folder: Path, seed: int) -> tuple[SeriesSettings, float]:
    """Random series of irregular steps with missing numbers, of which every number behind a cut is above BEHIND; the
    covariate `leak` is the target of the next step, and `known` that of the same one. Returns the settings and the cut.
    """
    draw = np.random.default_rng(seed)
    lines, times = ["time,who,y,leak,known,kind,amount"], []
    cut = float(draw.integers(300, 500))
    for who in "abc"[: draw.integers(1, 4)]:
        rows = int(draw.integers(150, 250))
        moments = np.cumsum(draw.choice([1.0, 2.0, 5.0], rows)) * 2.0
        y = draw.normal(size=rows + 1) + np.where(np.append(moments, np.inf) > cut, BEHIND * 10, 0.0)
        times.append(moments)
        for row, moment in enumerate(moments):
            there = "" if draw.random() < 0.05 else f"{y[row]:.4f}"
            kind = "ab"[int(draw.integers(2))]
            lines.append(f"{moment:g},{who},{there},{y[row + 1]:.4f},{y[row]:.4f},{kind},{y[row]:.4f}")
    path = folder / f"{seed}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    later = np.sort(np.concatenate(times))
    later = later[later > cut]
    settings = SeriesSettings(
        files=(path,),
        groups=("who",),
        targets=("y",),
        covariates=("leak",),
        known=("known",),
        classes=("kind",),
        quantities=("amount",),
        ahead=int(draw.integers(0, 3)),
        context=int(draw.integers(2, 12)),
        horizon=int(draw.integers(1, 6)),
        stride=int(draw.integers(1, 4)),
        gap=None if draw.random() < 0.5 else int(draw.integers(0, 4)),
        cuts=(f"{cut:g}", f"{later[len(later) // 3]:g}", f"{later[2 * len(later) // 3]:g}"),
    )
    return settings, cut


def numbers_of(record: Record) -> np.ndarray[Any, np.dtype[np.float64]]:
    """All numbers that a record holds."""
    arrays = [value.ravel() for value in record.values.values() if isinstance(value, np.ndarray)]
    return np.concatenate(arrays)


@pytest.mark.parametrize("seed", range(8))
def test_training_holds_no_number_from_behind_its_cut(seed: int, tmp_path: Path) -> None:
    settings, _ = irregular(tmp_path, seed)
    given = list(records(settings))
    for record in given:
        behind = bool((np.nan_to_num(numbers_of(record)) > BEHIND).any())
        assert not behind or record.split != "train", record.id
        if record.split != "train":
            assert np.asarray(record.values["known"]).min() > BEHIND
    for field in fields(settings):
        assert all(abs(number) < BEHIND for number in (*field.mean, *field.std, *field.step)), field.name


@pytest.mark.parametrize("seed", range(8))
def test_no_step_is_learnt_in_two_splits_and_a_gap_lies_between(seed: int, tmp_path: Path) -> None:
    settings, _ = irregular(tmp_path, seed)
    table = read_table(settings)
    first, last = span(settings)
    learnt = {split: dict[str, set[int]]() for split in SPLITS}
    for window in divide(table).windows:
        steps = range(window.origin + first, window.origin + last + 1)
        learnt[window.split].setdefault(window.series.name, set()).update(steps)
    for place, split in enumerate(SPLITS):
        for name, own in learnt[split].items():
            for later in SPLITS[place + 1 :]:
                others = learnt[later].get(name)
                assert others is None or max(own) + gap_of(settings) < min(others)


def test_windows_that_were_shuffled_would_leak_where_these_do_not(tmp_path: Path) -> None:
    """The check itself finds what a random division does, so that it can fail."""
    settings, _ = irregular(tmp_path, 1)
    given = list(records(settings))
    order = np.random.default_rng(0).permutation(len(given))
    shuffled = [given[place].split for place in order]
    leaks = [
        record.id
        for record, split in zip(given, shuffled, strict=True)
        if split == "train" and (np.nan_to_num(numbers_of(record)) > BEHIND).any()
    ]
    assert leaks


def test_what_stands_behind_the_cut_changes_nothing_of_training(tmp_path: Path) -> None:
    settings, cut = irregular(tmp_path, 3)
    (path,) = settings.files
    before = [one for one in records(settings) if one.split == "train"], fields(settings)
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [
        line if not number or float(line.split(",")[0]) <= cut else ",".join([*line.split(",")[:2], "7,7,7,a,7"])
        for number, line in enumerate(lines)
    ]
    # the leak of the last step before the cut stems from behind it, and no window of training holds it
    changed = [line.replace(line.split(",")[3], "7") if _knows_too_much(line, cut) else line for line in changed]
    path.write_text("\n".join(changed) + "\n", encoding="utf-8")
    after = [one for one in records(settings) if one.split == "train"], fields(settings)
    assert before == after


def _knows_too_much(line: str, cut: float) -> bool:
    cells = line.split(",")
    return cells[0] != "time" and float(cells[0]) <= cut and abs(float(cells[3])) > BEHIND


def test_shares_cut_by_rows_and_the_default_gap_is_the_horizon(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("time,y\n" + "".join(f"{step},{step % 7}\n" for step in range(100)), encoding="utf-8")
    settings = SeriesSettings(files=(path,), targets=("y",), context=4, horizon=3, cuts=(0.5, 0.7, 0.85))
    table = read_table(settings)
    division = divide(table)
    assert division.ends == (49.0, 69.0, 84.0)
    origins = {split: [one.origin for one in division.windows if one.split == split] for split in SPLITS}
    assert [(some[0], some[-1]) for some in origins.values()] == [(3, 46), (52, 66), (72, 81), (87, 96)]
