"""Budgets and rates: no request is sent that could exceed the budget, and none before its turn."""

from __future__ import annotations

import threading
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import attrs
import pytest
from labelling_bench import ONCE, PROTOCOLS, QUICK, Bench, bench, texts
from language_model import LanguageModel, Request, Response, fault, labels, said

from redheart_core import SettingsError
from redheart_labelling.asking import LabellingError
from redheart_labelling.endpoint import Protocol
from redheart_labelling.pace import Pace, backoff_s, retry_after_s
from redheart_labelling.settings import Spending, Transport
from redheart_labelling.spending import Budget, Usage, cost

__all__ = ["bench"]

FIELDS = "emotion,regret"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_in_tokens_is_never_exceeded_and_nearly_used(
    bench: Bench, protocol: Protocol, concurrency: int
) -> None:
    """Each request takes 240 tokens, and could take at most some 2,400."""
    budget, transport = 9_000, attrs.evolve(QUICK, concurrency=concurrency)
    with LanguageModel(FIELDS) as model:
        summary = bench.label(
            model, texts(100), FIELDS, protocol, spending=Spending(budget_tokens=budget), transport=transport
        )
        assert summary.budget_spent
        assert summary.reported.total == model.tokens == 240 * summary.answered
        most = max(Usage(**line["most"]).total for line in bench.journal("asked"))
        assert budget - most < model.tokens <= budget
        again = bench.label(
            model, texts(100), FIELDS, protocol, spending=Spending(budget_tokens=budget), transport=transport
        )
        assert again == summary  # a second command has no second budget
        more = bench.label(model, texts(100), FIELDS, protocol, spending=Spending(budget_tokens=100_000))
        assert (more.answered, more.budget_spent, model.tokens) == (100, False, 24_000)
    assert len(bench.records()) == 100


def test_a_budget_in_money_is_never_exceeded(bench: Bench) -> None:
    spending = Spending(Decimal("0.5"), Decimal(3), budget=Decimal("0.01"))
    with LanguageModel(FIELDS) as model:
        summary = bench.label(model, texts(100), FIELDS, spending=spending)
        spent = cost(Usage(*map(sum, zip(*model.charged, strict=True))), spending)
    assert summary.budget_spent
    assert Decimal("0.007") < spent <= Decimal("0.01")
    assert Decimal(summary.cost) == spent


def test_requests_whose_usage_nobody_knows_count_at_their_most(bench: Bench) -> None:
    def behave(request: Request) -> Response:
        if request.number % 2:
            return Response(b"half", tokens=(0, 0))
        return said(request, labels(FIELDS, request.text), tokens=None)

    with LanguageModel(FIELDS, behave) as model:
        summary = bench.label(model, texts(100), FIELDS, spending=Spending(budget_tokens=20_000))
        asked = [Usage(**line["most"]).total for line in bench.journal("asked")]
    assert summary.budget_spent
    assert summary.requests.usage_unstated > 0
    assert summary.requests.lost > 0
    assert summary.assumed.total == sum(asked) <= 20_000
    assert summary.reported.total == 0


def test_refused_requests_cost_nothing(bench: Bench) -> None:
    seen: set[str] = set()

    def behave(request: Request) -> Response:
        if request.text in seen:
            return said(request, labels(FIELDS, request.text))
        seen.add(request.text)
        return fault(429)

    with LanguageModel(FIELDS, behave) as model:
        summary = bench.label(model, texts(10), FIELDS, spending=Spending(budget_tokens=12_000))
    assert (summary.answered, summary.assumed, summary.reported.total) == (10, Usage(), 2_400)


def test_an_endpoint_that_takes_more_than_it_may_ends_the_command(bench: Bench) -> None:
    with (
        LanguageModel(FIELDS, lambda r: said(r, labels(FIELDS, r.text), tokens=(200, 70_000))) as model,
        pytest.raises(LabellingError, match=r"70,000 out .* does not keep to max_completion_tokens.*--output-limit"),
    ):
        bench.label(model, texts(50), FIELDS, spending=Spending(budget_tokens=1_000_000))
    assert len(model.requests) <= QUICK.concurrency


