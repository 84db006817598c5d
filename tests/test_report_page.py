"""The report shows what the run's files say, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from new_python import run_python
from report_page import Page, read, with_interval
from sealed_files import change

from redheart_core.report.page import write_report
from redheart_core.report.words import number, percent, signed
from redheart_core.storage.sealed import sealed_line


@pytest.fixture(scope="module")
def shown(write_run: Callable[..., Any], groups: dict[str, tuple[str, ...]], tmp_path_factory: Any) -> Any:
    """The same run as made, for the tests that only look at its page."""
    return write_run(tmp_path_factory.mktemp("shown") / "made_up", groups, epochs=8, calculators=("calculus",))


@pytest.fixture(scope="module")
def html(shown: Any) -> str:
    write_report(shown.path, shown.path / "report.html", shown.model)
    return str((shown.path / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_group_shows_its_chosen_epochs_and_losses(shown: Any, page: Page) -> None:
    # A row of another group would show.
    assert len({choice.best.epoch for choice in shown.sweetspot.groups}) == len(shown.manifests)
    for choice in shown.sweetspot.groups:
        expected = {
            "State": "finished",
            "Epochs": "8",
            "Best": f"{choice.best.epoch} | {choice.interval.low} to {choice.interval.high}",
            "Validation loss": f"{choice.best.validation_loss:.4f}",
            "1-SE": str(choice.one_se.epoch),
            "Common": str(shown.sweetspot.common_epoch),
            "Cost of common": f"{100 * choice.cost:.2f} %",
            "In the model": str(choice.best.epoch),
        }
        assert {title: page.column("groups", title, choice.group) for title in expected} == expected
        assert f"Learning curves of group {choice.group}" in [attrs.get("aria-label") for _, attrs in page.tags]


def test_a_group_without_parameters_has_nothing_to_train(page: Page) -> None:
    assert page.row("groups", "calculus")[:3] == ["1", "nothing to train", "0"]
    assert page.row("manifest", "calculus")[-1] == "no file"


def test_every_validation_metric_stands_with_its_values_at_best_common_and_last_epoch(shown: Any, page: Page) -> None:
    rows = {row[1]: row for row in page.tables["metrics"][1:]}
    expected = {name for manifest in shown.manifests.values() for name in manifest.best.metrics}
    assert set(rows) == expected
    for manifest in shown.manifests.values():
        for name, best in manifest.best.metrics.items():
            common = manifest.entry(shown.sweetspot.common_epoch).metrics[name]
            last = manifest.epochs[-1].metrics[name]
            assert rows[name][3:] == [number(best), number(common), signed(common - best), number(last)]


def test_every_variant_of_every_test_metric_stands_with_its_interval_if_it_has_one(shown: Any, page: Page) -> None:
    assert page.tables["figures"][0][1:-1] == list(shown.evaluation.variants)
    assert len(page.tables["figures"]) == 1 + len(shown.evaluation.tables)
    for table in shown.evaluation.tables:
        better = "higher" if table.direction == "max" else "lower"
        cells = page.row("figures", f"{table.metric} | {better} is better")
        figures = [table.figures[name] for name in shown.evaluation.variants]
        assert cells == [*map(with_interval, figures), "yes" if table.main else "\N{EN DASH}"]
    assert {table.main for table in shown.evaluation.tables} == {True, False}


def test_every_variant_stands_with_its_skill_points_and_gains(shown: Any, page: Page) -> None:
    found = shown.evaluation
    assert [row[0] for row in page.tables["variants"][1:]] == list(found.variants)
    for name in found.variants:
        assert page.row("variants", name) == [
            with_interval(found.skill[name]),
            with_interval(found.skill_gains[name], signed),
            with_interval(found.points[name]),
            with_interval(found.point_gains[name], signed),
        ]
    labels = [attrs.get("aria-label") for _, attrs in page.tags]
    assert "Gain in mean skill over the best common epoch" in labels
    assert "Gain in points over the best common epoch" in labels


def test_the_main_metric_of_each_module_stands_for_the_variants_of_note(shown: Any, page: Page) -> None:
    wanted = ["crossover", "common epoch", "greedy soup", "chosen", "constant", "linear"]
    assert page.tables["main"][0][1:-1] == wanted
    for table in shown.evaluation.main:
        cells = page.row("main", f"{table.metric} | group {table.group}, lower is better")
        ceiling = "\N{EN DASH}" if table.ceiling is None else number(table.ceiling)
        assert cells == [*(with_interval(table.figures[name]) for name in wanted), ceiling]
    assert any(table.ceiling is not None for table in shown.evaluation.main)


def test_calibrated_answers_stand_with_what_lies_outside_and_what_chance_explains(shown: Any, page: Page) -> None:
    rows = {(row[0], row[1]): row for row in page.tables["calibrated"][1:]}
    assert rows["regret", "en"][3:9] == ["90.0 %", "90.5 %", "1", "none", number(0.041), "0.5931"]
    assert rows["ekman", "ko"][6:] == ["joy", number(0.038), number(3.41), "9.68 %", number(2.07)]
    errors = page.tables["calibration-errors"][1:]
    assert errors == [["ekman", "ko", *map(number, (1.21, 0.0312, 0.0174)), "joy", *map(number, (0.0611, 0.0322))]]
    plots = [label for _, attrs in page.tags if (label := attrs.get("aria-label"))]
    assert "Reliability behind the answer on ekman, ko" in plots
    assert "Reliability behind the answer on regret, en" not in plots
    start = f"Mean loss on regret, en of the surest 50 to 100 %: {number(0.021)}, "
    assert len([label for label in plots if label.startswith(start)]) == 1
    assert "1 of 3 labels by task and language have a coverage outside the interval that chance allows" in page.words()
    assert "does not help everywhere" in page.words()


def test_test_losses_and_refits_stand_under_their_variants(shown: Any, page: Page) -> None:
    models = shown.evaluation.models
    assert page.tables["losses"][0][1:] == list(models)
    for group in shown.manifests:
        assert page.row("losses", group) == [number(shown.evaluation.losses[name][group]) for name in models]
    rows = [
        [name, group, number(before), number(after), signed(after - before)]
        for name, groups in shown.evaluation.refits.items()
        for group, (before, after) in groups.items()
    ]
    assert rows
    assert page.tables["refits"][1:] == rows


def test_parameters_are_summed_up_by_plugin_and_the_columns_add_up(shown: Any, page: Page) -> None:
    assert page.row("accounts", "backbone", "emotion_head") == ["3", "13,024", "12,384", "90.1 %", "640"]
    elements = sum(account.elements for account in shown.accounts)
    frozen = sum(account.elements for account in shown.accounts if account.state == "frozen")
    assert page.row("accounts", "all", "") == [
        str(len(shown.accounts)), f"{elements:,}", f"{elements - frozen:,}", "90.1 %", f"{frozen:,}"
    ]  # fmt: skip


def test_data_splits_fields_encoder_and_near_duplicates_are_shown(shown: Any, page: Page) -> None:
    assert [row[:2] for row in page.tables["splits"][1:]] == [
        ["train", "2,810"], ["validation", "402"], ["calibration", "398"], ["test", "391"], ["excluded", "3"],
        ["all", "4,004"],
    ]  # fmt: skip
    assert page.row("fields", "emotion")[1] == "joy, trust, fear, surprise, sadness, disgust, anger"
    assert page.row("fields", "votes")[3:] == ["1,203", "30.0 %"]
    parts = [text for part in shown.index.encoder.parts for text in (part.name, part.content_hash, part.revision)]
    for text in (shown.index.fingerprint, *parts, "1,280 dimensions, stored as float16"):
        assert text in page.text
    assert "31 records in 14 sets, each set on one side; the largest has 4." in page.text
    assert "ko-0003 and ko-1999" in page.text


def test_the_model_manifest_stands_with_full_hashes(shown: Any, page: Page) -> None:
    for choice in shown.sweetspot.groups:
        best = choice.best
        expected = ["0", str(best.epoch), number(best.validation_loss), best.sha256]
        assert page.row("manifest", choice.group) == expected


def test_settings_versions_seed_and_test_reads_are_shown(shown: Any, page: Page) -> None:
    text = page.words()
    assert "learning_rate 0.001" in text
    assert "seed 7" in text
    assert "The test split of this run has been read 2 times." in text
    assert "2026-01-01 08:30:00 UTC" in text
    assert "2026-01-02 09:00:00 UTC" in text
    assert json.loads((shown.path / "run.json").read_text())["torch"] in text
    assert page.row("nodes", "neural_regret")[-1].replace("\N{NO-BREAK SPACE}", " ") == "note = plain, width = 96"


def test_the_summary_says_in_words_what_the_figures_say(shown: Any, page: Page) -> None:
    text = page.text
    for choice in shown.sweetspot.groups:
        assert f"epoch {choice.best.epoch} of {choice.group}" in text
    assert (
        f"would be epoch {shown.sweetspot.common_epoch}, and its validation loss {percent(shown.sweetspot.mean_cost)}"
        in text
    )
    assert "On 391 test records the crossover reaches a mean skill of 0.3568 (linear baseline 0.1987); " in text
    assert "best common epoch is +0.02357, 95 % interval +0.01357 to +0.03557, beyond chance." in text
    assert "By greedy soup, which validation alone prefers, the gain is +0.03100, " in text
    assert "the crossover is better on 4, equal on 0 and worse on 0 of 4 main metrics." in text
    assert "Every group beats the constant predictor on all its main metrics" in text


def test_groups_that_do_not_beat_the_constant_predictor_are_named(
    make_run: Callable[..., Any], groups: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    made = make_run(groups, epochs=6, weak=("backbone",))
    write_report(made.path, tmp_path / "report.html")
    text = read(tmp_path / "report.html").text
    metrics = "backbone.mean_absolute_error and emotion_head.mean_absolute_error"
    assert f"Not better than the constant predictor beyond the 95 % interval: backbone ({metrics})." in text
    assert "Every group beats" not in text


def test_a_stopped_group_stands_with_its_reason_and_its_epochs(
    make_run: Callable[..., Any], groups: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    made = make_run(groups | {"waves": ("waves",)}, epochs=6, stopped={"waves": 3}, reason="gradient not finite")
    write_report(made.path, tmp_path / "report.html", made.model)
    page = read(tmp_path / "report.html")
    assert page.column("groups", "State", "waves") == "stopped"
    assert page.column("groups", "Epochs", "waves") == "3"
    assert page.column("groups", "In the model", "waves") == "\N{EN DASH}"
    assert "Group waves stopped after 3 epochs: gradient not finite" in page.text


def test_a_group_that_stopped_before_its_first_epoch_is_known_from_the_events(made: Any, tmp_path: Path) -> None:
    shutil.rmtree(made.path / "groups" / "neural_regret")
    for name in ("sweetspot", "rivals", "evaluation"):
        (made.path / f"{name}.json").unlink()
    event = {"event": "group stopped", "group": "neural_regret", "epoch": 0, "reason": "it reads waves, which stopped"}
    event["timestamp"] = "2026-01-02T03:04:05+00:00"
    with (made.path / "events.jsonl").open("ab") as file:
        file.write(sealed_line(event))
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert page.row("groups", "neural_regret")[1:3] == ["stopped", "0"]
    assert "Group neural_regret stopped after 0 epochs: it reads waves, which stopped" in page.text


def test_epochs_that_retention_removed_come_from_the_events_but_are_never_called_the_best(
    made: Any, tmp_path: Path
) -> None:
    file = made.path / "groups" / "backbone" / "manifest.json"
    change(file, lambda table: table.update({key: table[key][-2:] for key in ("epochs", "averages")}))
    for name in ("sweetspot", "rivals", "evaluation"):
        (made.path / f"{name}.json").unlink()
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    kept = made.manifests["backbone"].epochs[-2:]
    best = min(kept, key=lambda entry: entry.validation_loss)
    assert page.column("groups", "Epochs", "backbone") == "8"
    assert page.column("groups", "Best", "backbone") == str(best.epoch)
    assert page.column("groups", "Time per epoch", "backbone") == "1.25 s"


def test_what_a_later_command_makes_is_named_and_not_invented(made: Any, tmp_path: Path) -> None:
    for name in ("sweetspot", "rivals", "sweep", "inspection", "evaluation", "audit"):
        (made.path / f"{name}.json").unlink()
    for name in ("test_reads.jsonl", "events.jsonl"):
        (made.path / name).unlink()
    shutil.rmtree(made.path / "store")
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    for command in (
        "redheart sweetspot RUN",
        "redheart crossover RUN --compare",
        "redheart evaluate MODEL",
        "redheart data inspect",
        "redheart crossover RUN -o MODEL",
    ):
        assert command in page.text
    assert f"there is no store at {made.path / 'store'}" in page.text
    assert "There is no account of the parameters in this run" in page.text
    assert "The test split of this run has never been read." in page.text
    assert set(page.tables) == {"groups", "metrics", "gradients", "splits", "fields", "group-settings", "nodes"}
    assert not {"1-SE", "Common", "Cost of common", "In the model"} & set(page.tables["groups"][0])
    assert page.column("groups", "Time per epoch", "backbone") == "not recorded"


def test_a_run_without_a_finished_epoch_has_a_report(made: Any, tmp_path: Path) -> None:
    shutil.rmtree(made.path / "groups")
    for name in ("sweetspot", "rivals", "evaluation"):
        (made.path / f"{name}.json").unlink()
    write_report(made.path, tmp_path / "report.html")
    assert "No group has finished an epoch" in read(tmp_path / "report.html").text


def test_an_unaccounted_parameter_is_named(made: Any, tmp_path: Path) -> None:
    (made.path / "evaluation.json").unlink()  # which takes the most time to draw
    change(made.path / "audit.json", lambda table: table["accounts"][0].update(state="no gradient", live=0))
    write_report(made.path, tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert "layer.weight of backbone, group backbone, 12,288 elements: no gradient." in page.text
    assert "Every parameter is accounted for" not in page.text


def test_a_parameter_that_was_fitted_in_closed_form_is_accounted_for(made: Any, tmp_path: Path) -> None:
    (made.path / "evaluation.json").unlink()
    fitted = {"state": "fitted", "in_optimizer": False, "live": 0}
    change(made.path / "audit.json", lambda table: [one.update(fitted) for one in table["accounts"]])
    write_report(made.path, tmp_path / "report.html")
    assert "Every parameter is accounted for" in read(tmp_path / "report.html").text


def test_the_page_points_to_nothing_outside(html: str, page: Page) -> None:
    assert not re.search(r"https?://|//[a-z]|@import|@font-face", html)
    assert [tag for tag, _ in page.tags].count("style") == 1
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "img", "object", "embed", "image"}
    links = [attrs[key] or "" for _, attrs in page.tags for key in ("href", "src", "srcset", "action") if key in attrs]
    assert links
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", html))


def test_references_inside_the_page_lead_to_exactly_one_place(html: str, page: Page) -> None:
    found = [attrs["id"] or "" for _, attrs in page.tags if "id" in attrs]
    wanted = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', html))
    assert wanted <= set(found)
    assert sorted(found) == sorted(set(found))


def test_hostile_names_and_texts_stay_text(make_run: Callable[..., Any], tmp_path: Path) -> None:
    name = "x<script>alert(1)<_script>&$\\frac{1}$\"'"
    made = make_run({name: (name,)}, epochs=4, stopped=None, reason="")
    change(made.path / "run.json", lambda table: table["training"].update(device="<img src=x onerror=alert(2)>"))
    write_report(made.path, tmp_path / "report.html", made.model)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "_script", "img"}
    assert page.row("groups", name)[0] == "0"
    assert page.row("manifest", name)[0] == "0"
    assert "<img src=x onerror=alert(2)>" in page.text
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]


def test_the_same_run_gives_the_same_bytes(shown: Any, html: str) -> None:
    write_report(shown.path, shown.path / "again.html", shown.model)
    assert (shown.path / "again.html").read_bytes() == html.encode()


@pytest.mark.thorough
def test_a_large_run_stays_below_three_megabytes(make_run: Callable[..., Any], tmp_path: Path) -> None:
    groups = {f"group_{number:02d}": (f"node_{number:02d}", f"other_{number:02d}") for number in range(15)}
    made = make_run(groups, epochs=60)
    write_report(made.path, tmp_path / "report.html", made.model)
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_the_report_imports_no_torch() -> None:
    command = "import sys; import redheart_core.report; print('torch' in sys.modules)"
    assert run_python(command).out == "False\n"
