"""redheart in Python: the same numbers as the commands, and what a notebook shows of them."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_door import Finished, hashes, succeed

import redheart
from redheart_core import CheckpointError, DataError, RedheartError
from redheart_core.runs.retention import references

TEXTS = ["My brother lost the garden and burned my letter.", "친구를 도왔다.", "The boss sold the house quietly."]


@pytest.fixture(scope="module")
def model(finished: Finished) -> redheart.Model:
    return redheart.load(finished.model)


def test_the_examples_in_all_docstrings_give_what_they_show() -> None:
    modules = ["redheart", *(one.name for one in pkgutil.iter_modules(redheart.__path__, "redheart."))]
    found = {name: doctest.testmod(importlib.import_module(name)) for name in modules}
    assert {name for name, result in found.items() if result.attempted} >= {"redheart", "redheart.calculating"}
    assert [name for name, result in found.items() if result.failed] == []


def test_the_audit_of_a_run_accounts_for_every_parameter(finished: Finished, tmp_path: Path) -> None:
    run = redheart.open_run(finished.copy(tmp_path))
    accounts = run.audit(progress=False)
    assert [one for one in accounts if not one.accounted] == []
    sizes = {(one.plugin, one.name): one.elements for one in run.session.context.audit_sizes()}
    assert {(one.plugin, one.name): one.elements for one in accounts} == sizes


def test_a_list_an_iterator_and_single_texts_give_the_same_findings(model: redheart.Model) -> None:
    single = [model.analyze(text) for text in TEXTS]
    for one, alone in zip(model.analyze(TEXTS), single, strict=True):
        assert (one.page, one.language, one.limits) == (alone.page, alone.language, alone.limits)
        for finding, other in zip(one.findings, alone.findings, strict=True):
            assert (finding.plugin, finding.output, finding.field) == (other.plugin, other.output, other.field)
            assert [value.value for value in finding.values] == pytest.approx(
                [value.value for value in other.values], abs=1e-5
            )
    lazy = model.analyze(iter(TEXTS))
    assert isinstance(lazy, Iterator)
    assert list(lazy) == single
    assert [model.analyze({"text": text, "id": 7}) for text in TEXTS] == single


def test_an_iterator_is_read_no_further_than_it_is_asked(model: redheart.Model) -> None:
    def texts() -> Iterator[str]:
        yield TEXTS[0]
        raise AssertionError("read too far")

    assert next(model.analyze(texts())).text == TEXTS[0]


def test_a_text_that_cannot_be_analyzed_is_named_by_its_place(model: redheart.Model) -> None:
    with pytest.raises(DataError, match="text 2: the text has no letter"):
        model.analyze([TEXTS[0], "2026"])
    with pytest.raises(DataError, match="text: expects a 'text', got an object of id"):
        model.analyze({"id": 7})


def test_the_command_prints_what_the_function_gives(model: redheart.Model, finished: Finished, tmp_path: Path) -> None:
    printed = succeed("analyze", finished.model, TEXTS[0], "--json", cwd=tmp_path).json()
    assert printed == json.loads(json.dumps(model.analyze(TEXTS[0]).to_json()))
    head, *lines = succeed("analyze", finished.model, TEXTS[0], cwd=tmp_path).out.splitlines()
    page = model.analyze(TEXTS[0]).page
    assert head == page.head == "language: English"
    assert len(lines) == (2 + len(page.rows) if page.rows else 0) + len(page.notes)


def test_a_choice_is_computed_once_while_the_epochs_stay(finished: Finished, tmp_path: Path) -> None:
    run = redheart.open_run(finished.copy(tmp_path))
    first = run.select()
    assert run.select() is first
    manifest = run.path / "groups" / "neural_regret" / "manifest.json"
    other = redheart.Run(run.path)
    assert other.select() == first
    manifest.unlink()
    assert {group.group for group in run.select().groups} == {group.group for group in first.groups} - {"neural_regret"}


def test_what_a_method_is_made_of_outlives_retention(tmp_path: Path) -> None:
    settings = {
        "village.english": 120,
        "village.korean": 60,
        "data.encoder": "lsa",
        "lsa.width": 48,
        "training.keep_epochs": 1,
    }
    options: dict[str, Any] = {"output": tmp_path / "run", "scale": "tiny", "settings": settings, "progress": False}
    disable = [
        "linear",
        "stacking_fusion",
        "bentham_head",
        "surd_head",
        "neural_bentham",
        "neural_surd",
    ]
    run = redheart.train("village", epochs=2, disable=disable, **options)
    run.assemble(tmp_path / "model", method="swa")
    used = references(run.path)
    assert {tuple(epochs) for epochs in used.values()} == {(2,)}


def test_a_method_tries_itself_alone(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from redheart_core.selection import methods

    def refuse(*_: object) -> None:
        raise AssertionError("tried")

    for name in methods.METHODS:
        if name not in ("selection", "uniform soup"):
            monkeypatch.setitem(methods.METHODS, name, refuse)
    made = redheart.open_run(finished.copy(tmp_path)).assemble(tmp_path / "soup", method="uniform soup")
    assert all(check.equal for check in made.checks)


def test_a_model_that_is_in_the_way_is_refused_and_stays(finished: Finished, tmp_path: Path) -> None:
    run = redheart.open_run(finished.copy(tmp_path))
    before = hashes(run.path / "model")
    with pytest.raises(CheckpointError, match="exists; choose another folder"):
        run.assemble()
    assert hashes(run.path / "model") == before
    with pytest.raises(RedheartError, match="a method chooses by itself"):
        run.assemble(tmp_path / "other", method="swa", epochs={"backbone": 1})


def test_a_notebook_shows_tables_and_plots(finished: Finished, model: redheart.Model) -> None:
    run = redheart.open_run(finished.folder)
    whole = run._repr_html_()
    assert "&lt;svg" in whole
    assert "Learning curves" in whole
    shown = model.analyze(TEXTS[0])._repr_html_()
    assert shown.count("<tr>") == 1 + len(model.analyze(TEXTS[0]).page.rows)
    assert "<caption>My brother" in shown
    assert run.select()._repr_html_().count("<tr>") == 1 + len(run.select().groups)
    test = run.section("test").html
    assert test.count("<section") == 1
    with pytest.raises(RedheartError, match="the report has no section nothing"):
        run.section("nothing")


def test_text_of_a_user_is_no_markup(model: redheart.Model) -> None:
    shown = model.analyze("I sold <script>alert('the garden')</script> quietly.")._repr_html_()
    assert "<script>" not in shown


def test_settings_reach_the_plugin_as_they_were_given(tmp_path: Path) -> None:
    texts = (f"{TEXTS[number % 3]} It was number {number} of {number % 7}." for number in range(60))
    rows = "text,regret\n" + "".join(f"{text},0.{number % 10}\n" for number, text in enumerate(texts))
    (tmp_path / 'a "b" c.csv').write_text(rows, encoding="utf-8")
    mapping = tmp_path / "plugins.toml"
    mapping.write_text('active = ["csv", "lsa"]\n[plugins.csv]\nid = ""\n[plugins.csv.fields]\nregret = "regret"\n')
    given = {"csv.path": tmp_path / 'a "b" c.csv', "lsa.width": 2, "data.near_duplicates": 1.0}
    store = redheart.prepare("csv", plugins=mapping, settings=given, output=tmp_path / "store", progress=False)
    assert len(store) == 60
    assert redheart.inspect(store=tmp_path / "store").dataset == "csv"
