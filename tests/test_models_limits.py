"""Limits of what a model knows: fitted at assembly, checked for every text, and silent on texts of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from toy import Toy
from trained_toy import Trained

from redheart_core import CheckpointError, LayerSpec, LayerTexts, PluginError
from redheart_core.models import limits_fitting
from redheart_core.models.abstaining import abstentions
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.limits import LIMITS, LIMITS_FILE, ActiveLayer, Reading, texts_wanted
from redheart_core.models.limits_fitting import SHARE, fit_limits, texts_of
from redheart_core.models.model import Model, load_model
from redheart_core.models.packing import pack_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import load_installed

CPU = torch.device("cpu")


def shorter(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    return np.array([float(arrays["longest"][0] - len(text)) for text in texts.texts])


LENGTH = LayerSpec(
    name="brevity",
    meaning="How much shorter a text is than the longest.",
    fit=lambda texts: {"longest": np.array([max(map(len, texts.texts))])},
    score=shorter,
    reason="too short ({score:.2f}, usual up to {limit:.2f})",
    remedy="write more",
)
MUTE = attrs.evolve(
    LENGTH, name="mute", fit=lambda _: {}, score=lambda _, texts: np.full(len(texts.texts), np.nan), reason="never"
)


def active(*specs: LayerSpec) -> tuple[ActiveLayer, ...]:
    return tuple(ActiveLayer(spec, "made-up", "1.0") for spec in specs)


def assembled(trained: Trained, folder: Path, *specs: LayerSpec) -> Model:
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    assemble(folder, trained.run, trained.context, chosen, layers=active(*specs))
    return load_model(folder, trained.context.nodes, CPU, active(*specs))


def test_a_text_beyond_a_limit_is_not_answered_and_any_other_is(
    toy: Toy, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_fitting, "SHARE", 0.2)  # few calibration records are enough
    model = assembled(trained, tmp_path / "model", LENGTH, MUTE)
    record = max((trained.context.store.text(row) for row in range(50)), key=len)
    short, usual = analyze(model, toy.encoder(), "calm"), analyze(model, toy.encoder(), record)
    assert short.findings == ()
    silent = abstentions(model, short.silent)
    assert {one.field for one in silent} == set(model.manifest.answers)
    (reading,) = [one for one in short.readings if one.layer == "brevity"]
    assert {(one.reason, one.remedy) for one in silent} == {
        (f"too short ({reading.score:.2f}, usual up to {reading.limit:.2f})", "write more")
    }
    assert {finding.plugin for finding in usual.findings} == {"a", "b", "high"}
    assert usual.silent == {}
    assert [(one.layer, one.beyond) for one in usual.readings] == [("brevity", False), ("mute", False)]
    assert usual.readings[1] == Reading("mute", None, None, "", "")


def test_all_layers_together_leave_few_calibration_texts_unanswered(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_fitting, "SHARE", 0.2)  # few calibration records are enough
    store = trained.context.store
    model = assembled(trained, tmp_path / "model", LENGTH)
    (layer,) = model.limits
    assert layer.limits.share == limits_fitting.SHARE
    assert texts_wanted(model.limits) is None
    assert texts_wanted(()) is None
    rows = store.rows("calibration")
    readings = layer.read(texts_of(store, rows))
    assert all(one.limit is not None for one in readings)
    assert np.mean([one.beyond for one in readings]) <= limits_fitting.SHARE


def test_a_limit_is_the_conformal_quantile_in_each_language(toy: Toy) -> None:
    records = [attrs.evolve(one, language=("en", "ko")[number % 2]) for number, one in enumerate(toy.records(800))]
    store = toy.store(records)
    files = fit_limits(toy.folder / "new", store, active(LENGTH), lambda given, _: given)
    found = LIMITS.read(toy.folder / "new" / LIMITS_FILE)
    (one,) = found.layers
    rows = [row for row in store.rows("calibration").tolist() if store.language(row) == "ko"]
    longest = max(len(store.text(row)) for row in store.rows("train").tolist())
    scores = sorted(longest - len(store.text(row)) for row in rows)
    assert one.languages["ko"] == scores[int(np.ceil((len(scores) + 1) * (1 - SHARE))) - 1]
    assert set(files) == {LIMITS_FILE, "calibration/brevity.safetensors"}
    assert all(rate <= SHARE for rate in found.beyond.values())


def test_too_few_calibration_texts_set_no_limit(toy: Toy, trained: Trained, tmp_path: Path) -> None:
    model = assembled(trained, tmp_path / "model", *(attrs.evolve(LENGTH, name=f"layer{n}") for n in range(20)))
    assert {layer.limits.everywhere for layer in model.limits} == {None}
    wanted = texts_wanted(model.limits)
    assert wanted == 20 / SHARE - 1  # k = ceil((n + 1)(1 - share)) is at most n from here on
    assert all(one.limit is None for one in analyze(model, toy.encoder(), "calm").readings)
    assert analyze(model, toy.encoder(), "calm").findings


def test_a_layer_that_is_not_installed_is_named_and_a_damaged_file_refused(trained: Trained, tmp_path: Path) -> None:
    assembled(trained, tmp_path / "model", LENGTH)
    with pytest.raises(CheckpointError, match=r"the layer 'brevity', which is not installed; install made-up==1\.0"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)
    pack_model(tmp_path / "model", tmp_path / "packed")
    assert load_model(tmp_path / "packed", trained.context.nodes, CPU, active(LENGTH)).limits
    file = tmp_path / "model" / "calibration" / "brevity.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="brevity"):
        load_model(tmp_path / "model", trained.context.nodes, CPU, active(LENGTH))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": lambda _, texts: np.full(len(texts.texts), np.inf)}, "'brevity' has to give"),
        ({"score": lambda _, texts: np.zeros(1)}, "'brevity' has to give"),
        ({"fit": lambda _: dict[str, NDArray[Any]]()["none"]}, "plugin 'brevity' failed in fit"),
    ],
)
def test_a_layer_that_fails_is_named_and_no_model_is_left(
    trained: Trained, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        assembled(trained, tmp_path / "model", attrs.evolve(LENGTH, **changes))
    assert not (tmp_path / "model").exists()


def texts(count: int, seed: int = 0) -> LayerTexts:
    draw = np.random.default_rng(seed)
    vectors = draw.normal(0, [3.0] * 4 + [0.1] * 12, (count, 16)).astype(np.float32)
    return LayerTexts(["a text of this length"] * count, ["en"] * count, vectors, np.full((count, 2), 0.9))


def spec(name: str) -> LayerSpec:
    found = load_installed(name).spec
    assert isinstance(found, LayerSpec)
    return found


def test_distance_counts_most_where_the_training_texts_spread_least() -> None:
    layer, known = spec("limit_of_distance"), texts(2000)
    arrays = layer.fit(known)
    usual = layer.score(arrays, texts(200, 1))
    moved = {axis: texts(1, 2) for axis in (0, 15)}
    for axis, one in moved.items():
        one.vectors[:] = 0.0
        one.vectors[:, axis] = 3.0
    along, across = (float(layer.score(arrays, one)[0]) for one in moved.values())
    assert along < np.quantile(usual, 0.99) < across
    none = attrs.evolve(moved[0], vectors=np.zeros((1, 16), np.float32))
    assert np.isnan(layer.score(arrays, none)).all()


def test_unknown_terms_and_unusual_lengths_score_higher() -> None:
    known = texts(50)
    unknown = attrs.evolve(known, known=np.full((50, 2), 0.2))
    terms = spec("limit_of_terms")
    assert (terms.score({}, unknown) > terms.score({}, known)).all()
    length = spec("limit_of_length")
    arrays = length.fit(known)
    brief, long = (attrs.evolve(known, texts=[text] * 50) for text in ("a", "a text of this length" * 9))
    assert (length.score(arrays, brief) > length.score(arrays, known)).all()
    assert (length.score(arrays, long) > length.score(arrays, known)).all()
    assert np.array_equal(length.score(arrays, attrs.evolve(known, languages=["de"] * 50)), length.score(arrays, known))
