"""Which answers are wanted: so many passes of each text, and one more of some."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from redheart_labelling.ledger import AGAIN, Job, Ledger
from redheart_labelling.settings import Effort
from redheart_labelling.texts import TextToLabel


def wanted_jobs(texts: Sequence[TextToLabel], effort: Effort) -> list[Job]:
    """All answers that are wanted, those of a text one after another."""
    again = labelled_again(texts, effort)
    return [
        Job(text.id, text.sha256, turn)
        for text in texts
        for turn in (*range(1, effort.passes + 1), *((AGAIN,) if text.id in again else ()))
    ]


def labelled_again(texts: Sequence[TextToLabel], effort: Effort) -> frozenset[str]:
    """The ids of the texts that are labelled once more: the same ones whenever the command runs."""
    drawn = {text.id: hashlib.sha256(f"{effort.seed}/{text.id}".encode()).digest() for text in texts}
    return frozenset(sorted(drawn, key=drawn.__getitem__)[: math.ceil(effort.relabel * len(texts))])


def open_jobs(jobs: Sequence[Job], ledger: Ledger, effort: Effort) -> list[Job]:
    """Those of the wanted ones that are neither answered nor, unless they are to be asked again, given up."""
    return [job for job in jobs if job not in ledger.labelled and (effort.retry_failed or job not in ledger.given_up)]
