"""An endpoint that misbehaves: what is asked again, what is recorded as failed, and that nothing is made up."""

from __future__ import annotations

import json

import attrs
import pytest
from labelling_bench import ONCE, PROTOCOLS, QUICK, Bench, bench, texts
from language_model import Behave, LanguageModel, Request, Response, fault, labels, said

from redheart_labelling.asking import LabellingError
from redheart_labelling.endpoint import Protocol
from redheart_labelling.settings import Effort

__all__ = ["bench"]

FIELDS = "emotion,regret"
pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)


def first(bad: Behave, times: int = 1) -> Behave:
    """The first requests get something bad, all others a right answer."""
    return lambda request: bad(request) if request.number <= times else said(request, labels(FIELDS, request.text))


def check_labels(bench: Bench, lines: list[str]) -> None:
    """Each text has the labels that belong to it."""
    found = {record["text"]: record["regret"] for record in bench.records()}
    assert found == {line: labels(FIELDS, line)["regret"] for line in lines}


def no_json(request: Request) -> Response:
    return said(request, '{"emotion": {"joy": 0.5, "tru')


def fenced_in_words(request: Request) -> Response:
    return said(request, f"Here you are: {labels(FIELDS, request.text)}")


def wrong_sum(request: Request) -> Response:
    table = labels(FIELDS, request.text)
    return said(request, {**table, "emotion": {**table["emotion"], "joy": table["emotion"]["joy"] + 0.3}})


def out_of_range(request: Request) -> Response:
    return said(request, {**labels(FIELDS, request.text), "regret": 1.2})


def no_number(request: Request) -> Response:
    return said(request, {**labels(FIELDS, request.text), "regret": None})


def one_less(request: Request) -> Response:
    table = labels(FIELDS, request.text)
    del table["emotion"]["fear"]
    return said(request, table)


def one_more(request: Request) -> Response:
    return said(request, {**labels(FIELDS, request.text), "comment": "sad"})


def half_a_pair(request: Request) -> Response:
    """Half of a surrogate pair, which no file in UTF-8 can hold."""
    return said(request, json.dumps({**labels(FIELDS, request.text), "\ud83d": 1}, ensure_ascii=False))


def refusal(request: Request) -> Response:
    return said(request, "I would rather not.", refusal="I would rather not.", end=_end(request, "stop", "refusal"))


def cut_off(request: Request) -> Response:
    return said(request, '{"emotion": {', end=_end(request, "length", "max_tokens"))


def _end(request: Request, openai: str, anthropic: str) -> str:
    return openai if request.protocol == "openai" else anthropic


WRONG: dict[Behave, str] = {
    no_json: "the answer is not JSON",
    fenced_in_words: "the answer is not JSON",
    wrong_sum: "field 'emotion' has to sum to 1",
    out_of_range: "regret expects a value in 0..1, got 1.2",
    no_number: "regret expects a number for every label, got null for regret",
    one_less: "missing: fear",
    one_more: "unknown: comment",
    refusal: "the model refused: I would rather not.",
    half_a_pair: "unknown: \\ud83d",
    cut_off: "the answer was cut off, at most 300 tokens were allowed; raise --max-tokens",
}


@pytest.mark.parametrize("bad", WRONG, ids=lambda bad: bad.__name__)
def test_a_wrong_answer_is_asked_for_again(bench: Bench, protocol: Protocol, bad: Behave) -> None:
    with LanguageModel(FIELDS, first(bad)) as model:
        summary = bench.label(model, texts(3), FIELDS, protocol)
    assert (summary.answered, summary.requests.wrong, summary.requests.sent) == (3, 1, 4)
    check_labels(bench, texts(3))


@pytest.mark.parametrize("bad", WRONG, ids=lambda bad: bad.__name__)
def test_what_stays_wrong_is_failed_with_the_reason_and_no_record_is_made_of_it(
    bench: Bench, protocol: Protocol, bad: Behave
) -> None:
    lines = texts(3)
    with LanguageModel(FIELDS, lambda r: bad(r) if r.text == lines[1] else said(r, labels(FIELDS, r.text))) as model:
        transport = attrs.evolve(QUICK, max_tokens=300)
        summary = bench.label(model, lines, FIELDS, protocol, transport=transport)
        asked = model.texts.count(lines[1])
        again = bench.label(model, lines, FIELDS, protocol, transport=transport)
        assert model.texts.count(lines[1]) == asked == 3
    ((job, reason),) = summary.failed.items()
    assert job == "posts.txt:2: pass 1"
    assert reason.startswith("3 wrong answers, the last: ")
    assert WRONG[bad] in reason
    assert again == summary
    check_labels(bench, [lines[0], lines[2]])


