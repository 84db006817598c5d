"""What the parts of an analysis take of a text, in milliseconds of the processor: single texts, and a list of them.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_parts.py FILE.txt [MODEL] [--without GROUPS] analyzes the first 256
lines of a file, each way three times; the round with the least sum counts. What a part calls of others is theirs.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_analyze import without_groups

import redheart
from redheart import analyzing, crisis, models
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.term_view import TermView
from redheart_core.models import analysis
from redheart_core.models.model import Model
from redheart_use_multilingual.encoder import UseMultilingualEncoder

TEXTS = 256
ROUNDS = 3
PARTS: Sequence[tuple[Any, str, str]] = (
    (models, "analyze_records", "the rest"),
    (crisis.Safety, "read", "signs of a crisis"),
    (crisis.ReadForHelp, "by_words", "signs of a crisis"),
    (crisis.ReadForHelp, "by_vectors", "signs of a crisis"),
    (analyzing, "read_record", "language"),
    (UseMultilingualEncoder, "encode", "use_multilingual"),
    (TextEncoder, "encode_texts", "other encoders"),
    (TermView, "count", "terms"),
    (TermView, "known_of_counts", "terms"),
    (TermView, "weigh_counts", "terms"),
    (analysis, "dense_rows", "terms"),
    (Model, "predict_with_disagreement", "networks"),
    (analysis, "findings_of_texts", "findings and answers"),
    (analyzing, "_analysis", "findings and answers"),
    (analysis, "read_layers", "layers"),
    (analysis, "with_answers", "layers"),
    (analysis, "read_contexts", "layers"),
)
"""Owner and name of functions, and the part that each belongs to."""


def count_inside(inside: Counter[str]) -> None:
    """From now on the functions of PARTS add their seconds to a counter."""
    begun: list[float] = []
    for owner, name, part in PARTS:
        function = getattr(owner, name)

        def timed(*given: Any, _function: Any = function, _part: str = part, **named: Any) -> Any:
            start = time.process_time()
            begun.append(0.0)
            found = _function(*given, **named)
            taken, others = time.process_time() - start, begun.pop()
            inside[_part] += taken - others  # type: ignore[assignment] # a Counter may hold seconds
            if begun:
                begun[-1] += taken
            return found

        setattr(owner, name, timed)


def measured(model: redheart.Model, texts: Sequence[str], inside: Counter[str], *, single: bool) -> Counter[str]:
    """Milliseconds a text of each part, in the round with the least sum."""
    rounds = []
    for _ in range(ROUNDS):
        inside.clear()
        if single:
            for text in texts:
                model.analyze(text)
        else:
            model.analyze(list(texts))
        rounds.append(Counter({part: 1000.0 * seconds / len(texts) for part, seconds in inside.items()}))
    return min(rounds, key=lambda one: sum(one.values()))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Time of the parts of an analysis.")
    parser.add_argument("file", type=Path)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--without", default="", help="beginning of the names of groups that are left out")
    given = parser.parse_args()
    texts = [line for line in given.file.read_text(encoding="utf-8").splitlines() if line.strip()][:TEXTS]
    model, inside = without_groups(redheart.load(given.model), given.without), Counter[str]()
    model.analyze(texts)
    count_inside(inside)
    single, together = (measured(model, texts, inside, single=one) for one in (True, False))
    print("| part | single | in a list |\n|---|---|---|")
    for part in sorted(single, key=lambda part: -single[part]):
        print(f"| {part} | {single[part]:.2f} | {together[part]:.2f} |")
    print(f"| all | {sum(single.values()):.2f} | {sum(together.values()):.2f} |")


if __name__ == "__main__":
    main()
