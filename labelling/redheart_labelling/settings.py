"""What a labelling is made with."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs
from attrs.validators import and_, ge, gt, le, optional

from redheart_labelling.endpoint import Endpoint
from redheart_labelling.schema import AnswerSchema

OutputLimit = Literal["max_completion_tokens", "max_tokens"]
"""What an OpenAI-style endpoint calls the limit of an answer's tokens."""


@attrs.frozen
class Question:
    """What decides an answer: the same for all answers of a folder."""

    schema: AnswerSchema
    """The fields: of the catalogue, of the user's own, or both."""
    endpoint: Endpoint
    model: str
    structured: bool = True
    """The endpoint is asked to keep to the JSON schema; otherwise the prompt alone asks for it."""
    temperature: float | None = attrs.field(default=None, validator=optional(and_(ge(0.0), le(2.0))))
    """None leaves it to the endpoint."""


@attrs.frozen
class Effort:
    """How many answers are asked for, and how often."""

    passes: int = attrs.field(default=1, validator=ge(1))
    """Answers per text, of which the data set has the mean."""
    relabel: float = attrs.field(default=0.05, validator=and_(ge(0.0), le(1.0)))
    """Share of the texts that are labelled once more, for the noise floor."""
    attempts: int = attrs.field(default=3, validator=ge(1))
    """Answers that are asked for until one is right."""
    retry_failed: bool = False
    """Ask again for what has failed before."""
    seed: int = 0
    """Of the choice of the texts that are labelled once more, and of the jitter."""


@attrs.frozen
class Transport:
    """How requests are sent."""

    concurrency: int = attrs.field(default=4, validator=and_(ge(1), le(256)))
    requests_per_minute: int | None = attrs.field(default=None, validator=optional(ge(1)))
    tokens_per_minute: int | None = attrs.field(default=None, validator=optional(ge(1)))
    timeout_s: float = attrs.field(default=60.0, validator=gt(0.0))
    retries: int = attrs.field(default=6, validator=ge(0))
    """After a fault of the endpoint or of the network, for each answer."""
    pause_s: float = attrs.field(default=1.0, validator=gt(0.0))
    """Before the first retry; it doubles with every further one."""
    longest_pause_s: float = attrs.field(default=60.0, validator=gt(0.0))
    max_tokens: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """Of an answer; None follows from the fields."""
    output_limit: OutputLimit = "max_completion_tokens"


@attrs.frozen
class Spending:
    """What may be spent in all, in a currency of the user's."""

    price_in: Decimal = Decimal(0)
    """Per million tokens of requests."""
    price_out: Decimal = Decimal(0)
    """Per million tokens of answers."""
    budget: Decimal | None = None
    budget_tokens: int | None = None
    """Of requests and answers together."""
