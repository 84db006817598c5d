"""What was chosen, compared and found out stands in the report as the run's files have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from report_page import Page, read, with_interval

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.exact.interval import Interval
from redheart_core.models.manifest import MODEL_MANIFEST, ExactnessCheck, ModelGroup, WeightsFile, read_manifest
from redheart_core.report.contents import GroupState
from redheart_core.report.page import write_report
from redheart_core.report.plots_training import closed_form, rate_deviation
from redheart_core.report.svg import fit, text_width
from redheart_core.report.words import gain, number, percent, signed
from redheart_core.runs.history import EpochRecord
from redheart_core.runs.manifest import GROUP_MANIFEST
from redheart_core.selection.common_epoch import relative_excess
from redheart_core.selection.names import NAMES
from redheart_core.selection.sweetspot import SWEETSPOT

NONE = "\N{EN DASH}"


@pytest.fixture(scope="module")
def shown(write_run: Callable[..., Any], groups: dict[str, tuple[str, ...]], tmp_path_factory: Any) -> Any:
    return write_run(tmp_path_factory.mktemp("shown") / "made_up", groups, epochs=8)


@pytest.fixture(scope="module")
def page(shown: Any) -> Page:
    write_report(shown.path, shown.path / "report.html", shown.model)
    return read(shown.path / "report.html")


def figure(estimate: Interval) -> Interval:
    return Interval(estimate.value, estimate.low, estimate.high)


def plots(page: Page) -> list[str | None]:
    return [attrs.get("aria-label") for _, attrs in page.tags]


def test_every_detector_stands_with_its_epoch_or_why_it_abstains(shown: Any, page: Page) -> None:
    assert page.tables["detections"][0] == ["Group", *NAMES.values()]
    for choice in shown.sweetspot.groups:
        said = [choice.detections[rule] for rule in NAMES]
        expected = [f"{NONE if one.epoch is None else one.epoch} | {one.reason}" for one in said]
        assert page.row("detections", choice.group) == expected
        assert any(one.epoch is None for one in said)


def test_the_cost_of_a_common_epoch_stands_apparent_and_corrected_with_intervals(shown: Any, page: Page) -> None:
    for choice in shown.sweetspot.groups:
        cost = choice.common_cost
        assert page.row("costs", choice.group) == [
            number(choice.best.validation_loss),
            with_interval(figure(cost.apparent), signed),
            with_interval(figure(cost.corrected), signed),
        ]
    mean = shown.sweetspot.mean_common_cost
    assert page.row("costs", "mean, relative", "") == [
        with_interval(figure(mean.apparent), percent),
        with_interval(figure(mean.corrected), percent),
    ]
    assert "Cost of one common epoch, percent of the best loss" in plots(page)


def test_every_method_stands_with_its_difference_and_whether_it_is_accepted(shown: Any, page: Page) -> None:
    rows = page.tables["method-groups"][1:]
    for number_of_group, group in enumerate(sorted(shown.rivals.table)):
        found = shown.rivals.table[group]
        mine = rows[number_of_group * len(found) : (number_of_group + 1) * len(found)]
        assert [row[0] for row in mine] == [group, *[""] * (len(found) - 1)]
        assert mine[0][1:] == ["selection", found["selection"].epochs, number(found["selection"].loss), NONE, NONE]
        assert [row[1] for row in mine[1:]] == ["greedy soup", "top ensemble", "swa"]
        for row in mine[1:]:
            way = found[row[1]]
            apart = f"{signed(way.difference)} ± {number(way.error)}"
            assert row[2:] == [way.epochs, number(way.loss), apart, "yes" if way.accepted else "no"]
    assert {row[-1] for row in rows} == {NONE, "yes", "no"}
    assert page.row("method-means", "greedy soup") == ["-1.10 % ± 0.30 %"]
    assert "validation prefers greedy soup" in page.words()


def test_gradients_and_rates_of_every_group_are_shown(shown: Any, page: Page) -> None:
    for name, manifest in shown.manifests.items():
        norms = [entry.gradient for entry in manifest.epochs]
        clipped = sum(one["clipped"] for one in norms) / len(norms)
        assert page.row("gradients", name) == [
            "0.001", "44", number(norms[0]["mean"]), number(norms[-1]["mean"]),
            number(max(one["max"] for one in norms)), percent(clipped),
        ]  # fmt: skip
        assert f"Learning rate and gradient of group {name}" in plots(page)


def test_every_group_of_the_sweep_stands_with_its_rate_or_why_it_has_none(shown: Any, page: Page) -> None:
    for group in shown.sweep.groups:
        if group.choice is None:
            assert page.row("sweep", group.group) == [NONE, NONE, NONE, NONE, group.reason]
            assert f"Loss by learning rate of group {group.group}" not in plots(page)
            continue
        edge = f"No {group.edge} rate was tried." if group.edge else ""
        assert page.row("sweep", group.group) == [
            f"{group.choice.chosen:g}", f"{group.choice.one_se:g}", "2 of 5",
            with_interval(figure(shown.sweep.common.gains[group.group].corrected), signed), edge,
        ]  # fmt: skip
        assert f"Loss by learning rate of group {group.group}" in plots(page)
    assert "The best rate for all groups is 0.001." in page.words()


def test_what_lies_behind_the_main_metrics_is_drawn_where_there_is_something(shown: Any, page: Page) -> None:
    for one in shown.evaluation.diagnostics:
        assert (f"Reliability behind {one.metric}" in plots(page)) == bool(one.reliability)
        assert (f"Confusion behind {one.metric}" in plots(page)) == bool(one.confusion)
    assert "6 records of rarer labels left out" in page.text
    rows = page.tables["disagreement"][1:]
    expected = [
        [
            name,
            number(apart.mean),
            NONE if apart.rank_correlation is None else signed(apart.rank_correlation),
            str(apart.records),
        ]
        for one in shown.evaluation.diagnostics
        for name, apart in one.disagreement.items()
    ]
    assert [row[1:] for row in rows] == expected
    assert [row[0] for row in rows[::2]] == [one.metric for one in shown.evaluation.diagnostics]


def test_every_cell_of_a_confusion_matrix_is_written(shown: Any) -> None:
    (first, *_) = [one for one in shown.evaluation.diagnostics if one.confusion]
    html = (shown.path / "report.html").read_text(encoding="utf-8")
    drawn = re.search(rf'aria-label="Confusion behind {re.escape(first.metric)}">(.*?)</svg>', html, re.DOTALL)
    assert drawn
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawn[1])
    counts = [str(count) for row in first.confusion.counts for count in row]
    assert sorted(word for word in words if word.isdigit()) == sorted(counts)
    assert [word for word in words if word == "joy"] == ["joy", "joy"]


def test_the_quality_of_the_data_is_shown_with_warnings_and_near_duplicates(shown: Any, page: Page) -> None:
    emotion, regret, votes = shown.inspection.fields
    unknown = "unknown: neither votes nor rounded values"
    assert page.row("quality", emotion.name)[5:] == ["2.413 bits", "7.00 %", "31.0 %", unknown]
    floor = "0.01443 root mean squared error | at least the rounding of the labels"
    assert page.row("quality", regret.name)[4:] == ["380", "3.539 bits", "3.71 %", "4.12 %", floor]
    floor = "0.5128 nats of soft cross-entropy | by the disagreement of the voters"
    assert page.row("quality", votes.name)[1:] == ["803", "402", "398", "391", "0.9582 bits", "38.0 %", "62.0 %", floor]
    (warning,) = shown.inspection.warnings
    assert f"{warning.field}: {warning.what} {warning.why} {warning.remedy}" in page.text
    assert page.tables["duplicates"][1][:2] == ["en-0017, en-0404", "train, excluded"]
    assert "31 records in 14 sets, the largest of 4; 1 set in more than one split, 0 of them" in page.words()


def test_every_table_and_plot_is_followed_by_the_command_that_made_its_numbers(shown: Any) -> None:
    html = (shown.path / "report.html").read_text(encoding="utf-8")
    pieces = re.split(r'<table |<div class="cards">|<div class="matrices">|id="heat-map"', html)[1:]
    assert len(pieces) == html.count("<table ") + html.count('<div class="cards">') + 2
    for piece in pieces:
        assert re.search(r'<p class="source"><code>redheart [a-z]+.*?</code></p>', piece), piece[:200]
    path, model = str(shown.path), str(shown.model)
    for command in (f"sweetspot {path}", f"crossover {path} --compare", f"evaluate {model}", f"sweep -o {path}"):
        assert f"redheart {command}</code>" in html


def test_an_average_of_the_weights_may_be_the_best_of_a_group(made: Any, tmp_path: Path) -> None:
    manifest = made.manifests["backbone"]
    averages = tuple(attrs.evolve(one, validation_loss=one.validation_loss - 0.02) for one in manifest.averages)
    manifest = attrs.evolve(manifest, averages=averages)
    assert manifest.best.averaged
    GROUP_MANIFEST.write(made.path / "groups" / "backbone" / "manifest.json", manifest)
    choices = [
        attrs.evolve(choice, best=manifest.best) if choice.group == "backbone" else choice
        for choice in made.sweetspot.groups
    ]
    SWEETSPOT.write(made.path / "sweetspot.json", attrs.evolve(made.sweetspot, groups=tuple(choices)))
    for name in ("rivals", "evaluation"):
        (made.path / f"{name}.json").unlink()
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert page.column("groups", "Best", "backbone").startswith(f"{manifest.best.epoch} (average) | ")
    assert page.column("groups", "Validation loss", "backbone") == number(manifest.best.validation_loss)
    assert f"lowest at epoch {manifest.best.epoch} (average) of backbone" in page.words()


def test_a_group_that_was_fitted_in_closed_form_has_neither_learning_rate_nor_curve(made: Any, tmp_path: Path) -> None:
    manifest = made.manifests["neural_regret"]
    entry = attrs.evolve(manifest.epochs[0], learning_rate=0.0, updates=0, gradient={})
    fitted = attrs.evolve(manifest, epochs=(entry,), fitted=True)
    GROUP_MANIFEST.write(made.path / "groups" / "neural_regret" / "manifest.json", fitted)
    for name in ("sweetspot", "rivals", "evaluation", "events"):
        (made.path / f"{name}.json{'l' if name == 'events' else ''}").unlink()
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert page.column("groups", "State", "neural_regret") == "fitted"
    assert [row[0] for row in page.tables["gradients"][1:]] == ["backbone", "후회_분석"]
    html = (tmp_path / "report.html").read_text()
    assert "Learning curves of group backbone" in html
    assert "Learning curves of group neural_regret" not in html


def test_a_model_that_a_method_made_stands_with_its_epochs_and_files(made: Any, tmp_path: Path) -> None:
    manifest = read_manifest(made.model)
    blended = ModelGroup(
        tier=0,
        nodes=("backbone", "emotion_head"),
        method="top ensemble",
        epochs="2 together: 3, 5",
        files=tuple(WeightsFile(f"groups/backbone-{k}.safetensors", str(k) * 64, {}) for k in (1, 2)),
        validation_loss=0.2012,
    )
    checks = [one for one in manifest.checks if one.group != "backbone"]
    checks.append(ExactnessCheck("backbone", blended.epochs, 0.2012, 0.2012))
    groups = {**manifest.groups, "backbone": blended}
    MODEL_MANIFEST.write(made.model / "manifest.json", attrs.evolve(manifest, groups=groups, checks=tuple(checks)))
    (made.path / "evaluation.json").unlink()
    write_report(made.path, tmp_path / "report.html", made.model)
    page = read(tmp_path / "report.html")
    hashes = f"{'1' * 64} {'2' * 64}"
    assert page.row("manifest", "backbone") == ["0", "2 together: 3, 5", "top ensemble", "0.2012", hashes]
    assert page.column("manifest", "Method", "neural_regret") == NONE
    assert page.column("groups", "In the model", "backbone") == "2 together: 3, 5"
    assert "backbone by top ensemble (2 together: 3, 5)" in page.words()


def group_of(losses: list[float], rates: list[float] | None = None) -> GroupState:
    epochs = tuple(
        EpochRecord(place, 0.1, loss, {}, (rates or [0.0] * len(losses))[place - 1], str(place), None, updates=5)
        for place, loss in enumerate(losses, 1)
    )
    return GroupState("a", 0, ("a",), "finished", "", epochs, (), GroupSettings(), 2e-3)


@pytest.mark.parametrize("losses", [[0.5, 0.3, 0.4], [0.1, -0.3, -0.2], [0.2, 0.0, 0.1]])
def test_the_excess_is_that_of_the_common_epoch(losses: list[float]) -> None:
    group = group_of(losses)
    found = [group.excess(epoch) for epoch in group.epochs]
    np.testing.assert_allclose(found, relative_excess(np.array(losses)), rtol=1e-12)


def test_the_drawn_rate_is_the_closed_form_and_a_rate_beside_it_is_noticed() -> None:
    settings = TrainSettings(epochs=4, warmup_updates=3, final_rate=0.1)
    group = group_of([0.4, 0.3, 0.2, 0.1])
    epochs, rates = closed_form(group, settings)
    assert epochs == pytest.approx([(update + 1) / 5 for update in range(20)])
    assert rates[:3] == pytest.approx([0.0005, 0.001, 0.0015])
    cosine = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * np.arange(17) / 16))
    np.testing.assert_allclose(rates[3:], 2e-3 * cosine, rtol=1e-12)
    kept = [rates[place] for place in (4, 9, 14, 19)]
    assert rate_deviation(group_of([0.4, 0.3, 0.2, 0.1], kept), settings) < 1e-15
    assert rate_deviation(group_of([0.4, 0.3, 0.2, 0.1], [*kept[:3], 4e-4]), settings) == pytest.approx(0.1)


def test_a_gain_says_whether_its_interval_holds_zero() -> None:
    assert gain(Interval(0.2, 0.1, 0.3)) == "+0.2000, 95 % interval +0.1000 to +0.3000, beyond chance"
    assert gain(Interval(0.2, -0.1, 0.3)).endswith("within chance")
    assert gain(Interval(-0.2, -0.3, -0.1)).endswith("beyond chance")
    assert gain(Interval(-0.2)) == "-0.2000"


def test_a_name_is_shortened_to_the_place_it_has() -> None:
    assert fit("short", 8, 2.0) == "short"
    for name in ("a_rather_long_group_name", "후회_분석기_후회_분석기"):
        found = fit(name, 8, 1.0)
        assert found.endswith("\N{HORIZONTAL ELLIPSIS}")
        assert text_width(found, 8) <= 1.0
        assert name.startswith(found[:-1])
