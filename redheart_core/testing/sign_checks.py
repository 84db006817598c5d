"""Checks of signs of a crisis that a plugin adds."""

from __future__ import annotations

import re
import time

import attrs

from redheart_core.contract.signs import SignSpec
from redheart_core.safety.helplines import check_country
from redheart_core.safety.signs import signs
from redheart_core.testing.plugin import Plugin, require

MOST_SECONDS = 0.25
"""For one pattern in one sentence."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@attrs.frozen
class SignSubject:
    """Signs, which bring their own examples."""

    plugin: Plugin
    spec: SignSpec


def check_examples(subject: SignSubject) -> None:
    """A sign is found in every example and in no counterexample, of which there are some."""
    spec, plugin = subject.spec, subject.plugin
    require(plugin, bool(spec.patterns), "it has no patterns")
    require(plugin, len(spec.examples) >= 3, "it has to have three examples or more, in which a sign is found")
    require(plugin, len(spec.counterexamples) >= 3, "it has to have three counterexamples or more, alike and harmless")
    for text in spec.examples:
        require(plugin, _finds(spec, text), f"it finds no sign in its example {text!r:.80}")
    for text in spec.counterexamples:
        require(plugin, not _finds(spec, text), f"it finds a sign in its counterexample {text!r:.80}")


def check_help(subject: SignSubject) -> None:
    """Every helpline says who answers, where, what for, from which source and in which month it was known."""
    for line in subject.spec.helplines:
        what = f"helpline {line.contact!r}"
        require(
            subject.plugin, bool(line.contact and line.name and line.kinds), f"{what} needs a contact, name and kinds"
        )
        require(subject.plugin, bool(line.source), f"{what} has no source; say where the number stands")
        known = bool(_MONTH.fullmatch(line.known))
        require(
            subject.plugin, known, f"{what} has to say in which month it was known, as in 2024-01; got {line.known!r}"
        )
        if line.country:
            require(
                subject.plugin, check_country(line.country) == line.country, f"{what}: write the country in capitals"
            )


def check_time(subject: SignSubject) -> None:
    """No pattern takes long on a sentence that nearly fits (catastrophic backtracking)."""
    for pattern in subject.spec.patterns:
        compiled = re.compile(pattern)
        for text in (*subject.spec.examples, "a", "가 ", "a "):
            for times in range(2, 30):  # slowly, as time may double with each
                began = time.perf_counter()
                compiled.search((text * times + "!")[:400])
                took = time.perf_counter() - began
                require(
                    subject.plugin, took < MOST_SECONDS, f"its pattern {pattern!r:.80} takes {took:.2f} s a sentence"
                )


def _finds(spec: SignSpec, text: str) -> bool:
    return any(sign.kind == spec.kind for sign in signs(text, (spec,)))
