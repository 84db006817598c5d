"""A language model that is none: a server on this machine that speaks both protocols, and misbehaves when asked to."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any

import attrs

from redheart_labelling.schema_option import read_schema

THREADS = 16
"""More than connections at once."""
PATHS = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}


@attrs.frozen
class Request:
    """What has come in."""

    number: int
    """From 1."""
    protocol: str
    text: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: float


@attrs.frozen
class Response:
    """What goes out."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    cut: bool = False
    """The connection breaks in the middle of the body."""
    tokens: tuple[int, int] | None = None
    """What the request costs, in and out."""
    after_s: float = 0.0


Behave = Callable[[Request], Response]


def shares(text: str, *more: object) -> list[float]:
    """Numbers that follow from a text."""
    digest = hashlib.sha256(repr((text, *more)).encode()).digest()
    return [byte / 255 for byte in digest] * 2


def labels(fields: str, text: str, *more: object) -> dict[str, Any]:
    """A right answer, the same whenever the text and what stands behind it are the same."""
    schema, numbers, table = read_schema(fields), shares(text, *more), dict[str, Any]()
    for field in schema.fields:
        keys = list(schema.keys(field))
        given = [field.low + (field.high - field.low) * one for one in numbers[: len(keys) or 1]]
        if field.binary:
            given = [float(one > 0.8) for one in given]
        if field.simplex:
            given = [one / sum(given) for one in given]
        given = [round(one, 3) for one in given]
        table[field.name] = dict(zip(keys, given, strict=True)) if keys else given[0]
    return table


def said(
    request: Request,
    answer: object,
    *,
    end: str | None = None,
    refusal: str | None = None,
    id_: str | None = None,
    tokens: tuple[int, int] | None = (200, 40),
    **more: Any,
) -> Response:
    """A reply of the request's protocol.

    Args:
        request: What it answers.
        answer: A text, or what is given as JSON.
        end: finish_reason or stop_reason.
        refusal: Words of a refusal (openai).
        id_: Of the reply; one of its own if left out.
        tokens: In and out; None states no usage.
        more: Of the response.
    """
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    name = id_ or f"reply-{request.number}"
    if request.protocol == "openai":
        message = {"role": "assistant", "content": text if refusal is None else None, "refusal": refusal}
        table: dict[str, Any] = {
            "id": name, "object": "chat.completion", "created": 1_700_000_000, "model": "made-up-1",
            "choices": [{"index": 0, "message": message, "finish_reason": end or "stop"}],
        }  # fmt: skip
        names = ("prompt_tokens", "completion_tokens")
    else:
        content = [{"type": "thinking", "thinking": "so", "signature": ""}, {"type": "text", "text": text}]
        table = {
            "id": name, "type": "message", "role": "assistant", "model": "made-up-1", "content": content,
            "stop_reason": end or "end_turn", "stop_sequence": None,
        }  # fmt: skip
        names = ("input_tokens", "output_tokens")
    if tokens is not None:
        table["usage"] = dict(zip(names, tokens, strict=True))
    return Response(json.dumps(table).encode(), tokens=tokens, **more)


def fault(status: int, words: str = "busy", **headers: str) -> Response:
    """A refusal by the server."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps({"error": {"message": words, "type": "made_up"}}).encode(), status, named)


class _Server(HTTPServer):
    """Threads that are there from the beginning: a command that is tested starts none here that it would leave."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._pool, together = ThreadPoolExecutor(THREADS), threading.Barrier(THREADS)
        for started in [self._pool.submit(together.wait) for _ in range(THREADS)]:
            started.result()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._pool.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # a fault of a test's own behaviour is shown, as ThreadingHTTPServer does
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        self._pool.shutdown()


class LanguageModel:
    """The server; what it has received, and what it charges for."""

    def __init__(self, fields: str, behave: Behave | None = None) -> None:
        self.behave: Behave = behave or (lambda request: said(request, labels(fields, request.text)))
        self.requests: list[Request] = []
        self.charged: list[tuple[int, int]] = []
        self.at_once = self._working = 0
        self._lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10.0

            def do_POST(self) -> None:
                model.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> LanguageModel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def url(self, protocol: str = "openai") -> str:
        """The base address that the clients take."""
        return f"{self.address}/v1" if protocol == "openai" else self.address

    @property
    def tokens(self) -> int:
        """All that was charged for."""
        return sum(given + answered for given, answered in self.charged)

    @property
    def texts(self) -> Sequence[str]:
        return [request.text for request in self.requests]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request, in a thread of its own."""
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            text = json.loads(body["messages"][-1]["content"])["text"]
            request = Request(len(self.requests) + 1, PATHS[handler.path], text, body, headers, time.monotonic())
            self.requests.append(request)
            self._working += 1
            self.at_once = max(self.at_once, self._working)
        response = self.behave(request)
        time.sleep(response.after_s)
        with self._lock:
            self._working -= 1
            if response.tokens is not None:
                self.charged.append(response.tokens)
        try:
            self._send(handler, response)
        except OSError:
            handler.close_connection = True  # the other side has given up

    def _send(self, handler: BaseHTTPRequestHandler, response: Response) -> None:
        handler.send_response(response.status)
        for name, value in {"Content-Type": "application/json", **response.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(response.body)))
        handler.end_headers()
        handler.wfile.write(response.body[: len(response.body) // 2] if response.cut else response.body)
        if response.cut:
            handler.close_connection = True
