"""The conformance checks of an explanation fail by name, each for its own reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from redheart_core import EXPLANATION_KINDS, ExplainedText, ExplanationSpec, PluginError, Reason, ReasonRow
from redheart_core.discovery.entries import Entry
from redheart_core.testing.checks import EXPLANATION_CHECKS
from redheart_core.testing.plugin import Plugin
from redheart_core.testing.runner import run_checks, title

CALLS: list[int] = []


def whole(text: ExplainedText) -> list[Reason]:
    """All of the regret is because of the whole text."""
    if "regret" not in text.answers:
        return []
    value = float(text.answers["regret"].value[0])
    return [Reason("regret", "regret", 0.25, value, (ReasonRow(text.text, value - 0.25),))]


def changed(**changes: Any) -> Callable[[ExplainedText], list[Reason]]:
    return lambda text: [attrs.evolve(one, **changes) for one in whole(text)]


def every_call_another(text: ExplainedText) -> list[Reason]:
    CALLS.append(1)
    usual = 0.01 * (len(CALLS) % 7)
    return [attrs.evolve(one, usual=usual, rows=(ReasonRow("a", one.value - usual),)) for one in whole(text)]


def needs_regret(text: ExplainedText) -> list[Reason]:
    assert "regret" in text.answers, "regret is always there"
    return whole(text)


def results(explain: Callable[[ExplainedText], Sequence[Any]], kind: str = "shares") -> dict[str, tuple[str, str]]:
    """Check to status and message."""
    spec = ExplanationSpec("made_up", "by the whole text", "because of", explain, kind, ("regret",))
    entry = Entry("made_up", "made_up", "made-up", "1.0")
    found = run_checks(Plugin("made_up", "explanation", spec, entry))
    checks = {title(check) for check in EXPLANATION_CHECKS}
    return {one.check: (one.status, one.message) for one in found if one.check in checks}


def test_one_that_keeps_the_contract_passes() -> None:
    assert {status for status, _ in results(whole).values()} == {"passed"}


@pytest.mark.parametrize(
    ("explain", "kind", "says"),
    [
        (changed(rows=(ReasonRow("a", 9.0),)), "shares", "its rows add 9, and value - usual is"),
        (changed(value=7.0), "shares", "and the reason says 7"),
        (changed(usual=float("nan")), "shares", "a number is infinite or NaN"),
        (changed(label="glee"), "shares", "there is no such number (numbers: regret)"),
        (changed(field="emotion"), "shares", "it explains regret, of which"),
        (changed(turning=(4,)), "shares", "'turning' holds places of some of its 1 rows"),
        (lambda text: [*whole(text), *whole(text)], "shares", "it is explained twice"),
        (whole, "calculation", "rows of a calculation have a value and a factor"),
        (
            lambda text: [attrs.evolve(one, rows=(attrs.evolve(one.rows[0], factor=1.0),)) for one in whole(text)],
            "shares",
            "are for a calculation; declare its kind",
        ),
        (lambda _: ["because"], "shares", "has to give a list of Reason"),
        (lambda _: [], "shares", "it explains nothing of regret"),
    ],
)
def test_reasons_that_are_wrong_are_named(
    explain: Callable[[ExplainedText], Sequence[Any]], kind: str, says: str
) -> None:
    status, message = results(explain, kind)["reasons"]
    assert status == "failed"
    assert "made_up" in message
    assert says in message


def test_one_that_changes_its_mind_and_one_that_cannot_do_without_an_answer_are_found() -> None:
    assert results(every_call_another)["same reasons twice"][0] == "failed"
    status, message = results(needs_regret)["missing numbers"]
    assert status == "failed"
    assert "regret is always there" in message


def test_there_are_two_kinds_and_no_other() -> None:
    assert EXPLANATION_KINDS == ("shares", "calculation")
    with pytest.raises(ValueError, match="kind"):
        ExplanationSpec("made_up", "", "", whole, "stars")


def test_a_function_is_imported_when_it_is_called_and_its_absence_names_the_plugin() -> None:
    spec = ExplanationSpec("made_up", "", "", "redheart_core.nothing:explain")
    with pytest.raises(PluginError, match=r"plugin 'made_up': the builder 'redheart_core\.nothing:explain'"):
        spec.explain(None)  # type: ignore[arg-type] # it is not called