def test_failed_answers_are_asked_for_again_on_demand(bench: Bench, protocol: Protocol) -> None:
    with LanguageModel(FIELDS, first(wrong_sum, 6)) as model:
        assert len(bench.label(model, texts(2), FIELDS, protocol, effort=ONCE).failed) == 2
        again = bench.label(model, texts(2), FIELDS, protocol, effort=attrs.evolve(ONCE, retry_failed=True))
    assert (again.answered, again.failed, again.requests.wrong) == (2, {}, 6)
    check_labels(bench, texts(2))


NO_REPLY = {
    "429": lambda request: fault(429),
    "429 with Retry-After": lambda request: fault(429, Retry_After="1"),
    "429 with a date": lambda request: fault(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 with nonsense": lambda request: fault(429, Retry_After="soon"),
    "500": lambda request: fault(500),
    "529": lambda request: fault(529),
    "no JSON": lambda request: Response(b"<html>gateway</html>", tokens=(9, 9)),
    "half JSON": lambda request: Response(said(request, "{}").body[:40], tokens=(9, 9)),
    "broken connection": lambda request: attrs.evolve(said(request, labels(FIELDS, request.text)), cut=True),
    "another protocol": lambda request: Response(b'{"answer": "sad", "choices": [{"message": "sad"}]}', tokens=(9, 9)),
    "no object": lambda request: Response(b'["sad"]', tokens=(9, 9)),
    "time-out": lambda request: attrs.evolve(said(request, "{}"), after_s=1.0),
}
COSTLESS = ("429", "429 with Retry-After", "429 with a date", "429 with nonsense", "529")


@pytest.mark.parametrize("name", NO_REPLY)
def test_a_request_without_a_reply_is_sent_again(bench: Bench, protocol: Protocol, name: str) -> None:
    transport = attrs.evolve(QUICK, concurrency=1, timeout_s=0.3 if name == "time-out" else 20.0)
    with LanguageModel(FIELDS, first(NO_REPLY[name])) as model:
        summary = bench.label(model, texts(2), FIELDS, protocol, transport=transport)
        one, two, *_ = model.requests
    assert (summary.answered, summary.requests.sent) == (2, 3)
    assert (summary.requests.unpaid, summary.requests.lost) == ((1, 0) if name in COSTLESS else (0, 1))
    assert (summary.assumed.total > 0) == (name not in COSTLESS)
    assert (two.at - one.at >= 1.0) == (name in ("429 with Retry-After",))
    check_labels(bench, texts(2))


def test_all_threads_wait_where_the_endpoint_asks_one_to(bench: Bench, protocol: Protocol) -> None:
    def behave(request: Request) -> Response:
        if request.number == 1:
            return fault(429, Retry_After="1")
        return said(request, labels(FIELDS, request.text), after_s=0.1)

    with LanguageModel(FIELDS, behave) as model:
        bench.label(model, texts(12), FIELDS, protocol)
        times = sorted(request.at - model.requests[0].at for request in model.requests)
    assert [time for time in times if 0.3 < time < 1.0] == []


def test_a_long_pause_ends_the_command(bench: Bench, protocol: Protocol) -> None:
    with (
        LanguageModel(FIELDS, first(lambda request: fault(429, "come tomorrow", Retry_After="86400"))) as model,
        pytest.raises(LabellingError, match=r"asks to wait for 86,400 s \(HTTP 429: .*come tomorrow.*goes on later"),
    ):
        bench.label(model, texts(1), FIELDS, protocol)


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_what_no_other_request_would_change_ends_the_command_at_once_and_the_next_goes_on(
    bench: Bench, protocol: Protocol, status: int
) -> None:
    lines, well = texts(40), list[bool]()

    def behave(request: Request) -> Response:
        return said(request, labels(FIELDS, request.text)) if well else fault(status, "no", Location="/elsewhere")

    with LanguageModel(FIELDS, behave) as model:
        with pytest.raises(LabellingError, match=rf"the endpoint refuses: HTTP {status}: .*check --endpoint"):
            bench.label(model, lines, FIELDS, protocol)
        refused = len(model.requests)
        assert refused <= QUICK.concurrency
        well.append(True)
        summary = bench.label(model, lines, FIELDS, protocol)
    assert (summary.answered, summary.requests.unpaid, summary.requests.sent) == (40, refused, 40 + refused)
    check_labels(bench, lines)


def test_a_text_that_the_endpoint_does_not_take_is_left_and_asked_for_by_the_next_command(
    bench: Bench, protocol: Protocol
) -> None:
    lines = texts(5)
    taken: list[bool] = []

    def behave(request: Request) -> Response:
        if request.text == lines[2] and not taken:
            return fault(400, "too long")
        return said(request, labels(FIELDS, request.text))

    with LanguageModel(FIELDS, behave) as model:
        summary = bench.label(model, lines, FIELDS, protocol)
        assert (summary.answered, summary.failed, summary.requests.unpaid) == (4, {}, 1)
        assert list(summary.unanswered) == ["posts.txt:3: pass 1"]
        assert "too long" in summary.unanswered["posts.txt:3: pass 1"]
        taken.append(True)
        assert bench.label(model, lines, FIELDS, protocol).answered == 5
        assert len(model.requests) == 6
    check_labels(bench, lines)


def test_an_endpoint_that_takes_no_text_ends_the_command(bench: Bench, protocol: Protocol) -> None:
    with LanguageModel(FIELDS, lambda request: fault(400, "unknown parameter")) as model:
        with pytest.raises(LabellingError, match=r"10 answers in a row got no reply.*unknown parameter"):
            bench.label(model, texts(40), FIELDS, protocol)
        assert len(model.requests) < 20
    assert bench.summary()["labelled"] == 0


def test_a_reply_that_is_given_twice_counts_once(bench: Bench, protocol: Protocol) -> None:
    """Such as by a cache on the way: it would make passes agree that were never made."""
    kept: list[Response] = []

    def behave(request: Request) -> Response:
        kept.append(said(request, labels(FIELDS, request.text, request.number), id_=f"reply-{request.number}"))
        return kept[0] if request.number == 2 else kept[-1]

    with LanguageModel(FIELDS, behave) as model:
        effort, transport = Effort(passes=3, relabel=0.0), attrs.evolve(QUICK, concurrency=1)
        summary = bench.label(model, texts(1), FIELDS, protocol, effort=effort, transport=transport)
    assert (summary.answered, summary.requests.wrong, summary.requests.sent) == (3, 1, 4)
    (wrong,) = bench.journal("wrong")
    assert wrong["reason"] == "the endpoint gave the reply reply-1 to another request before"
    (record,) = bench.records()
    assert [answer["reply"] for answer in record["labelling"]["answers"]] == ["reply-1", "reply-3", "reply-4"]


def test_ids_of_replies_that_repeat_mix_nothing_up(bench: Bench, protocol: Protocol) -> None:
    """Some servers number replies anew, or give them no id."""
    with LanguageModel(FIELDS, lambda r: said(r, labels(FIELDS, r.text), id_="reply-1")) as model:
        summary = bench.label(model, texts(8), FIELDS, protocol)
    assert (summary.answered, summary.requests.wrong) == (8, 0)
    check_labels(bench, texts(8))


@pytest.mark.parametrize("tokens", [(-1, 5), (10**30, 5)])
def test_tokens_that_no_reply_has_are_not_stated(bench: Bench, protocol: Protocol, tokens: tuple[int, int]) -> None:
    with LanguageModel(FIELDS, lambda r: said(r, labels(FIELDS, r.text), tokens=tokens)) as model:
        summary = bench.label(model, texts(2), FIELDS, protocol)
    assert (summary.answered, summary.requests.usage_unstated, summary.reported.total) == (2, 2, 0)
    assert summary.assumed.total > 0


def test_an_answer_in_a_fence_is_read(bench: Bench, protocol: Protocol) -> None:
    def behave(request: Request) -> Response:
        return said(request, f"```json\n{json.dumps(labels(FIELDS, request.text), indent=1)}\n```")

    with LanguageModel(FIELDS, behave) as model:
        assert bench.label(model, texts(2), FIELDS, protocol, question={"structured": False}).requests.wrong == 0
    check_labels(bench, texts(2))
