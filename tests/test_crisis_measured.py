"""The written cases that are only measured: how many crises are missed, how often there is a false alarm.

Whoever changes the rules does not read these cases: counts are printed, texts are not. What was wanted, 2 % of misses
and 10 % of false alarms, is not reached by words alone; the limits here are what is.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from redheart_core.safety.help import help_for_text

FOLDER = Path(__file__).parent / "crisis"
REACHED = {"en": (16, 12, 5), "ko": (18, 22, 12)}
"""Of 135 crises and 152 others: misses, false alarms, and those among them that are a block of help, not one line."""
ALONE = {"en": (62, 5), "ko": (59, 10)}
"""Of the same: for how many help stands alone, crises at least and others at most."""


@pytest.mark.parametrize("language", ["en", "ko"])
def test_misses_and_false_alarms_on_the_measured_cases(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (FOLDER / f"measured_{language}.tsv").open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    cases_of = Counter(case["label"] for case in cases)
    helps = [(case["label"], one) for case in cases if (one := help_for_text(case["text"])) is not None]
    found, lines = Counter(label for label, _ in helps), Counter(label for label, one in helps if one.doubtful)
    alone = Counter(label == "none" for label, one in helps if one.alone)
    missed = {label: cases_of[label] - found[label] for label in cases_of if label != "none"}
    crises = len(cases) - cases_of["none"]
    with capsys.disabled():
        print(
            f"\n{language}: {sum(missed.values())} of {crises} crises missed, "
            f"{lines.total() - lines['none']} others get one line; "
            f"{found['none']} false alarms on {cases_of['none']} others, {lines['none']} of them one line; "
            f"help stands alone for {alone[False]} and {alone[True]}; "
            + ", ".join(f"{label} {missed[label]}/{cases_of[label]}" for label in sorted(missed))
        )
    misses, alarms, blocks = REACHED[language]
    assert sum(missed.values()) <= misses
    assert found["none"] <= alarms
    assert found["none"] - lines["none"] <= blocks
    assert alone[False] >= ALONE[language][0]
    assert alone[True] <= ALONE[language][1]
