"""One wanted answer: asked for until it is right, with faults of the endpoint in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from redheart_core.contract.errors import RedheartError
from redheart_labelling.clients import Asker
from redheart_labelling.journal import Journal
from redheart_labelling.ledger import Asked, GivenUp, Job, Labelled, Lost, Unpaid, Wrong, said_of
from redheart_labelling.pace import LONGEST_RETRY_AFTER_S, Pace, backoff_s
from redheart_labelling.replies import EndpointError, Reply, values_of
from redheart_labelling.schema import AnswerSchema, WrongAnswerError
from redheart_labelling.settings import Effort, Transport
from redheart_labelling.spending import Budget, Usage


class LabellingError(RedheartError, ValueError):
    """An endpoint cannot be worked with; what was answered is kept."""


class BudgetSpentError(Exception):
    """The next request could exceed the budget."""


class StoppedError(Exception):
    """The work stops for a reason that another thread has."""


class UnansweredError(Exception):
    """No reply has come about a text; it is asked for again by the next command."""


@attrs.frozen
class Desk:
    """What all threads work with."""

    ask: Asker
    journal: Journal
    schema: AnswerSchema
    texts: Mapping[str, str]
    """By id."""
    most: Mapping[str, Usage]
    """By id: no request about the text can use more."""
    effort: Effort
    transport: Transport
    budget: Budget
    pace: Pace
    stop: threading.Event


def label_one(desk: Desk, job: Job) -> None:
    """Ask until there is a right answer, or as often as is allowed.

    Raises:
        BudgetSpentError: The next request could exceed the budget.
        StoppedError: The work stops.
        UnansweredError: The endpoint gave no reply about this text.
        LabellingError: The endpoint cannot be worked with at all.
    """
    reasons = list(desk.journal.ledger.wrong.get(job, ()))
    while len(reasons) < desk.effort.attempts:
        line = _answer(desk, job)
        if isinstance(line, Labelled):
            return
        reasons.append(line.reason)
    desk.journal.add(GivenUp(job, f"{len(reasons)} wrong answers, the last: {reasons[-1]}"))


def _answer(desk: Desk, job: Job) -> Labelled | Wrong:
    """One answer, right or wrong, written down."""
    start = time.monotonic()
    asked, reply = _reply(desk, job)
    try:
        said, most = said_of(reply), asked.most
        try:
            values = values_of(reply, desk.schema, most.output)
        except WrongAnswerError as error:
            line: Labelled | Wrong = desk.journal.add(Wrong(asked.request, str(error), said))
        else:
            seconds = round(time.monotonic() - start, 3)
            line = desk.journal.answer(Labelled(asked.request, values, said, seconds, now()))
    finally:
        desk.budget.settle(most, reply.usage or most)
    if reply.usage is not None and desk.budget.limited and not reply.usage.within(most):
        raise LabellingError(
            f"the endpoint states {reply.usage.input:,} tokens in and {reply.usage.output:,} out for a request that "
            f"may take {most.input:,} and {most.output:,}: it does not keep to {desk.transport.output_limit}, so no "
            "budget can be kept; try the other --output-limit"
        )
    return line


def _reply(desk: Desk, job: Job) -> tuple[Asked, Reply]:
    """A reply, after as many faults as are allowed."""
    most = desk.most[job.record]
    words = ""
    for retry in range(desk.transport.retries + 1):
        asked = _begin(desk, job, most)
        try:
            return asked, desk.ask(desk.texts[job.record])
        except EndpointError as fault:
            words = str(fault)
            desk.journal.add((Lost if fault.may_cost else Unpaid)(asked.request, words))
            desk.budget.settle(most, most if fault.may_cost else Usage())
            _react(desk, fault, words)
            pause = max(backoff_s(desk.transport, desk.effort.seed, job.words, retry), fault.retry_after_s or 0.0)
        if retry < desk.transport.retries and desk.stop.wait(pause):
            raise StoppedError
    raise UnansweredError(f"no reply to {desk.transport.retries + 1} requests, the last: {words}")


def _begin(desk: Desk, job: Job, most: Usage) -> Asked:
    """Reserve what a request can cost, wait for its turn, and write it down."""
    if not desk.budget.reserve(most):
        if desk.stop.is_set():
            raise StoppedError
        raise BudgetSpentError
    if not desk.pace.wait(most.total, desk.stop):
        desk.budget.settle(most, Usage())
        raise StoppedError
    return desk.journal.ask(Asked(0, job, most, now()))


def _react(desk: Desk, fault: EndpointError, words: str) -> None:
    """End the command or leave the text, where a fault asks for it; let all threads wait where the endpoint does."""
    if fault.remedy == "stop":
        raise LabellingError(f"the endpoint refuses: {words}; check --endpoint, --model and the key")
    if fault.remedy == "next":
        raise UnansweredError(words)
    if fault.retry_after_s is not None:
        if fault.retry_after_s > LONGEST_RETRY_AFTER_S:
            raise LabellingError(
                f"the endpoint asks to wait for {fault.retry_after_s:,.0f} s ({words}); the same command goes on later"
            )
        desk.pace.pause(fault.retry_after_s)


def now() -> str:
    """UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
