"""How often models answer nothing: the embedded world's on real comments, the shipped one on what is no text.

    python tests/benchmarks/bench_limits.py ../shared/data [--village runs/village/model] [--shipped ready]

The first is a model of the main job, whose run is there (its test records are read); the second is an installed one.
Wanted: at least 95 % of 500 real comments and at most 7 % of its own test records for the first; at least 95 % of
shuffled letters, other scripts and lists of numbers and at most 7 % of real development texts for the second.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import redheart
from redheart.sessions import run_of_model
from redheart_core import DataError
from redheart_core.data.store import Store

SCRIPTS = {
    "Thai": (0x0E01, 0x0E2E),
    "Greek": (0x03B1, 0x03C9),
    "Hebrew": (0x05D0, 0x05EA),
    "Devanagari": (0x0905, 0x0939),
    "Cyrillic": (0x0430, 0x044F),
    "Arabic": (0x0627, 0x064A),
    "Georgian": (0x10D0, 0x10F0),
    "Hiragana": (0x3042, 0x3093),
}
"""First and last letter of each."""


def comments(data: Path) -> list[str]:
    """Texts of the development parts of GoEmotions, in English and Korean, and of KOTE."""
    found = []
    for name, column in (("goemotions/dev.tsv", 0), ("goemotions_ko/dev.tsv", 0), ("kote/val.tsv", 1)):
        with (data / name).open(encoding="utf-8", newline="") as lines:
            found += [row[column] for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    return found


def shuffled(text: str, draw: random.Random) -> str:
    """The same letters in words of the same lengths, in any order."""
    words = text.split()
    letters = list("".join(words))
    draw.shuffle(letters)
    left = iter(letters)
    return " ".join("".join(next(left) for _ in word) for word in words)


def written_in(first: int, last: int, draw: random.Random) -> str:
    """Words of letters of a script."""
    words = (draw.randint(2, 9) for _ in range(draw.randint(3, 15)))
    return " ".join("".join(chr(draw.randint(first, last)) for _ in range(size)) for size in words)


def numbers(draw: random.Random) -> str:
    """A list of numbers, as it stands in a table."""
    found = [str(draw.randint(0, 99_999)) for _ in range(draw.randint(4, 30))]
    return draw.choice(("", "Nr ", "id: ", "x = ")) + draw.choice((" ", ", ", "; ", "\n")).join(found)


def silent(model: redheart.Model, texts: Sequence[str]) -> tuple[float, Counter[str], float]:
    """The share of texts on which a model answers nothing, why, and seconds a text."""
    because, began = Counter[str](), time.perf_counter()
    for text in texts:
        try:
            found = model.analyze(text)
        except DataError:
            because["refused"] += 1
            continue
        if not found.answers:
            beyond = [one.layer for one in found.limits if one.beyond]
            because[beyond[0] if beyond else "help instead" if found.help is not None else "language"] += 1
    return because.total() / len(texts), because, (time.perf_counter() - began) / len(texts)


def village(model: redheart.Model, real: Sequence[str], count: int) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Name, what is wanted, and texts."""
    store = Store.open(run_of_model(model.folder) / "store")
    yield "real comments", "at least 95 %", real[:count]
    for code in ("en", "ko"):
        rows = [row for row in store.rows("test").tolist() if store.language(row) == code]
        yield f"own test records, {code}", "at most 7 %", [store.text(row) for row in rows]


def shipped(real: Sequence[str], count: int, draw: random.Random) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Likewise."""
    yield "real development texts", "at most 7 %", real[:count]
    yield "their letters shuffled", "at least 95 %", [shuffled(text, draw) for text in real[:count]]
    places = list(SCRIPTS.values())
    yield "other scripts", "at least 95 %", [written_in(*places[n % len(places)], draw) for n in range(count)]
    yield "lists of numbers", "at least 95 %", [numbers(draw) for _ in range(count)]


def main() -> None:
    """Print one line for each kind of text."""
    parser = argparse.ArgumentParser(description="How often models answer nothing.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--village", type=Path)
    parser.add_argument("--shipped")
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    draw = random.Random(0)
    real = comments(given.data)
    draw.shuffle(real)
    for name in (given.village, given.shipped):
        if name is not None:
            model = redheart.load(name)
            parts = village(model, real, given.count) if name == given.village else shipped(real, given.count, draw)
            for title, wanted, texts in parts:
                share, because, seconds = silent(model, texts)
                why = ", ".join(f"{reason} {number}" for reason, number in because.most_common())
                print(
                    f"{name}: {title}: {share:.1%} of {len(texts)} are not answered (wanted: {wanted}; "
                    f"{why or 'none'}; {1000 * seconds:.0f} ms a text)",
                    flush=True,
                )


if __name__ == "__main__":
    main()
