"""Signs of a crisis beside the shipped model, by all voters together, on written cases that are only measured."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import redheart
from redheart_core.data.encoding import TextEncoder
from redheart_core.safety.adapted import score_sentences
from redheart_core.safety.help import Help, help_for
from redheart_core.safety.signs import search_text
from redheart_core.safety.vectors import ENCODER, reads_vectors_of, score_chunks

FOLDER = Path(__file__).parents[3] / "tests" / "crisis"
DATA = Path(__file__).parents[4] / "shared" / "data"
VEILED = "The rope is in the boot and the forest is quiet at this hour."
REACHED = {"en": (9, 12, 5), "ko": (16, 20, 12)}
"""Of 135 crises and 152 others: misses, false alarms, and those among them that are a block of help, not one line."""
ALONE = {"en": (77, 4), "ko": (67, 11)}
"""Of the same: for how many help stands alone, crises at least and others at most."""
SELDOM = {
    "everyday_en": (0, 8),
    "everyday_ko": (5, 10),
    "goemotions": (12, 37),
    "goemotions_ko": (8, 7),
    "kote": (7, 14),
}
"""Of 101 everyday texts or 1,000 real comments: blocks of help, and single lines of it."""


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    """That of the shipped model, which the second voter was fitted for."""
    opened = redheart.load("ready").encoder
    revisions = [part.revision for part in opened.parts]
    assert reads_vectors_of(revisions), f"the model's encoder is {opened.revision}, not '{ENCODER}': fit it again"
    return opened


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ko"])
def test_misses_and_false_alarms_of_all_voters(
    language: str, encoder: TextEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = rows(f"measured_{language}")
    labels = [case["label"] for case in cases]
    given = helps([case["text"] for case in cases], encoder)
    found = [(label, shown(one)) for label, one in zip(labels, given, strict=True)]
    crises = Counter(label for label, _ in found if label != "none")
    missed = Counter(label for label, one in found if label != "none" and one == "")
    harmless = Counter(one for label, one in found if label == "none")
    lines = sum(one == "line" for label, one in found if label != "none")
    alone = Counter(label == "none" for label, one in zip(labels, given, strict=True) if one is not None and one.alone)
    with capsys.disabled():
        print(
            f"\n{language}: {missed.total()} of {crises.total()} crises missed, {lines} others get one line; "
            f"{harmless['line'] + harmless['block']} false alarms on {harmless.total()} others, {harmless['line']} of "
            f"them one line; help stands alone for {alone[False]} and {alone[True]}; "
            + ", ".join(f"{label} {missed[label]}/{crises[label]}" for label in sorted(crises))
        )
    misses, alarms, blocks = REACHED[language]
    assert missed.total() <= misses
    assert harmless["line"] + harmless["block"] <= alarms
    assert harmless["block"] <= blocks
    assert alone[False] >= ALONE[language][0]
    assert alone[True] <= ALONE[language][1]


@pytest.mark.slow
@pytest.mark.parametrize("name", SELDOM)
def test_everyday_texts_and_real_comments_seldom_get_help(
    name: str, encoder: TextEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = everyday_or_real(name)
    given = helps(texts, encoder)
    found, alone = Counter(map(shown, given)), sum(one is not None and one.alone for one in given)
    with capsys.disabled():
        print(
            f"\n{name}: {found['block']} blocks of help, {alone} of them alone, and {found['line']} single lines on "
            f"{len(texts)} texts"
        )
    blocks, lines = SELDOM[name]
    assert found["block"] <= blocks
    assert found["line"] <= lines


def everyday_or_real(name: str) -> list[str]:
    """101 written everyday texts, or 1,000 real comments, which nothing was fitted on."""
    if name.startswith("everyday"):
        return [case["text"] for case in rows(name)]
    path = DATA / name / ("val.tsv" if name == "kote" else "dev.tsv")
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return ([row[1] for row in lines[1::5]] if name == "kote" else [row[0] for row in lines[::5]])[:1000]


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def shown(help_: Help | None) -> str:
    """Whether people read "block" or "line" of help, or ""."""
    return "" if help_ is None else "line" if help_.doubtful else "block"


def helps(texts: list[str], encoder: TextEncoder) -> list[Help | None]:
    """Help for each text, by all voters."""
    found = []
    for text, vectors in zip(texts, encoder.encode_texts(texts), strict=True):
        searched = search_text(text)
        second = searched.of_sentences(score_chunks(vectors), encoder.chunk_chars)
        found.append(searched.signs(second, score_sentences(searched, second)))
    return [help_for(signs) if signs else None for signs in found]


@pytest.mark.slow
def test_who_is_about_to_do_it_gets_help_alone_and_a_text_is_encoded_once(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (part,) = encoder.parts
    encode, calls = type(part).encode, []

    def counted(self: object, texts: Sequence[str]) -> object:
        calls.append(list(texts))
        return encode(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(type(part), "encode", counted)
    model = redheart.load("ready")
    calls.clear()
    acute, veiled, calm = model.analyze(
        ["I want to kill myself tonight.", VEILED, "I told my neighbour the truth about the fence."]
    )
    assert acute.help is not None
    assert acute.help.acute
    assert not acute.answers
    assert veiled.help is not None
    assert veiled.help.kinds == ("self_harm",)
    assert not veiled.help.alone
    assert calm.help is None
    assert [len(texts) for texts in calls] == [2]


def test_only_the_vectors_show_the_sign_of_this_veiled_text(encoder: TextEncoder) -> None:
    assert search_text(VEILED).signs() == ()
    assert helps([VEILED], encoder) != [None]
