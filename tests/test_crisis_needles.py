"""Sentences that hold no needle of a pattern are not searched for it, and nothing is missed by that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from redheart_core.safety import normal
from redheart_core.safety.needles import FILE, LANGUAGES, NeedleFile, Needles, read_needles
from redheart_core.safety.needling import make, needles_of
from redheart_core.safety.normal import normalize
from redheart_core.safety.rules import core_patterns, core_rules

CASES = Path(__file__).parent / "crisis"


def test_the_shipped_needles_are_those_of_the_patterns() -> None:
    for language, expected in make().items():
        assert read_needles(language, core_patterns(language)).needles == expected.needles


def test_needles_of_other_patterns_are_refused() -> None:
    with pytest.raises(AssertionError, match=r"is of other patterns; run python -m redheart_core\.safety\.needling"):
        read_needles("en", [*core_patterns("en"), "one more"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pattern_that_matches_a_written_case_can_match_by_its_needles(language: str) -> None:
    rules = core_rules(language)
    patterns = [re.compile(pattern, re.MULTILINE) for pattern in core_patterns(language)]
    matched = 0
    for file in sorted(CASES.glob(f"*_{language}.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines()[1::5]:
            sentence = normalize(line.split("\t")[-1])
            found = {place for place, pattern in enumerate(patterns) if pattern.search(sentence)}
            assert found <= set(rules.needles.possible(sentence)), sentence
            matched += len(found)
    assert matched > 100


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abc", ("abc",)),
        (r"\bwant(?:s|ed)? to die\b", ("want to die", "wanted to die", "wants to die")),
        (r"(?:my|his) (?:\w+ ){0,3}knife", ("knife",)),
        (r"ab[cd]e", ("abce", "abde")),
        (r"(?:x\d+|yz)", ("x", "yz")),
        (r"(?=abc)a(?!q)long", ("along",)),
        (r"(?:ab)+c", ("ab",)),
        (r"abc|abcd", ("abc",)),
    ],
)
def test_needles_are_what_each_match_holds(pattern: str, expected: tuple[str, ...]) -> None:
    assert needles_of(pattern) == expected


@pytest.mark.parametrize("pattern", [r"\w+", "a?b?", r"(?:abc|\d)", "x*"])
def test_a_pattern_without_needles_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="need not hold any of a few strings"):
        needles_of(pattern)


def test_short_and_long_needles_are_found_wherever_they_stand() -> None:
    needles = Needles((("a",), ("bc", "long one"), ("tail",)))
    assert set(needles.possible("xbc")) == {1}
    assert set(needles.possible("a long one")) == {0, 1}
    assert set(needles.possible("tail")) == {0, 2}
    assert not set(needles.possible(""))


def test_the_file_names_the_patterns_that_it_is_of() -> None:
    assert NeedleFile.of(["a"], [("a",)]) != NeedleFile.of(["b"], [("a",)])
    assert FILE.is_file()


def test_a_text_is_left_alone_where_none_of_the_spellings_is_found_and_only_there() -> None:
    contracted = mixed = 0
    for file in sorted(CASES.glob("*_en.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines()[1::5]:
            text = normal.plain(line.split("\t")[-1])
            found = any(pattern.search(text) for pattern, _ in normal._EXPANSIONS)
            assert (normal._CONTRACTED.search(text) is not None) == found, text
            assert normal._IN_MIXED.search(text) is not None or normal._MIXED.search(text) is None, text
            contracted, mixed = contracted + found, mixed + bool(normal._MIXED.search(text))
    assert contracted > 100
    assert mixed > 2
