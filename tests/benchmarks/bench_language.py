"""Measures the detection of languages: texts that are taken for another language than theirs, and time.

Usage: python tests/benchmarks/bench_language.py ../shared/data

The folder holds goemotions, goemotions_ko, kote, emobank and scenarios. English and Korean are expected, as by the
model `ready`. Sentences in further languages, slang and nonsense stand in languages.tsv.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from redheart_core import DatasetSpec, Record
from redheart_core.data.language import detect
from redheart_core.testing import load_installed

EXPECTED = ("en", "ko")
MOST = 5_426
"""Records of each data set."""
OWN = Path(__file__).parent / "languages.tsv"
"""Lines of a language, or a kind of text, and a text."""


def published(data: Path) -> dict[str, list[Record]]:
    """Records of the data sets: the publishers' dev parts where there are such parts, and the first of the others."""
    found = {}
    for name in ("goemotions", "emobank", "scenarios", "goemotions_ko", "kote"):
        spec = load_installed(name).spec
        assert isinstance(spec, DatasetSpec)
        records = list(spec.records(spec.settings(path=data / name)))
        held = [record for record in records if record.split == "test"] or records
        found[name] = held[:MOST]
    return found


def own() -> dict[str, list[str]]:
    """The texts of languages.tsv."""
    found: dict[str, list[str]] = {}
    for line in OWN.read_text(encoding="utf-8").splitlines():
        name, text = line.split("\t")
        found.setdefault(name, []).append(text)
    return found


def report(name: str, language: str, texts: list[str]) -> None:
    """One line: how many are in the language, in another expected one, in a third one, in none that can be told."""
    begun = time.process_time()
    codes = Counter(detect(text, EXPECTED).code for text in texts)
    each = (time.process_time() - begun) / len(texts)
    own, unknown = codes.pop(language, 0), codes.pop(None, 0)
    answered = sum(codes.pop(code, 0) for code in EXPECTED)
    shares = " ".join(f"{100 * count / len(texts):6.2f}" for count in (own, answered, codes.total(), unknown))
    print(f"{name:28} {len(texts):6} {shares} {1e6 * each:8.0f}")


def main() -> None:
    """Print a table in per cent and microseconds of processor time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    begun = time.process_time()
    detect("a first text", EXPECTED)
    print(f"loading: {time.process_time() - begun:.2f} s of processor time")
    print(f"{'texts':28} {'number':>6} {'right':>6} {'en, ko':>6} {'other':>6} {'none':>6} {'us':>8}")
    for name, records in published(given.data).items():
        report(name, str(records[0].language), [record.text for record in records])
    for name, texts in own().items():
        report(name, name[:2], texts)


if __name__ == "__main__":
    main()
