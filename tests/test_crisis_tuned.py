"""The written cases that the rules were made with and the classifier was fitted on."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from redheart_core.safety.classifier import FOLDER as WEIGHTS
from redheart_core.safety.classifier import load_weights, weigh
from redheart_core.safety.fitting import (
    AUTHORS,
    checksum,
    fit,
    fit_kinds,
    read_cases,
    read_comments,
    read_passages,
    read_sentences,
    read_unread_comments,
    silence,
)
from redheart_core.safety.signs import signs

FOLDER = Path(__file__).parent / "crisis"
ENGLISH = {"14", "15", "16", "17", "20"}
KOREAN = {"9", "10", "11", "12", "13", "21"}
"""Authors who wrote in one language alone."""
LABELS = {"self", "abuse", "danger", "other", "none"}


def rows(language: str) -> list[list[str]]:
    lines = (FOLDER / f"tuned_{language}.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "label\tkind\tauthor\ttext"
    return [line.split("\t") for line in lines[1:]]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_cases_are_many_hard_and_different(language: str) -> None:
    cases = rows(language)
    assert all(len(case) == 4 for case in cases)
    assert {author for _, _, author, _ in cases} == set(AUTHORS) - {"en": KOREAN, "ko": ENGLISH}[language]
    labels = Counter(label for label, *_ in cases)
    assert set(labels) == LABELS
    assert len(cases) >= 5000
    assert labels["none"] >= 0.4 * len(cases)
    assert len({text for *_, text in cases}) == len(cases)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_nearly_all_of_them_are_found_and_few_harmless_ones(language: str) -> None:
    """They were seen, so this says nothing about other texts; it fails where a rule is lost. Every fourth is read."""
    cases = rows(language)[::4]
    found = [bool(signs(text)) for *_, text in cases]
    missed = sum(not sign for (label, *_), sign in zip(cases, found, strict=True) if label != "none")
    alarms = sum(sign for (label, *_), sign in zip(cases, found, strict=True) if label == "none")
    assert missed <= 0.07 * sum(label != "none" for label, *_ in cases)
    assert alarms <= 0.09 * sum(label == "none" for label, *_ in cases)


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_shipped_weights_are_what_the_cases_give(language: str) -> None:
    """Those that tell kinds apart need no real comments, so that they can be made again here."""
    kinds = fit_kinds(read_cases(FOLDER / f"tuned_{language}.tsv"))
    assert load_weights(language).kinds == kinds


@pytest.mark.parametrize("name", ["together", "adapted"])
def test_the_further_voters_were_fitted_beside_the_shipped_weights_of_the_words(name: str) -> None:
    """Their limits hold beside these weights of the words; who makes one anew has to make all."""
    assert f"beside weights of words {checksum()};" in (WEIGHTS / f"{name}.toml").read_text(encoding="utf-8")


def test_a_fit_tells_its_own_cases_apart_and_gives_the_same_weights_again() -> None:
    cases = read_cases(FOLDER / "tuned_en.tsv")[::50]
    crisis, bias = fit(cases)
    right = sum((weigh(crisis, case.pieces) + bias > 0) == (case.label != "none") for case in cases)
    assert right >= 0.95 * len(cases)
    assert fit(cases) == (crisis, bias)


def test_three_in_a_thousand_scores_lie_above_the_limit_from_which_help_stands_alone() -> None:
    scores = [float(place) for place in range(2000)]
    least = silence(0.0, scores, [0.0] * 100)
    assert sum(score > least for score in scores) in {5, 6}
    assert least == silence(0.0, [0.0] * 100, scores)
    assert silence(1999.5, scores) == 1999.5


def test_comments_that_set_it_are_read_by_no_fit(tmp_path: Path) -> None:
    for name in ("goemotions", "goemotions_ko"):
        (tmp_path / name).mkdir()
        lines = [f"comment {place}\t{place % 28}" for place in range(5000)]
        (tmp_path / name / "train.tsv").write_text("\n".join(lines))
    (tmp_path / "kote").mkdir()
    (tmp_path / "kote" / "val.tsv").write_text("0\tcomment 17\t1\n" * 10)
    for language in ("en", "ko"):
        read = {case.text for case in read_comments(tmp_path, language)}
        unread = read_unread_comments(tmp_path, language)
        assert len(unread) > 400
        assert len(unread) == len(set(unread))
        assert not read & set(unread)


def test_sentences_of_the_measured_author_are_read_by_no_fit(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    for author in (5, 6, 7):
        (tmp_path / "en" / f"author{author}.tsv").write_text(f"What {author} said\tjoy\n")
    said = [(case.author, case.text) for case in read_sentences(tmp_path, "en")]
    assert said == [("5", "What 5 said"), ("7", "What 7 said")]
    with pytest.raises(FileNotFoundError, match="no author"):
        read_sentences(tmp_path / "none", "en")


def test_of_every_third_post_passages_of_three_sentences_are_read(tmp_path: Path) -> None:
    (tmp_path / "scruples").mkdir()
    posts = [{"title": f"Post {place}.", "text": " ".join(f"Sentence {n}." for n in range(20))} for place in range(4)]
    posts[3]["text"] = "It is short."
    with gzip.open(tmp_path / "scruples" / "train.scruples-anecdotes.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(post) + "\n" for post in posts)
    first, *_, last, title, end = [case.text for case in read_passages(tmp_path, "en")]
    assert first == "Sentence 0. Sentence 1. Sentence 2."
    assert last == "Sentence 16. Sentence 17. Sentence 18."
    assert title == end == "Post 3.\n\nIt is short."
    assert read_passages(tmp_path, "ko") == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_help_stands_alone_for_no_sign_that_is_a_doubt(language: str) -> None:
    weights = load_weights(language)
    for one in (weights.alone, weights.together, *([weights.adapted.limits] if weights.adapted else [])):
        assert one.doubt < one.threshold < one.clear <= one.silence


def test_the_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir() if path.suffix != ".npz") < 700_000
