"""What later commands make of a made-up run: plausible figures, the same every time."""

from __future__ import annotations

import attrs

from redheart_core.config.tables import TrainSettings
from redheart_core.data.data_warning import DataWarning
from redheart_core.data.disk_use import DiskUse
from redheart_core.data.division import ClusterReport
from redheart_core.data.index import StoreIndex
from redheart_core.evaluation.calibrated import Bin, CalibratedTask, Covered, LabelError, Together
from redheart_core.evaluation.results import Confusion, Diagnosis, Disagreement, Evaluation, MetricTable
from redheart_core.exact.interval import Interval
from redheart_core.inspection.findings import (
    BaselineFigure,
    DuplicateExample,
    Duplicates,
    FieldInspection,
    Grid,
    Inspection,
    LabelFigures,
    VoteNoise,
)
from redheart_core.runs.manifest import GroupManifest
from redheart_core.selection.common_epoch import Cost
from redheart_core.selection.picks import Pick
from redheart_core.selection.rivals import Rival, Rivals
from redheart_core.tuning.rates import Difference, RateChoice
from redheart_core.tuning.sweep_result import CommonRate, GroupSweep, RateRuns, Sweep

VARIANTS = {
    "crossover": (0.35678, 0.0),
    "common epoch": (0.33321, 0.004),
    "last epoch": (0.30456, 0.009),
    "swa": (0.34512, 0.002),
    "greedy soup": (0.36421, -0.003),
    "top ensemble": (0.36012, -0.001),
    "chosen": (0.36398, -0.002),
    "constant": (0.0, 0.061),
    "linear": (0.19873, 0.027),
}
"""Name to mean skill, and distance of the main metrics from the crossover."""
BASELINES = ("constant", "linear")
COUNTS = {"train": 2810, "validation": 402, "calibration": 398, "test": 391, "excluded": 3}
LABELS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger")
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


def make_evaluation(manifests: dict[str, GroupManifest], weak: tuple[str, ...]) -> Evaluation:
    tables = []
    for manifest in manifests.values():
        for name, value in manifest.best.metrics.items():
            assert value is not None
            sign, main = (1, True) if name.endswith("error") else (-1, False)
            figures = {
                variant: Interval(found, found - 0.011, found + 0.012) if main else Interval(found)
                for variant, (_, offset) in VARIANTS.items()
                for found in [value + sign * offset]
            }
            gains = {
                variant: Interval(0.004 - offset, -0.006 - offset, 0.014 - offset)
                for variant, (_, offset) in VARIANTS.items()
            }
            tables.append(
                MetricTable(
                    metric=name,
                    group=manifest.group,
                    direction="min" if sign > 0 else "max",
                    main=main,
                    records=388,
                    figures=figures,
                    gains=gains if main else {},
                    beats_constant=main and manifest.group not in weak,
                    ceiling=value - 0.05 if main and manifest.group == "neural_regret" else None,
                )
            )
    base = VARIANTS["common epoch"][0]
    skill = {name: Interval(value, value - 0.02, value + 0.02) for name, (value, _) in VARIANTS.items()}
    gains = {
        name: Interval(value - base, value - base - 0.01, value - base + 0.012) for name, (value, _) in VARIANTS.items()
    }
    return Evaluation(
        variants=tuple(VARIANTS),
        tables=tuple(tables),
        losses={
            variant: {name: manifest.best.validation_loss + offset for name, manifest in manifests.items()}
            for variant, (_, offset) in VARIANTS.items()
            if variant not in BASELINES
        },
        skill=skill,
        skill_gains=gains,
        points={
            name: Interval(100 * one.number, 100 * one.number - 2, 100 * one.number + 2) for name, one in skill.items()
        },
        point_gains={
            name: Interval(100 * one.number, 100 * one.number - 1, 100 * one.number + 1) for name, one in gains.items()
        },
        best_method="greedy soup",
        refits={
            variant: {list(manifests)[-1]: (0.4123, 0.4021 + offset)} if variant == "greedy soup" else {}
            for variant, (_, offset) in VARIANTS.items()
            if variant not in BASELINES
        },
        test_records=COUNTS["test"],
        test_reads=2,
        diagnostics=tuple(
            make_diagnosis(number, table.metric) for number, table in enumerate(one for one in tables if one.main)
        ),
        calibrated=make_calibrated(),
    )


