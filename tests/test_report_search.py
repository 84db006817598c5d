"""The page of an automated choice of settings."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core.evaluation.additions import Addition
from redheart_core.evaluation.switching import Left
from redheart_core.exact.interval import Interval
from redheart_core.report.search_page import render_search
from redheart_core.tuning.auto import AutoResult
from redheart_core.tuning.choice import CandidateRow, GroupChoice, SettingRow
from redheart_core.tuning.choice_words import verdict
from redheart_core.tuning.cost import Cost
from redheart_core.tuning.rates import Difference

OWN = CandidateRow(-1, 0.5, Cost(3_000_000, 40_000, 1.5), {}, front=False)
FIRST = CandidateRow(0, 0.4, Cost(2_000_000, 30_000, 1.2), {"groups.calm.learning_rate": 0.0012345}, front=True)
CHOICE = GroupChoice(
    group="calm",
    tier=0,
    trials=2,
    stopped_early=0,
    failures={1: "a <b>reason</b>"},
    candidates=(OWN, FIRST),
    best=0,
    chosen=0,
    settings={},
    difference=Difference(-0.1, 0.02),
    corrected=Interval(-0.08, -0.1, -0.02),
    rows=(SettingRow("groups.calm.learning_rate", 0.9, 0.01), SettingRow("plugins.calm.reads.history", 0.1, None)),
)


def page(*groups: GroupChoice, off: tuple[Left, ...] = ()) -> str:
    return render_search(AutoResult(3, groups, Interval(-0.16, -0.2, -0.04)), off, Path("somewhere/run"))


def test_candidates_settings_and_the_verdict_are_shown() -> None:
    html = page(CHOICE)
    assert "redheart auto run" in html
    assert "1 group searched side by side, up to 3 candidates each" in html
    assert "2 candidates of 3, as the time was over; 0 stopped early, 1 failed." in html
    assert "Taken: candidate 0; the corrected gain is beyond noise." in html
    assert 'candidate 0 <span class="note">(taken)</span>' in html
    assert "learning_<wbr>rate&nbsp;=&nbsp;0.001234" in html
    assert html.index(">candidate 0") < html.index(">own settings"), "the lowest loss comes first"
    assert html.count("<svg") == 2
    assert "No group: each one adds something" in html


def test_a_gain_that_noise_may_explain_is_taken_as_the_likelier_and_says_so() -> None:
    slight = attrs.evolve(CHOICE, corrected=Interval(-0.01, -0.03, 0.02))
    assert verdict(slight)[-1] == "taken: candidate 0, as the likelier one; the corrected gain is not beyond noise"
    dearer = attrs.evolve(CHOICE, corrected=Interval(0.01, -0.02, 0.03))  # as --prefer cost may take it
    assert verdict(dearer)[-1] == "taken: candidate 0; the corrected gain is not beyond noise"


def test_what_a_plugin_says_is_text_and_no_markup() -> None:
    assert "candidate 1 failed: a &lt;b&gt;reason&lt;/b&gt;" in page(CHOICE)


def test_groups_that_are_left_out_stand_with_what_they_took_away() -> None:
    addition = Addition("idle", "regret", "fusion", 2, 50, 0.3, Interval(-0.01, -0.29, 0.28))
    html = page(CHOICE, off=(Left("idle", (addition,)),))
    assert "<td>regret</td>" in html
    assert "-0.2900 to +0.2800</span>" in html
    assert "No group: each one adds something" not in html


def test_a_group_without_a_finished_candidate_keeps_its_settings() -> None:
    bare = attrs.evolve(CHOICE, candidates=(OWN,), best=-1, chosen=-1, rows=())
    assert verdict(bare) == ["no candidate came to its end, so the group keeps its settings"]
    assert "No candidate came to its end, so the group keeps its settings." in page(bare)
    assert "<svg" not in page(bare)


def test_the_same_search_gives_the_same_bytes() -> None:
    assert page(CHOICE) == page(CHOICE)
