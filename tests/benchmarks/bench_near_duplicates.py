"""Time and memory of finding near-duplicates among answers to one questionnaire, by their number.

.venv/bin/python tests/benchmarks/bench_near_duplicates.py 4000 8000 16000 64000
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time

from redheart_core.data.near_duplicates import near_duplicate_clusters

FORM = (
    "Question one: what did you do last week that you still think about? Answer: I gave the {}. Question two: "
    "would you do it again if you were in the same place with the same people around you? Answer: I do not know "
    "yet {}. Question three: who else was there and what did they say about it afterwards? Answer: nobody was "
    "there and nobody has said anything about it so far {}."
)


def measure(count: int) -> None:
    """CPU seconds and peak memory of this process for so many texts."""
    draw = random.Random(0)
    nouns = [f"noun{number}" for number in range(50)]
    texts = [FORM.format(draw.choice(nouns), draw.choice(nouns), f"w{draw.randrange(10**5)}") for _ in range(count)]
    start = time.process_time()
    found = near_duplicate_clusters(texts)
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} texts: {seconds:.2f} s, {peak} MB, {len(set(found.tolist()))} clusters")


def main() -> None:
    """Each number in a process of its own."""
    for count in sys.argv[1:]:
        code = f"import runpy; runpy.run_path({__file__!r})['measure']({int(count)})"
        subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
