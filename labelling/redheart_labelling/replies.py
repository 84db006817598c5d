"""What endpoints answer: replies of both protocols in one form, and faults by what is to be done about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

from redheart_core.storage.jsonlines import parse_json
from redheart_labelling.schema import AnswerSchema, Values, WrongAnswerError, writable
from redheart_labelling.spending import Usage

Remedy = Literal["retry", "next", "stop"]
"""Send the request again, leave this text and go on with the next one, or end the command."""
End = Literal["whole", "cut off", "refused"]
_STOPS = (401, 402, 403, 404, 405)
"""Key, payment, rights, address: no other request would fare better."""
_RETRIED = (408, 409, 425, 429)
_MOST_TOKENS = 10**9
"""No reply has more; what says so states no usage."""
_MAY_COST = (408, 500, 502, 504)
"""What stands behind a gateway may have answered."""


class EndpointError(Exception):
    """No usable reply has come.

    Attributes:
        remedy: What is to be done.
        may_cost: The provider may charge for the request, and nobody knows how much.
        retry_after_s: How long the endpoint asks to wait.
    """

    def __init__(self, words: str, remedy: Remedy, may_cost: bool, retry_after_s: float | None = None) -> None:
        super().__init__(writable(words))
        self.remedy, self.may_cost, self.retry_after_s = remedy, may_cost, retry_after_s


@attrs.frozen
class Reply:
    """A whole reply, whatever the model has said in it."""

    id: str
    """As the endpoint gives it; empty if it gives none."""
    model: str
    """That has answered, as the endpoint says; empty if it does not."""
    text: str
    end: End
    usage: Usage | None
    """None if the endpoint does not say."""
    made: str
    """The time that the endpoint states; empty if it states none."""


def fault_of_status(status: int, words: str, retry_after_s: float | None) -> EndpointError:
    """The fault that an HTTP status stands for."""
    if status in _STOPS or status < 400:
        return EndpointError(words, "stop", False)
    retried = status in _RETRIED or status >= 500
    return EndpointError(words, "retry" if retried else "next", status in _MAY_COST, retry_after_s)


def parse_reply(body: bytes, read: Callable[[dict[str, Any]], Reply]) -> Reply:
    """The reply in a body.

    Raises:
        EndpointError: It is no whole JSON, or not of the protocol.
    """
    try:
        table = parse_json(body)
        if not isinstance(table, dict):
            raise ValueError(f"expects an object, got {type(table).__name__}")
        return read(table)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError) as error:
        raise EndpointError(
            f"the reply is not of the protocol ({type(error).__name__}: {error})", "retry", True
        ) from error


def read_openai(table: dict[str, Any]) -> Reply:
    """A chat completion."""
    choice = table["choices"][0]
    message, reason = _table(choice["message"]), choice["finish_reason"]
    refusal, usage = message.get("refusal"), _table(table.get("usage") or {})
    refused = bool(refusal) or reason == "content_filter"
    end: End = "refused" if refused else "cut off" if reason == "length" else "whole"
    return Reply(
        id=_text(table.get("id")),
        model=_text(table.get("model")),
        text=_text(refusal) or _text(message.get("content")),
        end=end,
        usage=_usage(usage.get("prompt_tokens"), usage.get("completion_tokens")),
        made=str(table.get("created", "")),
    )


def read_anthropic(table: dict[str, Any]) -> Reply:
    """A message."""
    reason, usage = table["stop_reason"], _table(table.get("usage") or {})
    cached = [usage.get(name) or 0 for name in ("cache_creation_input_tokens", "cache_read_input_tokens")]
    given = usage.get("input_tokens")
    cut = reason in ("max_tokens", "model_context_window_exceeded")
    return Reply(
        id=_text(table.get("id")),
        model=_text(table.get("model")),
        text="".join(_text(block["text"]) for block in table["content"] if block["type"] == "text"),
        end="refused" if reason == "refusal" else "cut off" if cut else "whole",
        usage=_usage(None if given is None else given + sum(cached), usage.get("output_tokens")),
        made="",
    )


def values_of(reply: Reply, schema: AnswerSchema, max_tokens: int) -> Values:
    """The numbers of a reply.

    Raises:
        WrongAnswerError: The model refused, was cut off, or did not keep to the schema.
    """
    if reply.end == "refused":
        raise WrongAnswerError(f"the model refused: {reply.text.strip() or 'it gives no reason'!s:.200}")
    if reply.end == "cut off":
        raise WrongAnswerError(
            f"the answer was cut off, at most {max_tokens:,} tokens were allowed; raise --max-tokens"
        )
    return schema.read(reply.text)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expects an object, got {type(value).__name__}")
    return value


def _usage(given: object, answered: object) -> Usage | None:
    if type(given) is not int or type(answered) is not int:
        return None
    return Usage(given, answered) if min(given, answered) >= 0 and max(given, answered) <= _MOST_TOKENS else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expects text, got {type(value).__name__}")
    return writable(value)
