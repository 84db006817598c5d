"""The written cases that are only measured: how many crises are missed, how often there is a false alarm.

Whoever changes the rules does not read these cases. Counts are printed, texts are not: pytest -s shows them.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from redheart_core.safety.signs import signs

FOLDER = Path(__file__).parent / "crisis"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_misses_and_false_alarms_on_the_measured_cases(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (FOLDER / f"measured_{language}.tsv").open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    cases_of = Counter(case["label"] for case in cases)
    found = Counter(case["label"] for case in cases if signs(case["text"]))
    crises = sum(number for label, number in cases_of.items() if label != "none")
    caught = sum(number for label, number in found.items() if label != "none")
    with capsys.disabled():
        print(f"\n{language}: {crises - caught} of {crises} crises missed, "
              f"{found['none']} false alarms on {cases_of['none']} others")  # fmt: skip
        print(", ".join(f"{label} {cases_of[label] - found[label]}/{cases_of[label]} missed"
                        for label in sorted(cases_of) if label != "none"))  # fmt: skip
