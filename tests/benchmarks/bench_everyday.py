"""What a model answers to sentences of everyday life by an author from whom nothing was learnt.

python tests/benchmarks/bench_everyday.py [MODEL]        # `ready` if left out

Asked is redheart.load(MODEL).analyze on the test split of `everyday_en` and `everyday_ko`. Printed are, over the
sentences that are answered: how often the likeliest label is one of the meant ones, the means over labels of the area
under the curve and of average precision, and macro-F1 with the model's thresholds.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

import redheart
from redheart import Analysis
from redheart_core import Record
from redheart_everyday.reading import read_english, read_korean
from redheart_everyday.settings import EverydaySettings

READ = {"en": read_english, "ko": read_korean}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="ready")
    model = redheart.load(parser.parse_args().model)
    print("| language | field | answered | likeliest | area under the curve | average precision | macro-F1 |")
    print("|---|---|---|---|---|---|---|")
    for language, read in READ.items():
        records = [record for record in read(EverydaySettings()) if record.split == "test"]
        answers = model.analyze([record.text for record in records], language=language)
        for field in records[0].values:
            print(f"| {language} | {field} | {_figures(field, records, answers)} |", flush=True)


def _figures(field: str, records: list[Record], analyses: list[Analysis]) -> str:
    meant, said, decided = [], [], []
    for record, analysis in zip(records, analyses, strict=True):
        labels = record.values[field]
        assert isinstance(labels, dict)
        for answer in analysis.answers:
            if answer.field == field:
                values = {value.label: value for value in answer.values}
                meant.append(list(labels.values()))
                said.append([values[label].value for label in labels])
                limits = [values[label].threshold for label in labels]
                decided.append(
                    [limit is not None and value >= limit for value, limit in zip(said[-1], limits, strict=True)]
                )
    truth, numbers, chosen = np.array(meant), np.array(said), np.array(decided)
    seen = np.flatnonzero((truth.sum(0) > 0) & (truth.sum(0) < len(truth)))
    figures = (
        truth[np.arange(len(truth)), numbers.argmax(1)].mean(),
        np.mean([roc_auc_score(truth[:, label], numbers[:, label]) for label in seen]),
        np.mean([average_precision_score(truth[:, label], numbers[:, label]) for label in seen]),
        f1_score(truth[:, seen], chosen[:, seen], average="macro", zero_division=0),
    )
    return " | ".join((f"{len(truth)} of {len(records)}", *(f"{figure:.3f}" for figure in figures)))


if __name__ == "__main__":
    main()
