"""How often the sentence of a village text that decides a label has the largest share in the reasons of the answer.

Usage: python tests/benchmarks/bench_reasons.py MODEL [--texts 100]

MODEL answers regret and emotion and was trained on village with its default seed. The texts are fresh, no split holds
them. By the rules of that world an end that is open decides fear. Two kinds of sentences only tell of a label that
others decide: that something else would have been wiser, of regret, and what a person does out of the strongest
feeling, of that one. A sentence has the largest share if no other contributes more to the number, upwards.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import redheart
from redheart_core import Record
from redheart_village.phrases import Wording
from redheart_village.records import make_record
from redheart_village.wording_en import ENGLISH
from redheart_village.wording_ko import KOREAN

FIRST = 10_000
"""Number of the first text; those of a run are below."""


def patterns(wording: Wording) -> Mapping[str, tuple[str, str, re.Pattern[str]]]:
    """Kind of sentence to field, label, and what such sentences look like."""
    feelings = {f"shows {cue}": ("emotion", cue, said) for cue, said in wording.cues.items()}
    kinds = {
        "open end": ("emotion", "fear", wording.open_ends),
        "wiser": ("regret", "regret", wording.wiser),
    } | feelings
    return {kind: (field, label, _pattern(said)) for kind, (field, label, said) in kinds.items()}


def _pattern(said: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.sub(r"\\\{.*?\\\}", ".+", re.escape(one)) for one in said), re.IGNORECASE)


def strongest(record: Record) -> str:
    """The emotion with the largest share, as a kind of sentence."""
    shares = record.values["emotion"]
    assert isinstance(shares, Mapping)
    return f"shows {max(shares, key=lambda label: float(shares[label]))}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=int, default=100)
    arguments = parser.parse_args()
    model = redheart.load(arguments.model)
    for wording in (ENGLISH, KOREAN):
        kinds, hits, error = patterns(wording), dict[str, list[bool]](), 0.0
        for index in range(FIRST, FIRST + arguments.texts):
            record = make_record(0, wording, index)
            for kind in ("open end", "wiser", strongest(record)):
                field, label, pattern = kinds[kind]
                if not pattern.search(record.text):
                    continue
                explained = model.explain(record.text, language=wording.language)
                reason = explained.reason(field, label)
                adds = [row.adds for row in reason.rows]
                error = max(error, abs(sum(adds) - reason.value + reason.usual))
                (place,) = [place for place, row in enumerate(reason.rows) if pattern.search(row.part)]
                hit = adds[place] == max(adds)
                hits.setdefault(kind.split()[0], []).append(hit)
        for kind, found in hits.items():
            share = sum(found) / len(found)
            print(f"{wording.language} {kind}: largest share in {sum(found)} of {len(found)} texts ({share:.1%})")
        print(f"{wording.language}: contributions sum to the difference from the mean within {error:.1e}")


if __name__ == "__main__":
    main()
