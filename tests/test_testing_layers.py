"""The conformance checks of a layer fail by name, each for its own reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import LayerSpec, LayerTexts, PluginError
from redheart_core.discovery.entries import Entry
from redheart_core.testing.checks import LAYER_CHECKS
from redheart_core.testing.layer_checks import MOST_BYTES
from redheart_core.testing.plugin import Plugin
from redheart_core.testing.runner import run_checks, title

Arrays = Mapping[str, NDArray[Any]]
CALLS: list[int] = []


def letters(_: Arrays, texts: LayerTexts) -> NDArray[Any]:
    """One score for each text: how long it is."""
    return np.array([float(len(one)) for one in texts.texts])


def beside(_: Arrays, texts: LayerTexts) -> NDArray[Any]:
    """Of what is answered on regret how large it is, and NaN where nothing is."""
    found = texts.answers.get("regret")
    return np.full(len(texts.texts), np.nan) if found is None else found.answer[:, 0].astype(float)


def mean_length(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    return {"mean": np.array(letters({}, texts).mean())}


def named(_: Arrays, texts: LayerTexts) -> list[dict[str, list[str]]]:
    return [{"first": [one[:1]]} for one in texts.texts]


def results(**changes: Any) -> dict[str, tuple[str, str]]:
    """Check to status and message, of a layer that keeps the contract but for the changes."""
    spec = LayerSpec(name="made_up", meaning="length", score=letters, reason="too long", fit=mean_length, notes=named)
    entry = Entry("made_up", "made_up", "made-up", "1.0")
    found = run_checks(Plugin("made_up", "layer", attrs.evolve(spec, **changes), entry))
    checks = {title(check) for check in LAYER_CHECKS}
    return {one.check: (one.status, one.message) for one in found if one.check in checks}


def every_call_another(_: LayerTexts) -> dict[str, NDArray[Any]]:
    CALLS.append(1)
    return {"calls": np.array(len(CALLS))}


def constant(number: float) -> Callable[[Arrays, LayerTexts], NDArray[Any]]:
    return lambda _, texts: np.full(len(texts.texts), number)


def refuses_german(arrays: Arrays, texts: LayerTexts) -> NDArray[Any]:
    if "de" in texts.languages:
        raise PluginError("no words for German")
    return letters(arrays, texts)


def needs_terms(_: Arrays, texts: LayerTexts) -> NDArray[Any]:
    return np.where(np.isnan(texts.known[:, 1]), np.inf, texts.known[:, 1])


def needs_vector(arrays: Arrays, texts: LayerTexts) -> NDArray[Any]:
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.abs(texts.vectors).sum(1).astype(float))


def needs_regret(_: Arrays, texts: LayerTexts) -> NDArray[Any]:
    return np.asarray(texts.answers["regret"].answer[:, 0].astype(float))


def among_others(_: Arrays, texts: LayerTexts) -> list[dict[str, list[str]]]:
    return [{"place": [f"{place} of {len(texts.texts)}"]} for place, _ in enumerate(texts.texts)]


def passed(found: Mapping[str, tuple[str, str]]) -> set[str]:
    return {check for check, (status, _) in found.items() if status == "passed"}


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [
        ({}, {"silent answers", "stakes"}),
        ({"notes": None}, {"silent answers", "stakes", "notes"}),
        ({"kind": "consistency", "score": beside}, {"stakes"}),
        ({"kind": "evidence", "score": beside}, {"stakes"}),
        ({"kind": "context", "score": constant(1.0)}, {"fitting twice", "silent answers"}),
    ],
)
def test_one_that_keeps_the_contract_passes(changes: dict[str, Any], skipped: set[str]) -> None:
    found = results(**changes)
    assert passed(found) == {title(check) for check in LAYER_CHECKS} - skipped
    assert {status for check, (status, _) in found.items() if check in skipped} == {"skipped"}


@pytest.mark.parametrize(
    ("changes", "check", "says"),
    [
        ({"fit": every_call_another}, "fitting twice", "fitted twice on the same texts it leaves other arrays"),
        ({"fit": lambda _: {"a": np.array(np.nan)}}, "fitting twice", "'a' has to hold finite numbers"),
        ({"fit": lambda _: {"a": np.array(["words"])}}, "fitting twice", "'a' has to hold finite numbers"),
        ({"fit": lambda _: {"a": np.zeros(MOST_BYTES)}}, "fitting twice", f"{MOST_BYTES:,} are allowed"),
        ({"score": lambda _, texts: [1.0] * len(texts.texts)}, "scores", "one score a text"),
        ({"score": lambda _, texts: np.zeros((len(texts.texts), 2))}, "scores", "one score a text"),
        ({"score": lambda _, texts: np.zeros(len(texts.texts), int)}, "scores", "one score a text"),
        ({"score": constant(float("inf"))}, "scores", "infinite"),
        ({"score": lambda _, texts: np.full(len(texts.texts), float(len(texts.texts)))}, "scores",
         "score is 1 alone and 20 among others"),
        ({"score": refuses_german}, "scores", "no words for German"),
        ({"score": needs_terms}, "without terms", "infinite"),
        ({"score": needs_vector}, "without terms", "infinite"),
        ({"kind": "consistency", "score": needs_regret}, "silent answers", "regret"),
        ({"notes": among_others}, "notes", "its notes on a text are"),
        ({"notes": lambda *_: []}, "notes", "notes"),
        ({"kind": "context", "score": constant(3.0)}, "stakes", "0, 1 or 2, got [3.0]"),
        ({"kind": "context", "score": constant(float("nan"))}, "stakes", "0, 1 or 2"),
    ],
)  # fmt: skip
def test_a_layer_that_breaks_the_contract_is_named(changes: dict[str, Any], check: str, says: str) -> None:
    status, message = results(**changes)[check]
    assert status == "failed"
    assert says in message