@pytest.mark.parametrize(
    ("spending", "message"),
    [
        (Spending(budget=Decimal(1)), "--budget is in money, and no price is known; give --price-in and --price-out"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(bench: Bench, spending: Spending, message: str) -> None:
    with LanguageModel(FIELDS) as model:
        with pytest.raises(SettingsError, match=message):
            bench.label(model, texts(1), FIELDS, spending=spending)
        assert model.requests == []


def test_a_reservation_waits_for_what_others_give_back() -> None:
    budget = Budget(Spending(budget_tokens=100), Usage())
    assert budget.reserve(Usage(50, 40))
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(budget.reserve(Usage(50, 40))))
    other.start()
    other.join(0.05)
    assert found == []
    budget.settle(Usage(50, 40), Usage(5, 5))
    other.join(60)
    assert found == [True]
    budget.settle(Usage(50, 40), Usage(50, 0))
    assert not budget.reserve(Usage(41, 0))
    assert budget.reserve(Usage(40, 0))


def test_a_budget_that_is_closed_lets_nobody_wait() -> None:
    budget = Budget(Spending(budget_tokens=100), Usage())
    assert budget.reserve(Usage(90))
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(budget.reserve(Usage(90))))
    other.start()
    budget.close()
    other.join(60)
    assert found == [False]


class Clock:
    """A time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def turns(transport: Transport, tokens: list[int], pauses: dict[int, float] | None = None) -> list[float]:
    clock: Any = Clock()
    pace, found = Pace(transport, clock), []
    for number, one in enumerate(tokens):
        if pauses and number in pauses:
            pace.pause(pauses[number])
        assert pace.wait(one, clock)
        found.append(round(clock.now - 100.0, 6))
        clock.now += 1.0
    return found


def test_requests_of_a_minute_are_at_most_so_many() -> None:
    assert turns(Transport(requests_per_minute=2), [1] * 5) == [0.0, 1.0, 60.0, 61.0, 120.0]


def test_tokens_of_a_minute_are_at_most_so_many() -> None:
    assert turns(Transport(tokens_per_minute=100), [60, 40, 30, 80, 100]) == [0.0, 1.0, 60.0, 120.0, 180.0]


def test_without_a_rate_nothing_waits_but_for_a_pause() -> None:
    assert turns(Transport(), [10**9] * 4, {2: 30.0}) == [0.0, 1.0, 32.0, 33.0]


def test_a_rate_below_one_request_is_refused(bench: Bench) -> None:
    transport = attrs.evolve(QUICK, tokens_per_minute=100)
    with (
        LanguageModel(FIELDS) as model,
        pytest.raises(SettingsError, match=r"--tokens-per-minute 100: one request may"),
    ):
        bench.label(model, texts(1), FIELDS, transport=transport)


def test_no_more_requests_are_on_their_way_than_allowed(bench: Bench) -> None:
    with LanguageModel(FIELDS, lambda r: said(r, labels(FIELDS, r.text), after_s=0.02)) as model:
        bench.label(model, texts(30), FIELDS, transport=attrs.evolve(QUICK, concurrency=3))
        assert model.at_once == 3


def test_pauses_double_up_to_the_longest_and_are_the_same_for_the_same_seed() -> None:
    transport = Transport(pause_s=1.0, longest_pause_s=20.0)
    pauses = [backoff_s(transport, 7, "posts.txt:1: pass 1", retry) for retry in range(8)]
    assert pauses == [backoff_s(transport, 7, "posts.txt:1: pass 1", retry) for retry in range(8)]
    assert all(half <= one <= 2 * half for half, one in zip((0.5, 1, 2, 4, 8, 10, 10, 10), pauses, strict=True))
    assert len(set(pauses[5:])) == 3
    assert pauses != [backoff_s(transport, 8, "posts.txt:1: pass 1", retry) for retry in range(8)]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert [retry_after_s(given) for given in (None, "7", " 0 ", "soon", "-1", "nan", "1e9")] == [
        None, 7.0, 0.0, None, None, None, None,
    ]  # fmt: skip
    soon = retry_after_s(formatdate(timeval=None, usegmt=True))
    assert soon is not None
    assert soon < 2.0


def test_the_server_is_asked_only_once_with_its_own_retries_off(bench: Bench) -> None:
    transport = attrs.evolve(QUICK, retries=0)
    with LanguageModel(FIELDS, lambda request: fault(503)) as model:
        summary = bench.label(model, texts(2), FIELDS, transport=transport, effort=ONCE)
        assert len(model.requests) == 2 == summary.requests.unpaid
        assert {request.headers["x-stainless-retry-count"] for request in model.requests} == {"0"}
