"""Whether the probabilities, intervals, sets and silence of `ready` hold on published development parts.

python tests/benchmarks/bench_shipped.py ../shared/data [--model ready] [--of NAME ...]

Every text is analyzed as a user's is, by redheart.load(MODEL).analyze, on the records that the data sets call "test":
the publishers' development parts of goemotions, goemotions_ko, emobank, scenarios and scruples, and the author of
everyday_en and everyday_ko from whom nothing was learnt. What is counted is what is answered; the rest is said. The
columns, and what is wanted of them, are those of bench_calibration.py. --reliability prints the bins of all
probabilities of each row: how many, their mean, and how often they came true.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np
import torch
from bench_calibration import HEAD, row

import redheart
from redheart_core import DataError, Record
from redheart_core.data.language import primary
from redheart_core.evaluation.calibrated import CalibratedTask
from redheart_core.evaluation.calibration import task_of
from redheart_core.models.calibrating import Answered
from redheart_core.models.findings import Answer
from redheart_core.nn.answers import as_shares
from redheart_emobank.reading import read_records as read_emobank
from redheart_emobank.settings import EmobankSettings
from redheart_everyday import reading as everyday
from redheart_everyday.settings import EverydaySettings
from redheart_goemotions.reading import read_english, read_korean
from redheart_goemotions.settings import GoemotionsSettings
from redheart_scenarios.reading import read_records as read_scenarios
from redheart_scenarios.settings import ScenariosSettings
from redheart_scruples.reading import read_records as read_scruples
from redheart_scruples.settings import ScruplesSettings

READ: Mapping[str, Callable[[Path], Iterator[Record]]] = {
    "goemotions": lambda path: read_english(GoemotionsSettings(path)),
    "goemotions_ko": lambda path: read_korean(GoemotionsSettings(path)),
    "everyday_en": lambda path: everyday.read_english(EverydaySettings()),
    "everyday_ko": lambda path: everyday.read_korean(EverydaySettings()),
    "emobank": lambda path: read_emobank(EmobankSettings(path)),
    "scenarios": lambda path: read_scenarios(ScenariosSettings(path)),
    "scruples": lambda path: read_scruples(ScruplesSettings(path)),
}

AT_ONCE = 256


def measured(model: redheart.Model, records: list[Record]) -> Iterator[CalibratedTask]:
    """Every field that the records have and the model answers."""
    calibration = model.assembled.calibration
    assert calibration is not None
    found = defaultdict[str, list[tuple[Answer, Record]]](list)
    language = primary(records[0].language or "")
    for begin in range(0, len(records), AT_ONCE):
        part = records[begin : begin + AT_ONCE]
        for analysis, record in _analyzed(model, part, language):
            for answer in analysis.answers:
                if answer.field in record.values:
                    found[answer.field].append((answer, record))
    for name, pairs in sorted(found.items()):
        first, about = pairs[0][0].finding, pairs[0][0].about
        own = calibration.of(first.plugin, first.output, name)
        assert own is not None
        assert all(answer.finding.plugin == first.plugin for answer, _ in pairs)
        answers = np.array([_in_order(answer, about.elements) for answer, _ in pairs])
        truth = torch.from_numpy(np.stack([about.to_numbers(one.values[name], one.where) for _, one in pairs])).double()
        outer = None
        if first.outer is not None:
            outer = np.array([answer.finding.outer for answer, _ in pairs], float).swapaxes(0, 1)
        shares = as_shares(about, truth).reshape(len(pairs), -1).numpy()
        given = Answered(answers, shares, tuple(_kind(answer, language) for answer, _ in pairs), outer)
        yield task_of(about, own, language, given, calibration.alpha)


def _analyzed(model: redheart.Model, records: list[Record], language: str) -> list[tuple[redheart.Analysis, Record]]:
    """All but those that are refused, such as a text of signs alone."""
    try:
        return list(zip(model.analyze([one.text for one in records], language=language), records, strict=True))
    except DataError:
        if len(records) == 1:
            return []
        return [pair for record in records for pair in _analyzed(model, [record], language)]


def _kind(answer: Answer, language: str) -> str:
    """Whose calibration records the answer rests on."""
    like = "" if answer.certainty is None else answer.certainty.reads_like
    return f"{language}/{like}" if like else language


def _in_order(answer: Answer, elements: tuple[str, ...]) -> list[float]:
    values = {value.label: value.value for value in answer.finding.values}
    return [values[element] for element in elements]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="holds a folder for each published data set")
    parser.add_argument("--model", default="ready")
    parser.add_argument("--of", nargs="+", choices=READ, default=list(READ), metavar="NAME", help="data sets")
    parser.add_argument("--reliability", action="store_true")
    given = parser.parse_args()
    model = redheart.load(given.model)
    print(HEAD, flush=True)
    tasks = []
    for name in given.of:
        records = [record for record in READ[name](given.data / name) if record.split == "test"]
        for task in measured(model, records):
            tasks.append(task)
            print(row(attrs.evolve(task, plugin=f"of {len(records)} records of {name},")), flush=True)
            if given.reliability:
                print(
                    "  " + " ".join(f"{one.count}:{one.confidence:.3f}/{one.correct:.3f}" for one in task.reliability)
                )
    outside, labels = sum(len(task.outside) for task in tasks), sum(len(task.cells) for task in tasks)
    print(f"{outside} of {labels} outside, {sum(task.outside_by_chance for task in tasks):.2f} by chance")


if __name__ == "__main__":
    main()
