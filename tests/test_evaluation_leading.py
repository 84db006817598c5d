"""An evaluation names the first metric of every field that a plugin answers, not of its first field alone."""

from __future__ import annotations

import attrs
import pytest
from made_up_groups import make_manifest
from made_up_results import make_evaluation

from redheart_cli.evaluate import print_evaluation
from redheart_core.config.tables import TrainSettings
from redheart_core.evaluation.results import Evaluation, MetricTable
from redheart_core.exact.interval import Interval


def evaluation() -> Evaluation:
    """Of a node with two metrics, of which one is its main one."""
    return make_evaluation({"one": make_manifest("one", ("one",), 0, TrainSettings(), 3, "")}, ())


def table(like: MetricTable, metric: str, field: str, value: float) -> MetricTable:
    """A metric that is no main one, as an evaluation has it: with values alone."""
    figures = {name: Interval(value, None, None) for name in like.figures}
    return attrs.evolve(like, metric=metric, field=field, main=False, figures=figures, gains={})


def test_every_field_that_a_plugin_answers_has_a_row_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    whole = evaluation()
    first = attrs.evolve(whole.tables[0], metric="one.error", field="delay", main=True)
    others = (table(first, "one.mood_f1", "mood", 0.625), table(first, "one.mood_precision", "mood", 0.375))
    found = attrs.evolve(whole, tables=(first, *others))
    assert [one.metric for one in found.leading] == ["one.error", "one.mood_f1"]
    print_evaluation(found)
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert rows["one.error"][1] == "delay"
    assert rows["one.mood_f1"][1:4:2] == ["mood", "0.6250"]
    assert "one.mood_precision" not in rows


def test_of_an_evaluation_that_names_no_fields_the_main_metrics_are_left() -> None:
    whole = evaluation()
    plain = attrs.evolve(whole, tables=tuple(attrs.evolve(one, field="") for one in whole.tables))
    assert [one.metric for one in plain.leading] == [one.metric for one in plain.main]
    assert {one.metric_of_field for one in plain.main} == {one.metric for one in plain.main}
