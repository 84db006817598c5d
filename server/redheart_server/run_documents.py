"""What /v1/runs answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from redheart_server.documents import PROBLEMS, REFUSED, json_answer
from redheart_server.run_answers import STATUS_FORMS, RunLine, WholeRun
from redheart_server.schemas import Schema, schema_of

_NAMES = {"validation_loss": "return"}


def run_schema() -> Schema:
    """Of one run; of agents with returns in place of validation losses, as RunStatus.to_json has them."""
    found = schema_of(WholeRun, STATUS_FORMS)
    status = found["properties"]["status"]
    meaning = status.pop("description")
    found["properties"]["status"] = {"anyOf": [status, _of_returns(status)], "description": meaning}
    return found


def _of_returns(value: Any) -> Any:
    if isinstance(value, dict):
        return {_NAMES.get(key, key): _of_returns(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_of_returns(one) for one in value]
    return _NAMES.get(value, value) if isinstance(value, str) else value


RUNS = {
    **REFUSED,
    200: json_answer("All of them", {"type": "array", "items": schema_of(RunLine)}, "runs"),
    422: {**PROBLEMS[422], "description": "A parameter is refused"},
}
RUN = {
    **REFUSED,
    200: json_answer("It is here", run_schema(), "run"),
    404: {**PROBLEMS[404], "description": "There is no such run"},
    422: {**PROBLEMS[422], "description": "The run is damaged, or a parameter is refused"},
}