def make_calibrated() -> tuple[CalibratedTask, ...]:
    """Of a value, whose curve falls, and of labels, of which one lies outside and silence does not help."""
    value = CalibratedTask(
        field="regret",
        plugin="stacking_fusion",
        language="en",
        records=210,
        alpha=0.1,
        cells=(Covered("regret", 204, "", 210, 190, 177, 200, 0.041),),
        size=0.5931,
        together=None,
        error_before=None,
        error_after=None,
        label_errors=(),
        reliability=(),
        temperature=None,
        risks=(0.021, 0.023, 0.024, 0.026, 0.027, 0.029),
        area=0.0218,
    )
    labels = attrs.evolve(
        value,
        field="ekman",
        language="ko",
        cells=(
            Covered("joy", 51, "", 60, 40, 45, 60, 0.038),
            Covered("fear", 4, "", 6, 6, 4, 6, 0.0),
        ),
        size=3.41,
        together=Together(205, 0.0968, 0.0113, 2.07),
        error_before=0.0312,
        error_after=0.0174,
        label_errors=(LabelError("joy", 0.0611, 0.0322), LabelError("fear", 0.0213, 0.0198)),
        reliability=tuple(Bin(30 - place, (place + 0.5) / 15, (place + 0.7) / 15) for place in range(13)),
        temperature=1.21,
        risks=(0.31, 0.34, 0.33, 0.32, 0.31, 0.3),
        area=0.3127,
    )
    return value, labels


def make_diagnosis(number: int, metric: str) -> Diagnosis:
    """Of a distribution, of labels and of values by turns."""
    bins = tuple(Bin(17 + 9 * place, (place + 0.5) / 15, min(1.0, (place + 0.8) / 16)) for place in range(2, 15))
    counts = tuple(
        tuple(40 - 3 * row if row == column else (row * column) % 5 for column in range(7)) for row in range(7)
    )
    return Diagnosis(
        metric=metric,
        reliability=bins if number % 3 < 2 else (),
        confusion=Confusion(LABELS, counts, 6) if number % 3 == 0 else None,
        disagreement={
            "neighbour ensemble": Disagreement(0.0213 + 0.01 * number, 0.3127, 388),
            "top ensemble": Disagreement(0.0187 + 0.01 * number, None, 388),
        },
    )


def make_rivals(manifests: dict[str, GroupManifest]) -> Rivals:
    table = {}
    for name, manifest in manifests.items():
        best, loss = manifest.best, manifest.best.validation_loss
        picks = {
            "selection": (Pick.single("selection", best), 0.0, 0.0),
            "swa": (Pick.mixed("swa", manifest.epochs[-3:]), 0.0021, 0.0009),
            "greedy soup": (Pick.mixed("greedy soup", manifest.epochs[-2:]), -0.0034, 0.0011),
            "top ensemble": (Pick.together("top ensemble", manifest.epochs[-3:]), -0.0012, 0.0015),
        }
        table[name] = {
            method: Rival(name, pick, pick.describe(manifest), loss + apart, apart, error)
            for method, (pick, apart, error) in picks.items()
        }
    sums = {
        "selection": (0.0, 0.0),
        "swa": (0.006, 0.002),
        "greedy soup": (-0.011, 0.003),
        "top ensemble": (-0.004, 0.005),
    }
    return Rivals(table, sums)


