"""How often the sentence of a village text that decides a label has the largest share in the reasons of the answer.

Usage: python tests/benchmarks/bench_reasons.py MODEL [--texts 300]

MODEL answers regret and emotion and was trained on village with its default seed. Of fresh texts, which no split holds,
two kinds of sentences decide a label by the rules of that world: that something else would have been wiser, regret; and
what a feeling makes a person do, the share of that feeling. A sentence has the largest share if no other contributes
more to the number, upwards.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import redheart
from redheart.reasons import Explanation
from redheart_village.phrases import Wording
from redheart_village.records import make_record
from redheart_village.wording_en import ENGLISH
from redheart_village.wording_ko import KOREAN

FIRST = 10_000
"""Number of the first text; the run's are below."""


def patterns(wording: Wording) -> Mapping[tuple[str, str], re.Pattern[str]]:
    """Field and label to what the sentences that decide it look like."""
    deciding = {("regret", "regret"): wording.wiser} | {("emotion", cue): said for cue, said in wording.cues.items()}
    return {
        label: re.compile("|".join(re.sub(r"\\\{.*?\\\}", ".+", re.escape(one)) for one in said), re.IGNORECASE)
        for label, said in deciding.items()
    }


def hits(explained: Explanation, deciding: Mapping[tuple[str, str], re.Pattern[str]]) -> dict[str, bool]:
    """For each field with a deciding sentence, whether it contributes most to its label."""
    found = {}
    for (field, label), pattern in deciding.items():
        places = [place for place, part in enumerate(explained.parts) if pattern.search(part)]
        if len(places) == 1 and len(explained.parts) > 2:
            contributions = explained.reason(field, label).contributions
            found[field] = contributions[places[0]] == max(contributions)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=int, default=300)
    arguments = parser.parse_args()
    model = redheart.load(arguments.model)
    for wording in (ENGLISH, KOREAN):
        deciding, counts = patterns(wording), dict[str, list[bool]]()
        error = 0.0
        for index in range(FIRST, FIRST + arguments.texts):
            explained = model.explain(make_record(0, wording, index).text, language=wording.language)
            for reason in explained.reasons:
                error = max(error, abs(sum(reason.contributions) - reason.value + reason.usual))
            for field, hit in hits(explained, deciding).items():
                counts.setdefault(field, []).append(hit)
        for field, found in counts.items():
            share = sum(found) / len(found)
            print(f"{wording.language} {field}: largest share in {sum(found)} of {len(found)} texts ({share:.1%})")
        print(f"{wording.language}: sums differ from the answer's difference from the mean by at most {error:.1e}")


if __name__ == "__main__":
    main()
