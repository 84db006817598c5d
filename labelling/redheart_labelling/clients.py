"""The official clients of OpenAI and Anthropic, with their own retries off; the key is in them and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from redheart_core.contract.errors import SettingsError
from redheart_labelling.pace import retry_after_s
from redheart_labelling.prompt import Prompt, user_message
from redheart_labelling.replies import EndpointError, Reply, fault_of_status, parse_reply, read_anthropic, read_openai
from redheart_labelling.settings import Question, Transport

if TYPE_CHECKING:
    import httpx2

HIDDEN = "[key]"
_SHOWN = 300
"""Characters of an endpoint's own words that a message keeps."""


class Asker(Protocol):
    """Sends one request."""

    def __call__(self, text: str) -> Reply:
        """The reply about a text.

        Raises:
            EndpointError: None has come.
        """


@attrs.frozen
class _Errors:
    """The errors of a client; both are generated alike."""

    status: type[Any]
    connection: type[Any]
    timeout: type[Any]


@attrs.frozen
class _Connection:
    """An open client."""

    ask: Asker
    close: Callable[[], None]


@contextmanager
def connected(question: Question, prompt: Prompt, transport: Transport, max_tokens: int, key: str) -> Iterator[Asker]:
    """What sends requests, from several threads at once; connections are closed at the end.

    Args:
        question: Endpoint and model.
        prompt: What is sent with every text.
        transport: Times and limits.
        max_tokens: Of an answer.
        key: For the endpoint; in no reply and no fault.

    Raises:
        SettingsError: The client is not installed.
    """
    connect = _openai if question.endpoint.protocol == "openai" else _anthropic
    try:
        connection = connect(question, prompt, transport, max_tokens, key)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"labelling needs the package '{error.name}', which is not installed; pip install 'redheart[label]'"
        ) from error
    try:
        yield lambda text: _without(key, connection.ask, text)
    finally:
        connection.close()


def _openai(question: Question, prompt: Prompt, transport: Transport, max_tokens: int, key: str) -> _Connection:
    import openai

    client = openai.OpenAI(
        api_key=key, base_url=question.endpoint.url, max_retries=0,
        http_client=openai.DefaultHttpxClient(timeout=transport.timeout_s, follow_redirects=False),
    )  # fmt: skip
    errors = _Errors(openai.APIStatusError, openai.APIConnectionError, openai.APITimeoutError)
    more: dict[str, Any] = {transport.output_limit: max_tokens}
    if question.temperature is not None:
        more["temperature"] = question.temperature
    if question.structured:
        schema = {"name": "labels", "strict": True, "schema": prompt.schema}
        more["response_format"] = {"type": "json_schema", "json_schema": schema}

    def send(text: str) -> httpx2.Response:
        messages: Any = [{"role": "system", "content": prompt.system}, {"role": "user", "content": user_message(text)}]
        raw = client.chat.completions.with_raw_response.create(model=question.model, messages=messages, **more)
        return raw.http_response

    return _Connection(lambda text: parse_reply(_body(lambda: send(text), errors), read_openai), client.close)


def _anthropic(question: Question, prompt: Prompt, transport: Transport, max_tokens: int, key: str) -> _Connection:
    import anthropic

    client = anthropic.Anthropic(
        api_key=key, base_url=question.endpoint.url, max_retries=0, open_telemetry=False,
        http_client=anthropic.DefaultHttpxClient(timeout=transport.timeout_s, follow_redirects=False),
    )  # fmt: skip
    errors = _Errors(anthropic.APIStatusError, anthropic.APIConnectionError, anthropic.APITimeoutError)
    more: dict[str, Any] = {}
    if question.temperature is not None:
        more["extra_body"] = {"temperature": question.temperature}  # the client has no argument for it
    if question.structured:
        more["output_config"] = {"format": {"type": "json_schema", "schema": prompt.schema}}

    def send(text: str) -> httpx2.Response:
        raw = client.messages.with_raw_response.create(
            model=question.model, max_tokens=max_tokens, system=prompt.system,
            messages=[{"role": "user", "content": user_message(text)}], timeout=transport.timeout_s, **more,
        )  # fmt: skip
        return raw.http_response

    return _Connection(lambda text: parse_reply(_body(lambda: send(text), errors), read_anthropic), client.close)


def _body(send: Callable[[], httpx2.Response], errors: _Errors) -> bytes:
    """The body of a reply; what a client raises becomes a fault."""
    import httpx2

    try:
        return send().content
    except errors.status as error:
        response = error.response
        waits = retry_after_s(response.headers.get("retry-after"))
        words = f"HTTP {response.status_code}: {' '.join(response.text.split())[:_SHOWN] or 'no words'}"
        raise fault_of_status(response.status_code, words, waits) from None
    except errors.timeout as error:
        sent = not isinstance(error.__cause__, httpx2.ConnectTimeout)
        raise EndpointError("no reply in time (--timeout)", "retry", sent) from None
    except errors.connection as error:
        sent = not isinstance(error.__cause__, httpx2.ConnectError)
        words = f"the connection {'broke' if sent else 'was refused'} ({error.__cause__!s:.200})"
        raise EndpointError(words, "retry", sent) from None


def _without(key: str, send: Asker, text: str) -> Reply:
    """The reply or the fault, with the key hidden should the endpoint repeat it."""
    try:
        reply = send(text)
    except EndpointError as fault:
        fault.args = (str(fault).replace(key, HIDDEN),)
        raise
    hidden = {name: getattr(reply, name).replace(key, HIDDEN) for name in ("id", "model", "text", "made")}
    return attrs.evolve(reply, **hidden)


def check_key(key: str | None, variable: str) -> str:
    """The key from an environment variable.

    Raises:
        SettingsError: There is none, or no HTTP header can hold it; the message does not show it.
    """
    if not key or not key.strip():
        raise SettingsError(
            f"there is no key in the environment variable {variable}; set it (an endpoint that needs none takes any "
            "word), or name another one with --key-variable"
        )
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise SettingsError(f"the key in {variable} has characters that no HTTP header can hold; set it anew")
    return key
