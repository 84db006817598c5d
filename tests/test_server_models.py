"""Several models side by side, and models that are loaded anew in one step."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished
from structlog.testing import capture_logs

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from http_load import same
from served_models import asked, loaded

import redheart
from redheart.deciding import decide_with
from redheart_core import RedheartError, SettingsError
from redheart_export.opening import answering_sha256
from redheart_server.lanes import Beside
from redheart_server.served import Analyzing, Models, Source, Wanted, wanted
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


def test_each_of_several_models_answers_what_names_it_and_the_first_answers_otherwise(
    finished: Finished, other_model: Path
) -> None:
    acts = {"acts": [TEXT, "I kept the money that I had found in the street."]}
    models = loaded(finished.model, other_model)
    said = {
        name: {
            "/v1/analyze": json.loads(json.dumps(one.model.analyze(TEXT).to_json())),
            "/v1/decide": json.loads(json.dumps(decide_with(one.model, None, acts).to_json())),
        }
        for name, one in models.current.items()
    }
    assert not any(same(said["m0"][path], said["m1"][path]) for path in said["m0"])
    asks = [(path, name) for _ in range(4) for path in said["m0"] for name in (None, "m0", "m1")]

    async def ask(client: httpx.AsyncClient, state: State) -> tuple[list[httpx.Response], httpx.Response, Any]:
        async def one(path: str, name: str | None) -> httpx.Response:
            body = acts if path == "/v1/decide" else {"text": TEXT}
            return await client.post(path, params={} if name is None else {"model": name}, json=body)

        together = await asyncio.gather(*(one(*each) for each in asks))  # they wait for each other in one queue
        return together, await one("/v1/analyze", "m2"), (await client.get("/v1/models")).json()

    answers, unknown, listed = asked(models, ask)
    hashes = {one["name"]: one["sha256"] for one in listed}
    assert hashes == {"m0": answering_sha256(finished.model), "m1": answering_sha256(other_model)}
    for answer, (path, name) in zip(answers, asks, strict=True):
        by = answer.headers["x-redheart-model"]
        assert by == (name or "m0")
        assert answer.headers["x-redheart-model-sha256"] == hashes[by]
        assert same(answer.json(), said[by][path])
    assert unknown.status_code == 404
    assert "(models: m0, m1)" in unknown.json()["detail"]


def test_models_on_the_command_line_have_names_of_their_own() -> None:
    assert wanted(["mine=runs/a/model", "ready"]) == (Wanted("mine", "runs/a/model"), Wanted("ready", "ready"))
    assert wanted(["runs/a=b/model"]) == (Wanted("model", "runs/a=b/model"),)
    with pytest.raises(SettingsError, match="two models are called model"):
        wanted(["runs/a/model", "runs/b/model"])


def test_models_are_loaded_anew_together_or_the_old_ones_stay(
    finished: Finished, other_model: Path, tmp_path: Path
) -> None:
    link = tmp_path / "live"
    link.symlink_to(finished.model)
    models = Models(Source((Wanted("one", str(link)), Wanted("other", str(finished.model)))))
    old = models.current
    link.unlink()
    link.symlink_to(other_model)
    assert models.loaded.source.wanted[0].where == str(finished.model.resolve())
    models.reload()
    new = models.current
    assert [one.name for one in new.values()] == ["one", "other"]
    assert all(new[name].model is not old[name].model for name in new)
    assert new["other"].model.analyze(TEXT) == old["other"].model.analyze(TEXT) == old["one"].model.analyze(TEXT)
    assert new["one"].model.analyze(TEXT) == redheart.load(other_model).analyze(TEXT) != old["one"].model.analyze(TEXT)
    link.unlink()
    with pytest.raises(RedheartError):
        models.reload()
    assert models.current is new


def test_a_process_whose_files_have_changed_answers_nothing_for_the_model_from_before(
    finished: Finished, other_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finished.model, tmp_path / "model"))
    models = Models(Source((Wanted("changed", str(folder)), Wanted("same", str(other_model)))))
    shutil.rmtree(folder)
    shutil.copytree(other_model, folder)
    lane = Beside(2, models, lambda: None)
    with capture_logs() as logged:
        assert lane.settle()
    try:
        takes = {name: lane.takes(Analyzing(one), died=False) for name, one in models.current.items()}
        assert takes == {"changed": False, "same": True}
        (said,) = lane.compute(Analyzing(models.current["same"]), [("text", {"text": TEXT})])
        assert said.sha256 == answering_sha256(other_model)
        (mismatch,) = [one for one in logged if one["log_level"] == "error"]
        assert mismatch["models"] == ["changed"]
        models.reload()
        renewed = lane.ask_to_renew()
        assert lane.settle()
        assert renewed.is_set()
        assert lane.takes(Analyzing(models.current["changed"]), died=False)
    finally:
        lane.close()
