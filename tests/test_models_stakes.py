"""Stakes: the higher they are, the surer a claim has to be, else it is a warning or is held back by name."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import attrs
import numpy as np
import pytest
from test_api_page import LABELS, RATING, answer, value
from test_models_limits import active, assembled
from toy import Toy
from trained_toy import Trained

from redheart_core import LayerSpec, LayerTexts, PluginError
from redheart_core.models.analysis import analyze
from redheart_core.models.calibrating import calibrate
from redheart_core.models.calibration import SURENESS, Calibration, CalibrationPart, Cell, SourceCalibration
from redheart_core.models.findings import Answer
from redheart_core.models.model import Model, load_model
from redheart_core.models.stakes import STAKES, Context, read_contexts, weigh_answers

SHOUTING = LayerSpec(
    name="shouting",
    meaning="Exclamation marks.",
    kind="context",
    score=lambda _, texts: np.array([float(text.count("!")) for text in texts.texts]),
    notes=lambda _, texts: [{"marks": ("!",)} if "!" in text else {} for text in texts.texts],
    reason="loud",
)
QUIET = attrs.evolve(SHOUTING, name="quiet", notes=lambda _, texts: [{"marks": ("!", "?")}] * len(texts.texts))


def texts(*given: str) -> LayerTexts:
    return LayerTexts(given, ["en"] * len(given), np.zeros((len(given), 2), np.float32), np.ones((len(given), 2)))


def model(field: Answer, *widths: float | None) -> Model:
    cells = tuple(Cell(0.5, 100, widths=widths) for _ in field.about.elements)
    own = CalibrationPart(100, 1.0, cells)
    source = SourceCalibration(field.finding.plugin, field.finding.output, field.field, own, {"en": own})
    return cast(Model, SimpleNamespace(calibration=Calibration(0.1, 100, (source,))))


def weigh(given: Answer, stakes: str, *widths: float | None) -> tuple[tuple[str, ...] | None, list[str]]:
    """The labels that are not sure enough, None of an answer that is held back, and why it is."""
    kept, held = weigh_answers(model(given, *(widths or (0.0, 0.0, 0.0))), [given], Context(stakes), "en")
    return (kept[0].unsure if kept else None), [one.reason for one in held]


def test_the_highest_stakes_of_all_layers_count_and_their_notes_are_joined() -> None:
    found = read_contexts([SHOUTING, QUIET], texts("calm", "now!", "now!!"))
    assert [one.stakes for one in found] == list(STAKES)
    assert [one.sureness for one in found] == list(SURENESS) == [0.75, 0.85, 0.95]
    assert found[1].notes == {"marks": ("!", "?")}
    assert read_contexts([], texts("now!")) == [Context("usual", {})]


@pytest.mark.parametrize("score", [3.0, 0.5, np.nan])
def test_other_stakes_are_refused_by_name(score: float) -> None:
    wrong = attrs.evolve(SHOUTING, score=lambda _, texts: np.full(len(texts.texts), score))
    with pytest.raises(PluginError, match="'shouting' has to give stakes of 0, 1 or 2"):
        read_contexts([wrong], texts("calm"))


def test_a_label_has_to_be_as_probable_as_the_stakes_want() -> None:
    labels = answer(LABELS, value("joy", 0.9, 2.0, 0.4), value("fear", 0.8, 2.0, 0.4), value("calm", 0.1, 0.0, 0.4))
    assert weigh(labels, "usual") == ((), [])
    assert weigh(labels, "raised") == (("fear",), [])
    assert weigh(labels, "high") == (None, ["where stakes are high it has to be 95% sure, and it is not"])
    surer = attrs.evolve(labels, values=(value("joy", 0.96, 2.0, 0.4), *labels.values[1:]))
    assert weigh(surer, "high") == (("fear",), [])


def test_a_number_has_to_be_away_from_the_usual_by_more_than_it_may_err() -> None:
    rating = answer(RATING, value("rating", 3.25, 3.0))  # 3.0 above the mean
    widths = (1.0, 2.9, 3.1)
    assert weigh(rating, "usual", *widths) == weigh(rating, "raised", *widths) == ((), [])
    assert weigh(rating, "high", *widths)[0] is None
    assert weigh(rating, "raised", 1.0, None, None) == (("rating",), [])


def test_the_interval_stands_in_for_narrower_ones_that_were_not_kept_and_for_no_wider_one() -> None:
    cell = Cell(0.5, 100)
    assert [cell.width(one) for one in SURENESS] == [0.5, 0.5, None]
    assert Cell(None, 9).width(0.75) is None


def test_an_answer_that_claims_nothing_is_kept_whatever_the_stakes() -> None:
    assert weigh(answer(RATING, value("rating", 2.0)), "high", None, None, None) == ((), [])


def test_an_answer_that_is_not_calibrated_is_not_sure() -> None:
    plain = attrs.evolve(answer(RATING, value("rating", 3.25, 3.0)), certainty=None)
    assert weigh(plain, "raised") == (("rating",), [])
    assert weigh(plain, "high")[1][0].endswith("how sure it is is not known, as it is not calibrated")


def test_widths_hold_the_truth_as_often_as_they_say(toy: Toy, trained: Trained, tmp_path: Any) -> None:
    found = assembled(trained, tmp_path / "model", SHOUTING)
    assert found.calibration == calibrate(trained.context, found.modules, found.manifest.answers, found.kinds)
    assert found.calibration is not None
    widths = [cell.widths for source in found.calibration.sources for cell in source.all_languages.cells]
    known: Sequence[tuple[float, ...]] = [cast(tuple[float, ...], one) for one in widths if None not in one]
    assert known
    assert all(list(one) == sorted(one) for one in known)
    without = load_model(tmp_path / "model", trained.context.nodes, found.device)
    assert [one.contexts for one in (found, without)] == [(SHOUTING,), ()]
    assert [analyze(one, toy.encoder(), "calm!").context.stakes for one in (found, without)] == ["raised", "usual"]
    assert active(SHOUTING)[0].spec is SHOUTING
