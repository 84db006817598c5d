"""The conformance kit on signs of a crisis that a plugin adds, and what is refused when one is loaded."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from redheart_core import Helpline, PluginError, SignSpec
from redheart_core.discovery.entries import Entry
from redheart_core.discovery.rules import check_rules
from redheart_core.testing.checks import SIGN_CHECKS
from redheart_core.testing.plugin import ConformanceError, Plugin
from redheart_core.testing.runner import checks_of
from redheart_core.testing.sign_checks import SignSubject

ENTRY = Entry("made_up", "json", "made-up", "1.0")
LINE = Helpline("0800 1110111", "TelefonSeelsorge", ("self_harm",), "DE", "https://www.telefonseelsorge.de", "2024-12")
SPEC = SignSpec(
    name="german",
    meaning="signs of self-harm in German",
    kind="self_harm",
    language="de",
    patterns=(r"\bich (?:will|möchte) (?:nicht mehr leben|sterben)\b",),
    examples=("Ich will sterben.", "ich möchte nicht mehr leben", "Gestern war gut. Heute: ICH WILL STERBEN"),
    counterexamples=("Ich will essen.", "Niemand will sterben.", "Er lebt nicht mehr."),
    opening="Du bist nicht allein: {first}.",
    helplines=(LINE,),
)
EXAMPLES, HELP, TIME = SIGN_CHECKS


def plugin(spec: SignSpec) -> Plugin:
    return Plugin(spec.name, "signs", spec, ENTRY)


def subject(**changes: Any) -> SignSubject:
    spec = attrs.evolve(SPEC, **changes)
    return SignSubject(plugin(spec), spec)


def test_good_signs_pass_all_checks() -> None:
    checks = checks_of(plugin(SPEC))
    assert set(SIGN_CHECKS) <= set(checks)
    for check in SIGN_CHECKS:
        check(subject())
    check_rules(plugin(SPEC))


@pytest.mark.parametrize(
    ("check", "changes", "message"),
    [
        (EXAMPLES, {"patterns": ()}, "has no patterns"),
        (EXAMPLES, {"examples": SPEC.examples[:2]}, "three examples or more"),
        (EXAMPLES, {"counterexamples": ()}, "three counterexamples or more"),
        (EXAMPLES, {"examples": (*SPEC.examples, "Guten Tag")}, "finds no sign in its example 'Guten Tag'"),
        (EXAMPLES, {"counterexamples": SPEC.examples}, "finds a sign in its counterexample"),
        (HELP, {"helplines": (attrs.evolve(LINE, source=""),)}, "has no source"),
        (HELP, {"helplines": (attrs.evolve(LINE, known="last year"),)}, "got 'last year'"),
        (HELP, {"helplines": (attrs.evolve(LINE, country="de"),)}, "country in capitals"),
        (HELP, {"helplines": (attrs.evolve(LINE, name=""),)}, "needs a contact, name and kinds"),
        (TIME, {"patterns": (r"(?:a+)+b",)}, "s a sentence"),
    ],
)
def test_signs_that_help_nobody_fail(check: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check(subject(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patterns": ("(",)}, "no regular expression"),
        ({"kind": "eating"}, "new kind 'eating' and has to bring an opening and helplines"),
        ({"kind": "eating", "helplines": (attrs.evolve(LINE, kinds=("eating",)),), "opening": ""}, "new kind"),
    ],
)
def test_signs_that_cannot_be_used_are_refused_when_they_are_loaded(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_rules(plugin(attrs.evolve(SPEC, **changes)))
