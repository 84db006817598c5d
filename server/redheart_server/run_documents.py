"""What /v1/runs answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from redheart_server.documents import LISTED, PROBLEMS, json_answer, object_of

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_OPEN: Schema = {"type": ["number", "null"]}
_OPEN_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
_OPEN_TEXT: Schema = {"type": ["string", "null"]}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _table(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


_INTERVAL = object_of(value=_OPEN, low=_OPEN, high=_OPEN, reason=_said(_TEXT, "Why there is no value"))
_LINE: dict[str, Schema] = {
    "name": _TEXT,
    "state": {"enum": ["starting", "running", "interrupted", "finished", "damaged"]},
    "damage": _said(_TEXT, "What is wrong with a damaged run; empty if nothing is"),
    "changed": {"type": "string", "format": "date-time", "description": "When its newest event was written, in UTC"},
    "groups": _COUNT,
    "epochs_done": _said(_COUNT, "Over all groups"),
    "epochs_planned": _COUNT,
    "peak_memory_bytes": _said(_OPEN_COUNT, "The most that the newest process has held"),
}
_EPOCH = object_of(
    epoch=_said(_COUNT, "From 1; 0 is before the first update"),
    train_loss=_NUMBER,
    validation_loss=_NUMBER,
    metrics=_said(_table(_OPEN), 'Of validation, by "node.metric"; null where undefined'),
    learning_rate=_NUMBER,
    sha256=_said(_OPEN_TEXT, "Of the checkpoint; null if it is no longer kept"),
    seconds=_said(_OPEN, "Of training alone"),
    updates=_COUNT,
    gradient=_table(_NUMBER),
    averaged=_said({"type": "boolean"}, "Weights are the moving average at the end of the epoch"),
)
_GROUP = object_of(
    name=_TEXT,
    tier=_COUNT,
    status={"enum": ["no epoch yet", "running", "stopped", "finished", "nothing to train"]},
    reason=_said(_TEXT, "Why it stopped, otherwise empty"),
    planned=_COUNT,
    done=_COUNT,
    epochs=_said(_list(_EPOCH), "The learning curve"),
    best={"anyOf": [_EPOCH, {"type": "null"}]},
    seconds_per_epoch=_OPEN,
)
_STATUS = object_of(
    state={"enum": ["starting", "running", "interrupted", "finished"]},
    interleave=_TEXT,
    groups=_list(_GROUP),
    process=_OPEN_COUNT,
    host=_OPEN_TEXT,
    peak_memory_bytes=_OPEN_COUNT,
    elapsed_s=_OPEN,
    seconds_left=_NUMBER,
    unmeasured=_said(_list(_TEXT), "Groups with epochs to come whose duration is unknown"),
)
_CROSSOVER = object_of(
    common_epoch=_COUNT,
    mean_cost=_said(_NUMBER, "Mean relative excess of the validation loss at the common epoch"),
    groups=_list(
        object_of(
            group=_TEXT,
            best_epoch=_COUNT,
            interval=_said(_list(_COUNT), "Of the best epoch: first and last"),
            validation_loss=_NUMBER,
            common_validation_loss=_NUMBER,
            cost=_NUMBER,
        )
    ),
)
_RUN = object_of(
    **_LINE,
    status=_said(_STATUS, "As redheart watch --json prints it, without the path"),
    crossover={"anyOf": [_CROSSOVER, {"type": "null"}], "description": "Null before redheart sweetspot"},
    methods=_said(
        _list(object_of(method=_TEXT, difference=_NUMBER, error=_OPEN)),
        "Mean difference of the validation loss from the plain selection, in shares of it; below 0 is better",
    ),
    variants=_said(
        _list(object_of(variant=_TEXT, skill=_INTERVAL, gain=_INTERVAL)),
        "On the test split: mean skill, and its gain over the best common epoch",
    ),
    damages=_said(_list(_TEXT), "What is wrong with a damaged file of the choices"),
    bytes=_said(_table(_COUNT), "On disk, by what stands directly in the folder"),
    free_bytes=_said(_COUNT, "On the disk of the folder"),
)
RUNS = {
    **LISTED,
    200: json_answer("All of them", _list(object_of(**_LINE))),
    422: {**PROBLEMS[422], "description": "A parameter is refused"},
}
RUN = {
    **LISTED,
    200: json_answer("It is here", _RUN),
    404: {**PROBLEMS[404], "description": "There is no such run"},
    422: {**PROBLEMS[422], "description": "The run is damaged, or a parameter is refused"},
}
