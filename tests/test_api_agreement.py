"""The column of --details that says whether modules agree with the answer that was made of them."""

from __future__ import annotations

import attrs
import pytest
from test_api_page import LABELS, RATING, SHARES, analysis, answer, value

from redheart.analysis import DETAILS
from redheart_core import Field
from redheart_core.models.findings import Answer, LabelValue


def behind(field: Field, ours: LabelValue, *theirs: LabelValue) -> Answer:
    """An answer with one number, and what modules say of it."""
    made = answer(field, ours)
    members = tuple(
        attrs.evolve(made.finding, plugin=f"module {number}", values=(one,)) for number, one in enumerate(theirs)
    )
    return attrs.evolve(made, fused=True, members=members)


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "expected"),
    [
        (LABELS, (0.9, 2.0, 0.4), [(0.5, 0.0, 0.4), (0.3, 5.0, 0.4)], ["1/2", "agrees", "differs"]),
        (LABELS, (0.1, 0.0, 0.4), [(0.1, 0.0, 0.05), (0.3, 5.0, 0.4)], ["1/2", "differs", "agrees"]),
        (LABELS, (0.9, 2.0, 0.4), [(0.9, 2.0, None)], ["-", "-"]),
        (RATING, (2.0, -2.5, None), [(1.5, -1.0, None), (2.0, -0.9, None), (4.0, 2.0, None), (4.0, None, None)],
         ["1/3", "agrees", "differs", "differs", "-"]),
        (RATING, (2.0, 0.5, None), [(2.0, -0.5, None)], ["1/1", "agrees"]),
        (SHARES, (0.7, 1.2, None), [(0.9, 3.0, None), (0.1, -3.0, None)], ["1/2", "agrees", "differs"]),
        (RATING, (2.0, -2.5, None), [], ["-"]),
    ],
)  # fmt: skip
def test_modules_agree_that_claim_the_same(
    field: Field,
    ours: tuple[float, float | None, float | None],
    theirs: list[tuple[float, float | None, float | None]],
    expected: list[str],
) -> None:
    made = behind(field, value("joy", *ours), *[value("joy", *one) for one in theirs])
    rows = list(attrs.evolve(analysis(made), findings=(made.finding, *made.members)).details())
    assert [row[DETAILS.index("agreement")] for row in rows] == expected
    assert all(len(row) == len(DETAILS) for row in rows)


def test_what_is_not_behind_the_answer_has_no_agreement() -> None:
    made = behind(RATING, value("rating", 2.0, -2.5), value("rating", 1.0, -3.0))
    level = attrs.evolve(made.finding, plugin="module 0", output="level", values=(value("rating", 1.0, -3.0),))
    found = attrs.evolve(analysis(made), findings=(made.finding, *made.members, level))
    assert [row[-1] for row in found.details()] == ["1/1", "agrees", "-"]
    assert [row[-1] for row in attrs.evolve(found, answers=()).details()] == ["-", "-", "-"]
