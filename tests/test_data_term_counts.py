"""Stored counts of terms give the weights bit for bit and take little room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redheart_core.data.mapped import map_tensors
from redheart_core.data.term_counts import TermCounts, write_term_counts
from redheart_core.data.term_view import TermView, fit_terms

WORDS = (
    "calm",
    "kind",
    "late",
    "cruel",
    "brave",
    "poor",
    "rich",
    "lost",
    "found",
    "broken",
    "비가",
    "친구는",
    "말했다",
)


def made_up(count: int = 300, seed: int = 0, length: int = 25) -> list[str]:
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, draw.integers(1, length)).tolist()) for _ in range(count)]


@pytest.fixture(scope="module")
def view() -> TermView:
    found = fit_terms(made_up(), 2000)
    assert found is not None
    return found


def written(folder: Path, view: TermView, texts: list[str]) -> TermCounts:
    done: list[int] = []
    write_term_counts(folder / "terms", view, iter(texts), folder, done.append)
    assert done[-1] == len(texts)
    return TermCounts(folder / "terms", view)


def test_weights_are_those_of_the_texts_bit_for_bit_in_any_order(tmp_path: Path, view: TermView) -> None:
    texts = [*made_up(2500, seed=1), "nothing known", "calm " * 3, " ".join(["calm", "kind"] * 400)]
    counts = written(tmp_path, view, texts)
    rows = np.array([2502, 7, 2500, 7, 2501, 1999, 2000])
    expected = view.weigh([texts[row] for row in rows])
    found = counts.weights(rows)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert np.array_equal(found.toarray(), expected.toarray())
    assert map_tensors(tmp_path / "terms")["sizes"].dtype == np.uint16
    assert counts.weights(np.empty(0, np.int64)).shape == (0, view.size)


def test_columns_that_lie_far_apart_or_at_the_ends_are_kept(tmp_path: Path) -> None:
    words = [f"{first}{second}{third}" for first in "abcdefgh" for second in "ijklmnop" for third in "qrstuvwx"]
    view = fit_terms([" ".join(words)] * 3, 100_000)
    assert view is not None
    assert view.size > 5 * 256
    words = sorted(words)
    texts = [
        "",
        words[0],
        words[-1],
        "",
        f"{words[0]} {words[-1]}",
        " ".join(words),
        " ".join(words[::97]),
        f"{words[0]} " * 7,
    ]
    counts = written(tmp_path, view, texts)
    rows = np.array([0, 7, 6, 5, 4, 3, 2, 1, 1, 0])
    expected = view.weigh([texts[row] for row in rows])
    assert np.array_equal(counts.weights(rows).toarray(), expected.toarray())
    assert counts.sizes(rows)[[0, 5, 9]].tolist() == [0, 0, 0]


def test_texts_that_hold_no_term_twice_have_weights_too(tmp_path: Path, view: TermView) -> None:
    counts = written(tmp_path, view, ["calm", "kind"])
    expected = view.weigh(["kind", "calm"])
    assert np.array_equal(counts.weights(np.array([1, 0])).toarray(), expected.toarray())


def test_counts_take_less_than_five_times_the_text(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    letters = list("abcdefghijklmnoprstuvwy")
    words = ["".join(draw.choice(letters, draw.integers(3, 10))) for _ in range(5000)]
    texts = [" ".join(words[int(5000 * place**3)] for place in draw.random(25)) for _ in range(3000)]
    view = fit_terms(texts, 20_000)
    assert view is not None
    written(tmp_path, view, texts)
    assert (tmp_path / "terms").stat().st_size < 5 * sum(len(text.encode()) for text in texts)
