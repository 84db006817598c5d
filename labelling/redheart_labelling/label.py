"""Labels for the texts of a file, from question to data set."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redheart.progress import Display, SilentDisplay
from redheart_core.storage.files import make_folder
from redheart_core.storage.locks import locked
from redheart_labelling.asking import Desk
from redheart_labelling.clients import check_key, connected
from redheart_labelling.dataset import write_data_set
from redheart_labelling.endpoint import KEY_VARIABLES
from redheart_labelling.journal import JOURNAL_FILE, Journal
from redheart_labelling.ledger import Header, Ledger
from redheart_labelling.pace import Pace
from redheart_labelling.plan import open_jobs, wanted_jobs
from redheart_labelling.prompt import VERSION, Prompt, make_prompt
from redheart_labelling.settings import Effort, Question, Spending, Transport
from redheart_labelling.spending import Budget, Usage, check_spending, cost
from redheart_labelling.summary import SUMMARY, SUMMARY_FILE, Summary, money, summarise
from redheart_labelling.texts import read_texts
from redheart_labelling.threads import Outcome, work_through


def label_file(
    source: Path,
    output: Path,
    question: Question,
    *,
    column: str | None = None,
    effort: Effort | None = None,
    transport: Transport | None = None,
    spending: Spending | None = None,
    key_variable: str | None = None,
    display: Display | None = None,
) -> Summary:
    """Label the texts of a file, or go on with what was stopped.

    Args:
        source: A .txt with one text a line, a .csv, or a .jsonl.
        output: The folder of journal, data set and summary.
        question: What is asked, and whom.
        column: Of a .csv, which one holds the texts.
        effort: How many answers are asked for.
        transport: How requests are sent.
        spending: Prices and limits, of the whole folder.
        key_variable: Environment variable with the key; that of the protocol if left out.
        display: Shows progress and cost.

    Raises:
        RedheartError: A text or setting is wrong, the folder belongs to another question, or the endpoint cannot be
            worked with. What was answered is kept.
    """
    effort, transport, spending = effort or Effort(), transport or Transport(), spending or Spending()
    display = display or SilentDisplay()
    schema = question.schema
    check_spending(spending)
    variable = key_variable or KEY_VARIABLES[question.endpoint.protocol]
    key = check_key(os.environ.get(variable), variable)
    texts = read_texts(source, column)
    prompt, pace = make_prompt(schema), Pace(transport)
    max_tokens = transport.max_tokens or schema.answer_tokens
    most = {text.id: Usage(prompt.most_tokens(text.text), max_tokens) for text in texts}
    pace.check(max(one.total for one in most.values()))
    jobs = wanted_jobs(texts, effort)
    header = header_of(question, prompt)
    with (
        connected(question, prompt, transport, max_tokens, key) as ask,
        _own(output),
        Journal(output / JOURNAL_FILE, header) as journal,
    ):
        ledger = journal.ledger
        left = open_jobs(jobs, ledger, effort)
        desk = Desk(
            ask, journal, schema, {text.id: text.text for text in texts}, most, effort, transport,
            Budget(spending, ledger.spent), pace, threading.Event(),
        )  # fmt: skip

        def show(done: int) -> None:
            display.progress("answers", len(jobs) - len(left) + done, len(jobs), spent_so_far(ledger, spending))

        outcome = work_through(desk, left, show) if left else Outcome({}, False, None)
        labelled = write_data_set(output, header, schema.fields, texts, ledger, effort.passes)
        summary = summarise(
            schema.fields, texts, jobs, labelled, ledger, effort, spending, outcome.unanswered, outcome.budget_spent
        )
        SUMMARY.write(output / SUMMARY_FILE, summary)
    if outcome.error is not None:
        raise outcome.error
    return summary


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """A folder, made if it is not there, in which no other process works."""
    make_folder(folder)
    with locked(folder):
        yield


def header_of(question: Question, prompt: Prompt) -> Header:
    """What decides the answers of a folder."""
    return Header(
        protocol=question.endpoint.protocol,
        endpoint=question.endpoint.host,
        model=question.model,
        fields=tuple(field.name for field in question.schema.fields),
        structured=question.structured,
        temperature=question.temperature,
        prompt_version=VERSION,
        prompt_sha256=prompt.sha256,
    )


def spent_so_far(ledger: Ledger, spending: Spending) -> str:
    """Tokens and money for people, those included that requests on their way can take at most."""
    reported, assumed = ledger.reported, ledger.assumed
    words = f"{reported.total:,} tokens"
    if assumed.total:
        words += f" and at most {assumed.total:,} more"
    if spending.budget_tokens is not None:
        words += f" of {spending.budget_tokens:,}"
    if spending.price_in or spending.price_out:
        words += f", cost {money(cost(reported, spending))}"
        if assumed.total:
            words += f" to {money(cost(ledger.spent, spending))}"
        if spending.budget is not None:
            words += f" of {money(spending.budget)}"
    return words