def make_sweep(groups: tuple[str, ...], training: TrainSettings) -> Sweep:
    """Each group has its own best rate; the highest rate was dropped, and the last group has none."""
    found = [make_rates(name, number) for number, name in enumerate(groups[:-1])]
    failed = GroupSweep(groups[-1], 0, "failed", "no rate came to the end with finite losses for every seed")
    estimate = Interval(0.0042, -0.0011, 0.0093)
    common = CommonRate(1e-3, "", RATES[:-1], {one.group: Cost(estimate, estimate) for one in found}, None)
    settings = {"rates": list(RATES), "hierarchical": False, "epochs": 3, "seeds": 2, "halving": True}
    return Sweep(settings, training, (training, training), (*found, failed), common)


def make_rates(name: str, number: int) -> GroupSweep:
    chosen = RATES[1 + number % 3]
    differences = {
        rate: Difference(0.013 * abs(place - RATES.index(chosen)), 0.006 if rate != chosen else 0.0)
        for place, rate in enumerate(RATES[:-1])
    }
    runs = [
        RateRuns(rate, 1, "finished", "", ((0.5, 0.4), (0.5, 0.41)), 0.38 + 0.05 * number + apart.mean, apart)
        for rate, apart in differences.items()
    ]
    dropped = RateRuns(RATES[-1], 1, "dropped", "0.2 behind the best rate after epoch 1", ((0.9,), ()), None, None)
    choice = RateChoice(chosen, RATES[number % 3], (RATES[number % 3], chosen), True, differences)
    return GroupSweep(name, 0, "chosen", "", (RATES,), (*runs, dropped), choice, 3, 44, 3)


def make_inspection(index: StoreIndex) -> Inspection:
    coverage = {name: count for name, count in COUNTS.items() if name != "excluded"}
    names = tuple(index.fields)
    return Inspection(
        dataset=index.dataset,
        fingerprint=index.fingerprint,
        counts=COUNTS,
        wanted={name: float(count) for name, count in COUNTS.items() if name != "excluded"},
        fields=(
            FieldInspection(
                name=names[0],
                kind="distribution",
                numbers=7,
                coverage=coverage,
                labels=tuple(make_label(label, 0.31 - 0.04 * place, None) for place, label in enumerate(LABELS)),
                class_entropy=2.4131,
                votes=None,
                noise="unknown: neither votes nor rounded values",
                baselines=(BaselineFigure("jensen_shannon", "min", 0.2211, 0.1893),),
                baselines_note="",
            ),
            FieldInspection(
                name=names[1],
                kind="values",
                numbers=1,
                coverage=coverage | {"test": 380},
                labels=(make_label("regret", 0.0412, Grid(0.05, 0.01443)), make_label("relief", 0.0371, None)),
                class_entropy=None,
                votes=None,
                noise="at least the rounding of the labels",
                baselines=(),
                baselines_note="none: constant on validation",
            ),
            FieldInspection(
                name=names[2],
                kind="votes",
                numbers=2,
                coverage=coverage | {"train": 803},
                labels=(make_label("yes", 0.62, None), make_label("no", 0.38, None)),
                class_entropy=0.9582,
                votes=VoteNoise(0.4123, 0.5128, 0.8123, 0.0121),
                noise="by the disagreement of the voters",
                baselines=(),
                baselines_note="",
            ),
        ),
        duplicates=Duplicates(
            sets=14,
            records=31,
            largest=4,
            within=dict.fromkeys(COUNTS, 2),
            across=1,
            leaking=0,
            examples=(
                DuplicateExample(
                    ("en-0017", "en-0404"), ("train", "excluded"), ("He lent me his boat.", "He lent me a boat.")
                ),
            ),
            clusters=(ClusterReport(4, {"train": 4}, ("en-0017", "en-0404", "en-0405"), "He lent me his boat."),),
        ),
        disk=DiskUse(100, {"vectors": 400, "terms": 120}),
        warnings=(
            DataWarning(names[1], "rises with the length of the text.", "A model may count words.", "Balance lengths."),
        ),
    )


def make_label(label: str, imbalance: float, grid: Grid | None) -> LabelFigures:
    coverage = dict.fromkeys(("train", "validation", "calibration", "test"), 300)
    return LabelFigures(label, coverage, coverage, 0.2, 0.1, 41, 3.5 + imbalance, 0, imbalance, grid)
