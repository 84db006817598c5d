"""redheart distill: training labels are the model's answers, all others stay, and the run goes on like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from front_door import Finished, hashes, refuse, succeed

import redheart
from redheart import distilling
from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core import CheckpointError, SettingsError
from redheart_core.data.index import FIELDS_FILE
from redheart_core.data.store import Store
from redheart_core.groups.graph import plan_groups
from redheart_core.groups.group import Group
from redheart_core.training import context as training_context


@pytest.fixture(scope="module")
def distilled(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distilled")
    answer = succeed("distill", finished.model, "-o", "small", "--json", cwd=folder)
    assert [one["field"] for one in answer.json()["fields"]] == ["choice_factors", "emotion", "regret"]
    assert answer.json()["groups"] == ["linear"]
    return folder / "small"


def test_training_records_have_the_answers_of_the_model(finished: Finished, distilled: Path) -> None:
    model, store = redheart.load(finished.model), Store.open(distilled / "store")
    history = store.fields["history"]
    for row in store.rows("train")[:40:8]:
        numbers = store.target("history")[row[None]][0]
        days = [dict(zip(history.labels, day, strict=True)) for day in numbers[~numbers.isnan().any(-1)].tolist()]
        given = {"text": store.text(int(row)), "history": days}
        for answer in model.analyze(given, language=store.language(int(row))).answers:
            said = {value.label: value.value for value in answer.values}
            learnt = store.target(answer.field)[row[None]].reshape(-1).tolist()
            assert dict(zip(store.fields[answer.field].elements, learnt, strict=True)) == pytest.approx(said, abs=1e-5)


def test_all_else_of_the_store_is_as_it_was(finished: Finished, distilled: Path) -> None:
    before, after = Store.open(finished.folder / "store"), Store.open(distilled / "store")
    others = torch.cat([before.rows(split) for split in ("validation", "calibration", "test")])
    for name in before.fields:
        torch.testing.assert_close(
            after.target(name)[others], before.target(name)[others], rtol=0, atol=0, equal_nan=True
        )
    same = {name: digest for name, digest in hashes(before.folder).items() if name not in (FIELDS_FILE, "index.json")}
    assert same.items() <= hashes(after.folder).items()
    assert before.index.fingerprint != after.index.fingerprint
    assert all("labels of training records by the model" in str(one.source) for one in after.index.provenance.values())


def test_a_student_is_trained_assembled_and_evaluated_like_any_group(distilled: Path) -> None:
    succeed("train", "--resume", "-o", distilled, cwd=distilled.parent)
    succeed("crossover", distilled, cwd=distilled.parent)
    out = succeed("evaluate", distilled / "model", cwd=distilled.parent).out
    assert "linear.jensen_shannon" in out
    assert succeed("verify", distilled, cwd=distilled.parent).code == 0


def test_what_cannot_be_taught_is_refused_and_leaves_nothing(
    finished: Finished, distilled: Path, tmp_path: Path
) -> None:
    refuse("distill", finished.model, "-o", distilled, cwd=tmp_path, says=["exists already", "name another folder"])
    learns_none = ["neural_bentham learns nothing that the model answers: act_regret, "]
    for student, says in (("nobody", ["nobody"]), ("neural_bentham", learns_none)):
        refuse("distill", finished.model, "-o", "r", "--student", student, cwd=tmp_path, says=says)
        assert list(tmp_path.iterdir()) == []


def test_a_student_that_learns_nothing_is_refused_before_the_model_is_asked(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distilling, "_answers", None)
    with pytest.raises(SettingsError, match="learns nothing that the model answers"):
        redheart.distill(finished.model, tmp_path / "r", students=["neural_bentham"])


def test_groups_of_the_students_are_planned_once_as_the_run_plans_them_that_goes_on(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[tuple[Group, ...]] = []

    def spy(*arguments: Any) -> tuple[Group, ...]:
        planned.append(plan_groups(*arguments))
        return planned[-1]

    monkeypatch.setattr(training_context, "plan_groups", spy)
    redheart.distill(finished.model, tmp_path / "small")
    (of_students,) = [one for one in planned if [group.name for group in one] == ["linear"]]
    planned.clear()
    open_session(tmp_path / "small", PluginChoice())
    assert planned == [of_students]


def test_a_model_of_which_a_group_is_absent_is_refused(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = redheart.load(finished.model)
    assembled = attrs.evolve(model.assembled, absent={"backbone": "its weights are not installed"})
    monkeypatch.setattr(distilling, "load", lambda folder: attrs.evolve(model, assembled=assembled))
    with pytest.raises(CheckpointError, match=r"cannot answer here:\s+- backbone: its weights are not"):
        redheart.distill(finished.model, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_another_run_than_the_model_s_own_is_refused(finished: Finished, distilled: Path, tmp_path: Path) -> None:
    says = ["was not assembled from", "name the model's own run with --run"]
    refuse("distill", finished.model, "-o", "r", "--run", distilled, cwd=tmp_path, says=says)
    refuse("grow", finished.model, "-o", "r", "--scale", "base", "--run", distilled, cwd=tmp_path, says=says)
    assert list(tmp_path.iterdir()) == []
