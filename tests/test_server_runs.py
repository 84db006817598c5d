"""/v1/runs: runs as JSON say what the files say, in the form that the OpenAPI document describes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished
from jsonschema import Draft202012Validator

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart_core.evaluation.results import EVALUATION
from redheart_core.runs.read_status import read_status
from redheart_core.selection.rivals import RIVALS
from redheart_core.selection.sweetspot import SWEETSPOT
from redheart_server.access import Access
from redheart_server.keys import add_key
from redheart_server.served import Models
from redheart_server.state import State

GROUPS = {"backbone": ("backbone",), "waves": ("waves",)}


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


@pytest.fixture(scope="module")
def runs(write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole run, one that is called like a page, one with a damaged file, and one that is damaged itself."""
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "made_up", GROUPS, epochs=8, stopped={"waves": 3})
    for name in ("page", "hurt", "broken"):
        shutil.copytree(folder / "made_up", folder / name)
    (folder / "hurt" / "rivals.json").write_text("{}")
    (folder / "broken" / "run.json").write_text("{}")
    return folder


def get(models: Models, runs: Path | None, *paths: str, access: Access | None = None, **headers: str) -> Any:
    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        return [await client.get(path, headers=headers) for path in paths]

    found = asked(models, ask, access=access, runs=runs)
    return found[0] if len(found) == 1 else found


def test_the_list_has_every_run_with_its_progress_and_a_damaged_one_with_the_reason(models: Models, runs: Path) -> None:
    found = {one["name"]: one for one in get(models, runs, "/v1/runs").json()}
    status = read_status(runs / "made_up", datetime.now(UTC))
    assert sorted(found) == ["broken", "hurt", "made_up", "page"]
    one = found["made_up"]
    assert (one["state"], one["groups"], one["damage"]) == (status.state, len(GROUPS), "")
    assert one["epochs_done"] == sum(group.done for group in status.groups)
    assert one["epochs_planned"] == sum(group.planned for group in status.groups)
    assert found["broken"]["state"] == "damaged"
    assert "run.json is damaged" in found["broken"]["damage"]


def test_a_run_has_its_curves_and_choices_as_the_files_say(models: Models, runs: Path) -> None:
    path = runs / "made_up"
    found = get(models, runs, "/v1/runs/made_up").json()
    status = json.loads(json.dumps(read_status(path, datetime.now(UTC)).to_json()))
    assert {**found["status"], "path": str(path)} == status
    assert str(runs) not in json.dumps(found)
    sweetspot, rivals = SWEETSPOT.read(path / "sweetspot.json"), RIVALS.read(path / "rivals.json")
    evaluation = EVALUATION.read(path / "evaluation.json")
    assert found["crossover"]["common_epoch"] == sweetspot.common_epoch
    assert {one["group"]: one["best_epoch"] for one in found["crossover"]["groups"]} == {
        one.group: one.best.epoch for one in sweetspot.groups
    }
    assert {one["method"]: (one["difference"], one["error"]) for one in found["methods"]} == dict(rivals.sums)
    assert [one["difference"] for one in found["methods"]] == sorted(one["difference"] for one in found["methods"])
    assert [one["variant"] for one in found["variants"]] == list(evaluation.variants)
    assert found["variants"][0]["skill"]["value"] == evaluation.skill[evaluation.variants[0]].value
    assert found["bytes"]["events.jsonl"] == (path / "events.jsonl").stat().st_size
    assert found["damages"] == []


def test_a_run_that_is_called_like_a_page_is_a_run(models: Models, runs: Path) -> None:
    assert get(models, runs, "/v1/runs/page").json()["name"] == "page"


def test_damage_of_one_file_hides_nothing_else_and_a_damaged_run_says_so(models: Models, runs: Path) -> None:
    hurt, broken, absent = get(models, runs, "/v1/runs/hurt", "/v1/runs/broken", "/v1/runs/none")
    assert "rivals.json is damaged" in hurt.json()["damages"][0]
    assert hurt.json()["methods"] == []
    assert hurt.json()["crossover"] is not None
    assert (broken.status_code, absent.status_code) == (422, 404)
    assert "run.json is damaged" in broken.json()["detail"]
    assert "runs: broken, hurt, made_up, page" in absent.json()["detail"]


def test_answers_have_the_form_that_the_document_describes(models: Models, runs: Path) -> None:
    document, *answers = get(models, runs, "/openapi.json", "/v1/runs", "/v1/runs/made_up", "/v1/runs/hurt")
    paths = document.json()["paths"]
    for answer, path in zip(answers, ("/v1/runs", "/v1/runs/{name}", "/v1/runs/{name}"), strict=True):
        schema = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert list(Draft202012Validator(schema).iter_errors(answer.json())) == []


def test_runs_need_a_key_that_may_read_and_are_nowhere_without_a_folder(
    models: Models, runs: Path, tmp_path: Path
) -> None:
    token = add_key(tmp_path / "keys.json", "me", ["analyze"], 600)
    access = Access(tmp_path / "keys.json")
    assert get(models, runs, "/v1/runs", access=access).status_code == 401
    assert get(models, runs, "/v1/runs/made_up", access=access, authorization=f"Bearer {token}").status_code == 403
    assert get(models, None, "/v1/runs").status_code == 404
