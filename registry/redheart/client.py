"""A client of `redheart serve` (pip install 'redheart[client]'): the same calls, over HTTP.

>>> from redheart.client import Client
>>> with Client("http://127.0.0.1:8080", key="rh_...") as client:  # doctest: +SKIP
...     client.analyze("I am so angry that he lied to me again.")["answers"][0]["field"]
'emotion'
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from redheart_core.contract.errors import RedheartError

__all__ = ["Client", "ServerError"]

Json = dict[str, Any]
_AGAIN = frozenset({429, 503})
"""Statuses of a request that may be asked again."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
"""The server has nothing of the request."""
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)
"""The server may have worked on it."""
_TEXTS = 64
"""Of one request."""


class ServerError(RedheartError):
    """A request that the server did not answer, as problem details (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title', '')}: {problem.get('detail', 'the server says no more')}")
        self.status, self.problem = status, problem

    @property
    def help(self) -> Mapping[str, Any] | None:
        """Help for a person in crisis; show it first."""
        found: Mapping[str, Any] | None = self.problem.get("help")
        return found


class Client:
    """A server that is asked; one connection is used again, and a with statement closes it.

    Args:
        url: Of the server.
        key: Made by `redheart serve keys add`; None where the server asks for none.
        timeout_s: For one answer.
        patience_s: For all attempts of a call together: one that gets 429 or 503, or no connection, is made again
            after the seconds that the server names. So is one whose connection is lost before its answer, unless it
            changes the memory: nobody knows then whether it was done.
        transport: How httpx connects, such as over a Unix socket.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        patience_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s, transport=transport)
        self._patience_s = patience_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def analyze(self, text: str | Mapping[str, Any], *, language: str | None = None, model: str | None = None) -> Json:
        """What `redheart analyze --json` gives of a text, or of a record with 'text' and other fields.

        Raises:
            ServerError: It is refused, or the server does not answer in time.
        """
        record = {"text": text} if isinstance(text, str) else dict(text)
        body = record if language is None else {**record, "language": language}
        found: Json = self._ask("POST", "/v1/analyze", body, {"model": model})
        return found

    def analyze_all(
        self,
        texts: Iterable[str | Mapping[str, Any]],
        *,
        language: str | None = None,
        model: str | None = None,
    ) -> list[Json]:
        """The same of each, in their order; one that is refused has 'refused' in place of answers.

        Raises:
            ServerError: The server does not answer in time, or a record is none.
        """
        given = list(texts)
        shared = {} if language is None else {"language": language}
        found: list[Json] = []
        for start in range(0, len(given), _TEXTS):
            body = {"texts": given[start : start + _TEXTS], **shared}
            found += self._ask("POST", "/v1/analyze", body, {"model": model})["analyses"]
        return found

    def decide(self, dilemma: Sequence[str] | Mapping[str, Any], *, model: str | None = None) -> Json:
        """What `redheart decide --json` gives of acts in words, or of a dilemma as in its file.

        Raises:
            ServerError: The dilemma is not whole, or the server does not answer in time.
        """
        body = dict(dilemma) if isinstance(dilemma, Mapping) else {"acts": list(dilemma)}
        found: Json = self._ask("POST", "/v1/decide", body, {"model": model})
        return found

    def models(self) -> list[Json]:
        """The models that answer, the first one where a call names none."""
        found: list[Json] = self._ask("GET", "/v1/models")
        return found

    def plugins(self) -> list[Json]:
        """What `redheart plugins list --json` gives on the server."""
        found: list[Json] = self._ask("GET", "/v1/plugins")
        return found

    def runs(self) -> list[Json]:
        """The runs of a server with --runs, the one with the newest event first."""
        found: list[Json] = self._ask("GET", "/v1/runs")
        return found

    def run(self, name: str) -> Json:
        """One of them: how far it is, its curves, and what was chosen.

        Raises:
            ServerError: There is none of that name, or it is damaged.
        """
        found: Json = self._ask("GET", f"/v1/runs/{quote(name, safe='')}")
        return found

    def remember(self, text: str, *, id: str | None = None, **case: Any) -> str:
        """Keep a case with labels, language, source and licence; returns its id.

        Raises:
            ServerError: It is refused, or the id is taken.
        """
        key = id or uuid.uuid4().hex  # so that an attempt after one whose answer was lost adds nothing twice
        found: str = self._ask("POST", "/v1/memory", {"text": text, "id": key, **case}, changes=True)["id"]
        return found

    def nearest(self, text: str, k: int = 5, **chosen: Any) -> list[Json]:
        """The nearest cases; conditions are those of redheart.memory.choose."""
        found: list[Json] = self._ask("POST", "/v1/memory/search", {"text": text, "k": k, **chosen})["cases"]
        return found

    def forget(self, **chosen: Any) -> int:
        """Delete the cases that are chosen, or all=True; returns how many."""
        found: int = self._ask("POST", "/v1/memory/delete", chosen, changes=True)["deleted"]
        return found

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        params: Mapping[str, str | None] = {},
        changes: bool = False,
    ) -> Any:
        given = {name: value for name, value in params.items() if value is not None}
        again = _NOT_SENT if changes else _NOT_SENT + _LOST
        answer = self._patiently(lambda: self._http.request(method, path, json=body, params=given), again)
        if answer.is_success:
            return answer.json()
        raise ServerError(answer.status_code, _problem(answer))

    def _patiently(
        self, attempt: Callable[[], httpx.Response], again: tuple[type[httpx.TransportError], ...]
    ) -> httpx.Response:
        """Attempt until it is answered, or patience ends; errors of the classes of `again` are no answer."""
        until, wait_s = time.monotonic() + self._patience_s, 0.25
        while True:
            try:
                answer = attempt()
            except httpx.TransportError as error:
                if not isinstance(error, again) or time.monotonic() + wait_s > until:
                    raise ServerError(0, _without_answer(error, self._http.base_url)) from error
                time.sleep(wait_s)
            else:
                named_s = float(answer.headers.get("retry-after", wait_s))
                if answer.status_code not in _AGAIN or time.monotonic() + named_s > until:
                    return answer
                time.sleep(named_s)
            wait_s = min(2 * wait_s, 8.0)


def _without_answer(error: httpx.TransportError, url: httpx.URL) -> Mapping[str, Any]:
    """The problem details of a call that no server has answered."""
    if isinstance(error, _NOT_SENT):
        return {"title": "No connection", "detail": f"{url} cannot be reached: {error}"}
    if isinstance(error, httpx.TimeoutException):
        return {"title": "No answer", "detail": f"{url} did not answer in time; a larger timeout_s waits longer"}
    detail = f"the connection to {url} was lost before an answer came, so that it is not known what was done: {error}"
    return {"title": "Connection lost", "detail": detail}


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    """The problem details; of another server in between, what there is."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        found: Mapping[str, Any] = answer.json()
        return found
    return {"title": answer.reason_phrase, "detail": answer.text[:200]}
