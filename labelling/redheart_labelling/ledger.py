"""What follows from the lines of a journal: which answers there are, what was spent, and what may have been."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import attrs

from redheart_core.contract.errors import DataError
from redheart_labelling.replies import Reply
from redheart_labelling.spending import Usage

AGAIN = 0
"""The turn of a text that is labelled once more, for the noise floor; the passes count from 1."""


@attrs.frozen
class Header:
    """The first line: what decides an answer."""

    protocol: str
    endpoint: str
    """Its host."""
    model: str
    fields: tuple[str, ...]
    structured: bool
    temperature: float | None
    prompt_version: int
    prompt_sha256: str


@attrs.frozen
class Job:
    """One answer that is wanted."""

    record: str
    """Id of the text."""
    text_sha256: str
    turn: int

    @property
    def words(self) -> str:
        """For messages."""
        return f"{self.record}: " + ("labelled again" if self.turn == AGAIN else f"pass {self.turn}")


@attrs.frozen
class Said:
    """What is kept of a reply."""

    id: str
    model: str
    made: str
    answer: str
    usage: Usage | None

    @property
    def digest(self) -> str:
        """Equal for one reply that is given twice; empty if replies have no ids."""
        if not self.id:
            return ""
        return hashlib.sha256("\0".join((self.id, self.made, self.answer)).encode()).hexdigest()


@attrs.frozen
class Asked:
    """A request that is about to be sent."""

    request: int
    job: Job
    most: Usage
    """No request of this kind can use more."""
    time: str
    """UTC."""


@attrs.frozen
class Labelled:
    """A right answer."""

    request: int
    values: Mapping[str, Mapping[str, float]]
    said: Said
    seconds: float
    time: str


@attrs.frozen
class Wrong:
    """An answer that cannot be used."""

    request: int
    reason: str
    said: Said


@attrs.frozen
class Unpaid:
    """A request that was refused before it could cost anything."""

    request: int
    reason: str


@attrs.frozen
class Lost:
    """A request without a reply, which may have cost something."""

    request: int
    reason: str


@attrs.frozen
class GivenUp:
    """An answer that is not asked for any more."""

    job: Job
    reason: str


Line = Asked | Labelled | Wrong | Unpaid | Lost | GivenUp


def said_of(reply: Reply) -> Said:
    """What is kept of a reply."""
    return Said(reply.id, reply.model, reply.made, reply.text, reply.usage)


class Ledger:
    """The state after all lines so far."""

    def __init__(self) -> None:
        self.labelled: dict[Job, Labelled] = {}
        self.given_up: dict[Job, str] = {}
        self.wrong: dict[Job, list[str]] = {}
        """Reasons of the wrong answers since the job was last given up."""
        self.open: dict[int, Asked] = {}
        """Requests without an outcome: on their way, or cut off by a kill."""
        self.replies: set[str] = set()
        self.requests = self.unstated = self.unpaid = self.lost = self.wrong_answers = 0
        self.reported = Usage()
        """Tokens that the endpoint has stated."""
        self.assumed = Usage()
        """The most that requests can have used whose usage nobody knows, those without an outcome included."""

    def add(self, line: Line) -> None:
        """One more line.

        Raises:
            DataError: It does not follow from those before.
        """
        if isinstance(line, Asked):
            self.requests = max(self.requests, line.request)
            self.open[line.request] = line
            self.assumed += line.most
        elif isinstance(line, GivenUp):
            self.given_up[line.job] = line.reason
            self.wrong.pop(line.job, None)
        elif line.request not in self.open:
            raise DataError(f"it is the outcome of request {line.request}, which was not asked or has one already")
        else:
            self._close(self.open.pop(line.request), line)

    def _close(self, asked: Asked, line: Labelled | Wrong | Unpaid | Lost) -> None:
        if isinstance(line, Lost):
            self.lost += 1
            return
        if isinstance(line, Unpaid):
            self.unpaid += 1
            self.assumed -= asked.most
            return
        if line.said.usage is None:
            self.unstated += 1
        else:
            self.assumed -= asked.most
            self.reported += line.said.usage
        if line.said.digest:
            self.replies.add(line.said.digest)
        if isinstance(line, Labelled):
            self.labelled[asked.job] = line
            self.given_up.pop(asked.job, None)
        else:
            self.wrong_answers += 1
            self.wrong.setdefault(asked.job, []).append(line.reason)

    @property
    def spent(self) -> Usage:
        """At most so much has been spent."""
        return self.reported + self.assumed
