"""Several models side by side, and models that are loaded anew in one step."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart_core import RedheartError, SettingsError
from redheart_server.served import Models, Source, Wanted, wanted
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


def test_a_request_names_one_of_several_models_and_the_first_answers_otherwise(finished: Finished) -> None:
    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        named: tuple[dict[str, str], ...] = ({}, {"model": "m0"}, {"model": "m1"}, {"model": "m2"})
        return [await client.post("/v1/analyze", params=params, json={"text": TEXT}) for params in named]

    *answers, unknown = asked(loaded(finished.model, finished.model), ask)
    assert [answer.headers["x-redheart-model"] for answer in answers] == ["m0", "m0", "m1"]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert unknown.status_code == 404
    assert "(models: m0, m1)" in unknown.json()["detail"]


def test_models_on_the_command_line_have_names_of_their_own() -> None:
    assert wanted(["mine=runs/a/model", "ready"]) == (Wanted("mine", "runs/a/model"), Wanted("ready", "ready"))
    assert wanted(["runs/a=b/model"]) == (Wanted("model", "runs/a=b/model"),)
    with pytest.raises(SettingsError, match="two models are called model"):
        wanted(["runs/a/model", "runs/b/model"])


def test_models_are_loaded_anew_together_or_the_old_ones_stay(finished: Finished, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished.model, tmp_path / "model"))
    models = Models(Source((Wanted("one", str(folder)), Wanted("other", str(finished.model)))))
    old = models.current
    models.reload()
    new = models.current
    assert [one.name for one in new.values()] == ["one", "other"]
    assert all(new[name].model is not old[name].model for name in new)
    assert new["one"].model.analyze(TEXT) == old["one"].model.analyze(TEXT)
    shutil.rmtree(folder)
    with pytest.raises(RedheartError):
        models.reload()
    assert models.current is new
