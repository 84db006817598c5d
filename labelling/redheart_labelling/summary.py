"""summary.json: what became of a labelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import attrs

from redheart_core import DataError, Field
from redheart_core.storage.sealed import SealedFile
from redheart_labelling.figures import NoiseFloor, noise_floor
from redheart_labelling.ledger import Job, Ledger
from redheart_labelling.settings import Effort, Spending
from redheart_labelling.spending import Usage, cost
from redheart_labelling.texts import TextToLabel

SUMMARY_FILE = "summary.json"
_SMALLEST = Decimal("0.000001")


@attrs.frozen
class Requests:
    """What became of all requests of the folder."""

    sent: int
    right: int
    wrong: int
    unpaid: int
    """Refused before they could cost anything."""
    lost: int
    """Without a reply."""
    cut_off: int
    """On their way when a process was killed; their answers, if there were any, are lost."""
    usage_unstated: int
    """Replies that do not state their tokens."""


@attrs.frozen
class Summary:
    """Of a folder of labels."""

    texts: int
    labelled: int
    """Texts with at least one right answer."""
    wanted: int
    """Answers, those for the noise floor included."""
    answered: int
    failed: Mapping[str, str]
    """Answer to the reason why it is given up."""
    unanswered: Mapping[str, str]
    """Answer to the reason why there was no reply; the next command asks again."""
    budget_spent: bool
    """The next request could have exceeded the budget."""
    requests: Requests
    reported: Usage
    """As the endpoint states it."""
    assumed: Usage
    """The most that requests can have used whose usage nobody knows."""
    cost: str
    """Of both together, at the prices given."""
    noise: tuple[NoiseFloor, ...]


SUMMARY = SealedFile(Summary, "summary of a labelling", 1, "run the command again", DataError)


def summarise(
    fields: Sequence[Field],
    texts: Sequence[TextToLabel],
    jobs: Sequence[Job],
    labelled: int,
    ledger: Ledger,
    effort: Effort,
    spending: Spending,
    unanswered: Mapping[Job, str],
    budget_spent: bool,
) -> Summary:
    """The figures, once no request is on its way."""
    answered = [job for job in jobs if job in ledger.labelled]
    return Summary(
        texts=len(texts),
        labelled=labelled,
        wanted=len(jobs),
        answered=len(answered),
        failed={job.words: ledger.given_up[job] for job in jobs if job in ledger.given_up},
        unanswered={job.words: reason for job, reason in unanswered.items()},
        budget_spent=budget_spent,
        requests=Requests(
            sent=ledger.requests,
            right=len(ledger.labelled),
            wrong=ledger.wrong_answers,
            unpaid=ledger.unpaid,
            lost=ledger.lost,
            cut_off=len(ledger.open),
            usage_unstated=ledger.unstated,
        ),
        reported=ledger.reported,
        assumed=ledger.assumed,
        cost=money(cost(ledger.spent, spending)),
        noise=tuple(noise_floor(field, texts, ledger, effort.passes) for field in fields),
    )


def money(amount: Decimal) -> str:
    """To a millionth, without needless zeros and without an exponent."""
    return f"{amount.quantize(_SMALLEST).normalize():f}"
