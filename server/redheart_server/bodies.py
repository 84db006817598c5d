"""Bodies of requests as the library takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from redheart_core.storage.jsonlines import parse_json
from redheart_server.problems import ProblemError, refuse_fields

if TYPE_CHECKING:
    from redheart.models import Model

Body = TypeVar("Body", bound=BaseModel)

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
KOREAN = "나는 친구에게 거짓말을 했다."


class Record(BaseModel):
    """A text, and the fields that plugins read beside it, as on a line of `redheart analyze --jsonl`.

    A model that was trained on records without texts takes the fields alone.
    """

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"example": {"text": TEXT}})

    text: Annotated[
        str | None, Field(description="1 to 100,000 characters with at least one letter", validate_default=True)
    ] = None
    language: Annotated[str | None, Field(description="ISO 639 code; detected if left out")] = None

    @field_validator("text")
    @classmethod
    def _is_given(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None and (info.context is None or info.context["texts"]):
            raise PydanticCustomError("missing", "Field required")
        return text

    def plain(self) -> dict[str, Any]:
        """As the library takes it."""
        declared = type(self).model_fields
        return {name: value for name, value in self.model_dump().items() if name not in declared or value is not None}


def _as_record(given: object) -> object:
    if isinstance(given, str):
        return {"text": given}
    if isinstance(given, dict):
        return given
    raise PydanticCustomError("text_or_record", "expects a text or an object with a 'text'")


class Several(BaseModel):
    """Several texts or records, which are answered together."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"texts": [TEXT, KOREAN]}})

    texts: Annotated[
        list[Annotated[Record, BeforeValidator(_as_record, json_schema_input_type=str | Record)]], Field(min_length=1)
    ]
    language: Annotated[str | None, Field(description="Of those that state none; detected if left out")] = None

    def plain(self) -> list[dict[str, Any]]:
        """As the library takes them."""
        shared: Mapping[str, Any] = {} if self.language is None else {"language": self.language}
        return [{**shared, **one.plain()} for one in self.texts]


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        ProblemError: It is something else, or is not declared as JSON, which a page of another site cannot do unasked.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, f"expects content-type: application/json, got {kind[:60] or 'none'}")
    try:
        value = parse_json((await request.body()).decode("utf-8"))
    except RecursionError as error:
        raise ProblemError(400, "the body is JSON that is nested too deeply") from error
    except ValueError as error:
        raise ProblemError(400, f"the body is not JSON in UTF-8: {error}") from error
    if not isinstance(value, dict):
        raise ProblemError(422, f"the body has to be a JSON object, got {type(value).__name__}")
    return value


def read_as(cls: type[Body], value: Mapping[str, Any], texts: bool = True) -> Body:
    """The object as a body of a class.

    Args:
        cls: What the body is.
        value: The object.
        texts: Whether its records need a text.

    Raises:
        ProblemError: It does not fit; names every place.
    """
    try:
        return cls.model_validate(value, context={"texts": texts})
    except ValidationError as error:
        raise refuse_fields(error.errors(include_url=False, include_input=False, include_context=False)) from None


def as_record(value: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The record that a body is, as the library takes it.

    Raises:
        ProblemError: It does not fit, or has a key that is neither its own nor a field of the model, as a misspelt one
            would otherwise be ignored; names every place.
    """
    record = read_as(Record, value, model.reads_texts)
    _require_known({(): record}, model)
    return record.plain()


def as_records(value: Mapping[str, Any], model: Model) -> list[dict[str, Any]]:
    """That, or those of its "texts", likewise."""
    if "texts" not in value:
        return [as_record(value, model)]
    several = read_as(Several, value, model.reads_texts)
    _require_known({("texts", number): one for number, one in enumerate(several.texts)}, model)
    return several.plain()


def _require_known(records: Mapping[tuple[str | int, ...], Record], model: Model) -> None:
    """Records of a data set may be given as they are: with "id", and with the labels that the model answers."""
    known = {"id", *model.assembled.fields}
    fields = f", and of this model {', '.join(model.read_fields)}" if model.read_fields else ""
    unknown = [(*place, key) for place, one in records.items() for key in one.model_extra or () if key not in known]
    if unknown:
        expected = f"not known; a record has text and language{fields}"
        raise refuse_fields([{"loc": place, "msg": expected} for place in unknown])
