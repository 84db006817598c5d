"""POST /v1/decide, /v1/memory and /metrics: what the library says, and every body that is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from front_door import Finished
from prometheus_client.parser import text_string_to_metric_families

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

import redheart
from redheart.decision_json import dilemma_schema
from redheart_server.served import Models
from redheart_server.state import State

DILEMMA: dict[str, Any] = {
    "situation": "My father asks how ill he is.",
    "outcomes": ["he copes", "he despairs"],
    "probabilities": [0.7, 0.3],
    "acts": [
        {"text": "telling him the truth", "payoffs": [5, -4]},
        {"text": "saying that all is well", "payoffs": [1, 1]},
    ],
}
ACTS: dict[str, Any] = {"acts": ["telling my boss that the numbers are wrong", "keeping quiet about the numbers"]}


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


def post(models: Models, path: str, *bodies: Any) -> list[httpx.Response]:
    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        return [await client.post(path, json=body) for body in bodies]

    return asked(models, ask)


def test_a_decision_is_exactly_that_of_the_library(models: Models) -> None:
    from redheart.deciding import decide_with

    (served,) = models.current.values()
    for answer, given in zip(post(models, "/v1/decide", DILEMMA, ACTS), (DILEMMA, ACTS), strict=True):
        assert answer.status_code == 200
        assert answer.json() == json.loads(json.dumps(decide_with(served.model, None, given).to_json()))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "acts"),
        ({"acts": ["one"]}, "two acts or more"),
        ({"acts": ["one act", "another"], "weights": {"virtue": 1}}, "no criterion virtue"),
        ({"acts": ["one act", "another"], "other": 1}, "other"),
        ({"acts": 3}, "acts"),
    ],
)
def test_a_dilemma_that_is_not_whole_is_refused_in_words(models: Models, body: Any, says: str) -> None:
    (answer,) = post(models, "/v1/decide", body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_help_stands_first_in_a_decision_and_where_one_is_refused(models: Models) -> None:
    acute = "I am standing on the bridge and I am going to jump now."
    decided, refused = post(models, "/v1/decide", {"acts": [acute, "going home"]}, {"acts": [acute]})
    assert (decided.status_code, refused.status_code) == (200, 422)
    assert decided.json()["help"]["acute"]
    assert decided.json()["acts"] == []
    assert next(iter(refused.json())) == "help"


def test_the_document_describes_a_dilemma_and_a_decision(models: Models) -> None:
    async def ask(client: httpx.AsyncClient, state: State) -> Any:
        return (await client.get("/openapi.json")).json()

    document = asked(models, ask)
    validator = jsonschema.Draft202012Validator({**document, "$ref": "#/components/schemas/dilemma"})
    validator.validate(DILEMMA)
    assert not validator.is_valid({"acts": ["one"]})
    assert dilemma_schema()["properties"].keys() == document["components"]["schemas"]["dilemma"]["properties"].keys()
    decision = jsonschema.Draft202012Validator({**document, "$ref": "#/components/schemas/decision"})
    for answer in post(models, "/v1/decide", DILEMMA, ACTS):
        decision.validate(answer.json())


def test_a_memory_keeps_finds_and_deletes_as_the_library_does(finished: Finished, tmp_path: Path) -> None:
    where = tmp_path / "cases.db"
    text, near = "She returned the money that she had found.", "The boy brought the purse back to its owner."
    acute = "I am standing on the bridge and I am going to jump now."

    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        bodies: list[tuple[str, Any]] = [
            ("/search", {"text": near}),
            ("/delete", {"all": True}),
            ("", {"text": text, "id": "a", "labels": {"votes.right": 5}, "source": "diary"}),
            ("", {"text": text, "id": "a"}),
            ("", {"text": f"{text} I want to die."}),
            ("/search", {"text": near, "k": 3, "labels": ["votes.right>=5"]}),
            ("/search", {"text": acute}),
            ("/search", {"text": near, "k": 0}),
            ("/delete", {}),
            ("/delete", {"before": "a day"}),
            ("/delete", {"ids": ["a"]}),
        ]
        return [await client.post(f"/v1/memory{path}", json=body) for path, body in bodies]

    none, nothing, added, twice, crisis, found, help_, few, unchosen, day, deleted = asked(
        loaded(finished.model, memory=str(where)), ask
    )
    assert (none.json(), nothing.json()) == ({"help": None, "cases": []}, {"deleted": 0, "cases": 0})
    assert added.json() == {"id": "a", "cases": 1}
    assert [one.status_code for one in (twice, crisis, few, unchosen, day)] == [422] * 5
    assert next(iter(crisis.json())) == "help"
    (case,) = found.json()["cases"]
    assert (case["id"], case["labels"], case["text"]) == ("a", {"votes.right": 5.0}, None)
    assert "vector" not in case
    assert help_.json()["help"]["acute"]
    assert help_.json()["cases"] == []
    assert deleted.json() == {"deleted": 1, "cases": 0}
    with redheart.memory.open(where, finished.model) as memory:
        assert len(memory) == 0


def test_where_vectors_alone_show_a_crisis_nothing_is_kept_and_help_stands_first(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redheart_core.safety.vectors.reads_vectors_of", lambda _: True)
    monkeypatch.setattr("redheart_core.safety.vectors.score_chunks", lambda _: [1000.0])
    monkeypatch.setattr("redheart_core.safety.adapted.score_sentences", lambda _, second: [None] * len(second))

    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.post("/v1/memory", json={"text": "She returned the money that she had found."})

    where = tmp_path / "cases.db"
    refused = asked(loaded(finished.model, memory=str(where)), ask)
    assert refused.status_code == 422
    assert next(iter(refused.json())) == "help"
    assert "it has a sign of a crisis, so nothing of it is kept" in refused.json()["detail"]
    assert not where.exists()

    async def search(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.post("/v1/memory/search", json={"text": "She returned the money."})

    with redheart.memory.open(where, finished.model) as memory:
        memory.add(memory._maker.encoded("She returned the money.", "text")[0])
    monkeypatch.setattr("redheart_core.safety.vectors.score_chunks", lambda _: [1.5])  # too little for help alone
    found = asked(loaded(finished.model, memory=str(where)), search)
    assert next(iter(found.json())) == "help"
    assert found.json()["help"]["signs"][0]["unforeseen"]
    assert len(found.json()["cases"]) == 1


def test_a_server_without_a_memory_knows_no_such_path(models: Models) -> None:
    (answer,) = post(models, "/v1/memory", {"text": "a text"})
    assert answer.status_code == 404


def test_metrics_count_requests_batches_and_models_and_hold_no_text(models: Models) -> None:
    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        await client.post("/v1/analyze", json={"texts": ["I am angry at my neighbour."] * 3})
        await client.post("/v1/analyze", json={})
        await client.get("/neighbour")
        while "batch_items_sum 0.0" in (found := await client.get("/metrics")).text:
            await asyncio.sleep(0.01)  # a batch is counted once its answers are on their way
        return found

    answer = asked(models, ask)
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["redheart_requests_total", "/v1/analyze", "200"] == 1
    assert samples["redheart_requests_total", "/v1/analyze", "422"] == 1
    assert samples["redheart_requests_total", "none", "404"] == 1
    assert samples[("redheart_batch_items_sum",)] == 3
    assert samples[("redheart_waiting_items",)] == 0
    assert samples["process_resident_memory_bytes", "1"] > 1e6
    assert any(key[0] == "redheart_model_info" and "m0" in key for key in samples)
    assert "neighbour" not in answer.text
