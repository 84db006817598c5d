"""Layers that see a model's answers: fitted and calibrated at assembly, a warning beyond, and silent on like texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from test_models_limits import active, assembled
from toy import Toy
from trained_toy import Trained

from redheart_core import LayerSpec, LayerTexts, PluginError
from redheart_core.data.language import UNDETERMINED
from redheart_core.models import limits_fitting
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.kinds import TextKind
from redheart_core.models.layer_answers import add_answers, answers_of_texts
from redheart_core.models.limits_fitting import texts_of

SEEN: list[LayerTexts] = []


def of_length(_: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    SEEN.append(texts)
    return np.array([-float(len(text)) for text in texts.texts])


def say(_: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    return [{field: tuple(sorted(one.members)) for field, one in texts.answers.items()} for _ in texts.texts]


DOUBT = LayerSpec(
    name="doubt", meaning="Short texts.", score=of_length, reason="doubtful", kind="consistency", notes=say
)


@pytest.fixture(autouse=True)
def _few_records_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_fitting, "SHARE", 0.2)
    SEEN.clear()


def test_a_text_beyond_is_answered_with_a_warning_and_any_other_without(
    toy: Toy, trained: Trained, tmp_path: Path
) -> None:
    model = assembled(trained, tmp_path / "model", DOUBT)
    fitted = SEEN[0]
    assert set(fitted.answers) == set(model.manifest.answers)
    longest = max((trained.context.store.text(row) for row in range(50)), key=len)
    short, usual = (analyze(model, toy.encoder(), text) for text in ("calm", longest))
    assert short.findings
    assert usual.findings
    assert [one.beyond for one in (*short.remarks, *usual.remarks)] == [True, False]
    assert short.readings == ()
    for field, one in SEEN[-1].answers.items():
        assert f"{field} {', '.join(sorted(one.members))}" in short.remarks[0].words
    assert short.remarks[0].words.startswith("doubtful: ")


def test_a_text_is_answered_to_layers_as_it_is_to_people_at_assembly_too(
    toy: Toy, trained: Trained, tmp_path: Path
) -> None:
    model = assembled(trained, tmp_path / "model", DOUBT)
    assert model.calibration is not None
    store = trained.context.store
    rows = store.rows("calibration")[:5]
    sources = model.manifest.answers
    together = add_answers(texts_of(store, rows), model, sources, model.calibration, rows, trained.context).answers
    for number, row in enumerate(rows.tolist()):
        found = analyze(model, toy.encoder(), store.text(row))
        kind = TextKind(store.language(row) or UNDETERMINED)
        alone = answers_of_texts(model, [found.findings], [kind])
        assert alone.keys() == together.keys()
        for answer in answer_fields(model, found.findings, kind):
            given, of_all = alone[answer.field], together[answer.field]
            shown = {value.label: value.value for value in answer.values}
            assert given.answer[0].tolist() == [shown[label] for label in given.field.elements]
            np.testing.assert_allclose(of_all.answer[number], given.answer[0], rtol=1e-5, atol=1e-6)
            ends = {value.label: (value.low, value.high) for value in answer.values}
            expected = np.array([ends[label] for label in given.field.elements], np.float64).T
            np.testing.assert_array_equal(given.between[:, 0], expected)
            np.testing.assert_allclose(of_all.between[:, number], expected, rtol=1e-5, atol=1e-6)
            assert given.members.keys() == of_all.members.keys()
            for name, numbers in given.members.items():
                np.testing.assert_allclose(of_all.members[name][number], numbers[0], rtol=1e-5, atol=1e-6)


def test_each_kind_of_layer_has_its_own_share_of_the_calibration_texts(trained: Trained, tmp_path: Path) -> None:
    mute = attrs.evolve(DOUBT, name="mute", score=lambda _, texts: np.full(len(texts.texts), np.nan))
    limit = attrs.evolve(DOUBT, name="limit", kind="limit", notes=None)
    context = attrs.evolve(DOUBT, name="stakes", kind="context")
    model = assembled(trained, tmp_path / "model", DOUBT, mute, limit, attrs.evolve(DOUBT, name="more"), context)
    shares = {layer.spec.name: layer.limits.share for layer in model.limits}
    assert shares == {"doubt": 0.1, "mute": 0.1, "limit": 0.2, "more": 0.1}


@pytest.mark.parametrize("notes", [lambda *_: [], lambda *_: [{"regret": (1,)}]])
def test_notes_of_another_form_are_refused_by_name(toy: Toy, trained: Trained, tmp_path: Path, notes: Any) -> None:
    model = assembled(trained, tmp_path / "model", attrs.evolve(DOUBT, notes=notes))
    with pytest.raises(PluginError, match="'doubt' has to give notes for each of 1 texts"):
        analyze(model, toy.encoder(), "calm")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'kind' must be in"):
        attrs.evolve(DOUBT, kind="mood")
    assert active(DOUBT)[0].spec.settings.__name__ == "NoSettings"
