"""What the calibration split says of a model: computed once at assembly, sealed, and applied to every answer."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from own_process import run_and_die
from test_groups_gathering import answering, named_output
from test_groups_languages import ENGLISH, english, spoken_store
from test_models_answering import TEXT, made
from toy import Toy
from trained_toy import Trained, trained_in

from redheart.analysis import Analysis
from redheart_core import CATALOGUE, CheckpointError, RedheartError
from redheart_core.data.language import Language
from redheart_core.exact.conformal import conformal_quantile
from redheart_core.models import assembly
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.assembly import assemble
from redheart_core.models.calibrating import Answered, calibrate, calibrate_answer
from redheart_core.models.calibration import ANSWERS_FILE, CALIBRATION, Calibration, at_temperature
from redheart_core.models.certainty import calibrated
from redheart_core.models.findings import LabelValue
from redheart_core.models.kinds import TextKind
from redheart_core.models.manifest import MODEL_MANIFEST, AnswerSource, LabelStatistics, read_manifest
from redheart_core.models.model import Model, load_model
from redheart_core.models.packing import pack_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed

CPU = torch.device("cpu")
BINARY = attrs.evolve(CATALOGUE["ekman"], labels=("anger", "joy"))


def assembled(trained: Trained, folder: Path) -> Model:
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    assemble(folder, trained.run, trained.context, chosen)
    return load_model(folder, trained.context.nodes, CPU)


def uncalibrated(folder: Path, nodes: object) -> Model:
    """The model of a folder as it is without its calibration."""
    shutil.rmtree(folder / "calibration")
    manifest = read_manifest(folder)
    files = {name: digest for name, digest in manifest.files.items() if name != ANSWERS_FILE}
    MODEL_MANIFEST.write(folder / "manifest.json", attrs.evolve(manifest, files=files))
    return load_model(folder, nodes, CPU)  # type: ignore[arg-type] # the nodes of a context


def found(model: Model) -> Calibration:
    assert model.calibration is not None
    return model.calibration


def test_the_assembled_model_gives_its_calibration_again_to_the_last_bit(toy: Toy, tmp_path: Path) -> None:
    model, context = made(toy, tmp_path / "model", "stacking_fusion")
    assert calibrate(context, model.modules, model.manifest.answers, model.kinds) == model.calibration
    assert {(one.plugin, one.output, one.field) for one in found(model).sources} == {
        (one.plugin, one.output, field) for field, listed in model.manifest.answers.items() for one in listed
    }


def test_half_the_width_of_an_interval_is_the_conformal_quantile_of_the_residuals(
    trained: Trained, tmp_path: Path
) -> None:
    model = assembled(trained, tmp_path / "model")
    store = trained.context.store
    rows = store.rows("calibration")
    embedding, mask = store.batch(rows)
    residuals = (model.predict(embedding, mask, {})["a.value"].double() - store.target("regret")[rows].double()).abs()
    one = found(model).of("a", "value", "regret")
    assert one is not None
    (cell,) = one.all_languages.cells
    assert cell.records == len(rows)
    assert cell.limit == pytest.approx(float(conformal_quantile(residuals.numpy(), 0.1)), rel=1e-5)


def test_calibration_changes_no_output_and_no_file_of_a_group(trained: Trained, tmp_path: Path) -> None:
    model = assembled(trained, tmp_path / "model")
    shutil.copytree(tmp_path / "model", tmp_path / "plain")
    plain = uncalibrated(tmp_path / "plain", trained.context.nodes)
    embedding, mask = trained.context.store.batch(torch.arange(5))
    for name, tensor in model.predict(embedding, mask, {}).items():
        assert torch.equal(tensor, plain.predict(embedding, mask, {})[name])
    assert model.manifest.groups == plain.manifest.groups


def test_a_damaged_or_missing_calibration_is_refused(trained: Trained, tmp_path: Path) -> None:
    assembled(trained, tmp_path / "model")
    file = tmp_path / "model" / ANSWERS_FILE
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"records": ', b'"records":  ', 1))
    with pytest.raises(CheckpointError, match=r"answers\.json"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)
    file.unlink()
    with pytest.raises(CheckpointError, match=r"answers\.json"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)


def test_a_packed_model_keeps_its_calibration(trained: Trained, tmp_path: Path) -> None:
    model = assembled(trained, tmp_path / "model")
    pack_model(tmp_path / "model", tmp_path / "packed")
    assert load_model(tmp_path / "packed", trained.context.nodes, CPU).calibration == model.calibration


def test_stopped_while_it_calibrates_an_assembly_leaves_nothing_and_succeeds_again(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "calibrate", stop)
        with pytest.raises(KeyboardInterrupt):
            assembled(trained, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    first = assembled(trained, tmp_path / "model")
    second = assembled(trained, tmp_path / "other")
    assert (first.folder / ANSWERS_FILE).read_bytes() == (second.folder / ANSWERS_FILE).read_bytes()


def _killed_while_calibrating(folder: Path, model: Path) -> None:
    pytest.MonkeyPatch().setattr(assembly, "calibrate", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    assembled(trained_in(Toy(folder)), model)


def test_killed_while_it_calibrates_an_assembly_leaves_no_model_and_goes_on_from_there(
    toy: Toy, trained: Trained, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "model"
    assert run_and_die(_killed_while_calibrating, toy.folder, folder) == -signal.SIGKILL
    assert not folder.exists()
    assembled(trained, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert (folder / ANSWERS_FILE).read_bytes() == (
        assembled(trained, tmp_path / "other").folder / ANSWERS_FILE
    ).read_bytes()


def test_an_answer_lies_in_its_interval_and_one_without_calibration_has_none(
    toy: Toy, trained: Trained, tmp_path: Path
) -> None:
    model = assembled(trained, tmp_path / "model")
    findings = analyze(model, toy.encoder(), TEXT).findings
    for answer in answer_fields(model, findings, TextKind("en")):
        assert answer.certainty is not None
        for one in answer.values:
            assert one.low is not None
            assert one.high is not None
            assert 0.0 <= one.low <= one.value <= one.high <= 1.0
    plain = uncalibrated(tmp_path / "model", trained.context.nodes)
    answers = answer_fields(plain, analyze(plain, toy.encoder(), TEXT).findings, TextKind("en"))
    assert [answer.certainty for answer in answers] == [None] * len(answers)
    analysis = Analysis(TEXT, Language("en", None), answers, (), findings, {}, calibrated=plain.calibration is not None)
    with pytest.raises(RedheartError, match="no intervals of 'regret': the model was not calibrated"):
        analysis.intervals("regret")
    with pytest.raises(RedheartError, match="no sets of 'regret': the model was not calibrated"):
        analysis.label_set("regret")


def given(positives: int, *, language: str = "en", seed: int = 0, count: int = 400) -> Answered:
    """Probabilities of two labels that are twice as sure as they may be; the second label is rare."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, (count, 2))
    truth = (draw.random((count, 2)) < 1 / (1 + np.exp(-logits))).astype(float)
    truth[:, 1] = 0.0
    truth[:positives, 1] = 1.0
    return Answered(1 / (1 + np.exp(-2 * logits)), truth, (language,) * count)


def joined(*parts: Answered) -> Answered:
    answers, truth = (np.concatenate([getattr(one, name) for one in parts]) for name in ("answers", "truth"))
    return Answered(answers, truth, tuple(code for one in parts for code in one.kinds))


SOURCE = AnswerSource("node", "ekman", False, 1.0, 400, {"en": 400})


def test_a_rare_label_has_its_own_limit_or_is_in_every_set() -> None:
    own = calibrate_answer(BINARY, SOURCE, given(9)).at("en")
    assert [cell.borrowed for cell in own.cells] == ["", ""]
    assert own.cells[1].records == 9
    assert own.cells[1].limit is not None
    assert own.cells[1].limit > 0.0
    rare = calibrate_answer(BINARY, SOURCE, given(8)).at("en")
    assert (rare.cells[1].limit, rare.cells[1].records, rare.cells[1].borrowed) == (0.0, 8, "")


def test_a_rare_label_is_held_in_nine_of_ten_new_records_that_have_it() -> None:
    held, count = 0, 0
    for seed in range(200):
        own = calibrate_answer(BINARY, SOURCE, given(12, seed=2 * seed)).at("en").cells[1]
        new = given(12, seed=2 * seed + 1)
        tempered = at_temperature(
            BINARY,
            new.answers,
            calibrate_answer(BINARY, SOURCE, given(12, seed=2 * seed)).at("en").temperature,
        )
        assert own.limit is not None
        held, count = held + int((tempered[:12, 1] >= own.limit).sum()), count + 12
    assert held / count == pytest.approx(12 / 13, abs=0.02)


def test_a_language_with_few_records_takes_the_limits_of_all_languages_and_says_so() -> None:
    both = calibrate_answer(BINARY, SOURCE, joined(given(40), given(3, language="ko", seed=1, count=10)))
    english, korean = both.at("en"), both.at("ko")
    assert english.records == 400
    assert {cell.borrowed for cell in english.cells} == {""}
    assert {cell.borrowed for cell in korean.cells} == {"languages"}
    assert korean.together is not None
    assert english.together is not None
    assert (korean.together.borrowed, english.together.borrowed) == ("languages", "")
    assert [cell.limit for cell in korean.cells] == [cell.limit for cell in both.all_languages.cells]
    assert korean.temperature == both.all_languages.temperature
    assert both.at("de") == both.all_languages


def test_probabilities_that_are_too_sure_get_a_temperature_above_one() -> None:
    one = given(0)
    first = attrs.evolve(BINARY, labels=("anger",))
    own = calibrate_answer(first, SOURCE, Answered(one.answers[:, :1], one.truth[:, :1], one.codes)).at("en")
    assert own.temperature == pytest.approx(2.0, rel=0.25)
    statistics = {"anger": LabelStatistics(0.5, 0.5, 400)}
    (value,) = calibrated(first, own, [LabelValue("anger", 0.9, 0.5, 0.8, threshold=0.8)], statistics)
    assert own.temperature is not None
    assert value.value == pytest.approx(1 / (1 + 9 ** (-1 / own.temperature)))
    assert value.threshold == pytest.approx(1 / (1 + 4 ** (-1 / own.temperature)))
    assert value.deviations == pytest.approx((value.value - 0.5) / 0.5)


def test_the_set_holds_nine_of_ten_labels_that_are_one_on_new_records() -> None:
    own = calibrate_answer(BINARY, SOURCE, given(100, count=2000)).at("en")
    new = given(100, seed=7, count=2000)
    statistics = {label: LabelStatistics(0.5, 0.5, 400) for label in BINARY.labels}
    kept = []
    for row, truth in zip(new.answers.tolist(), new.truth[:, 0].tolist(), strict=True):
        if truth:
            values = [LabelValue(label, p, 0.5, None) for label, p in zip(BINARY.labels, row, strict=True)]
            kept.append(next(iter(calibrated(BINARY, own, values, statistics))).in_set)
    assert np.mean(np.array(kept, float)) == pytest.approx(0.9, abs=0.03)


def test_too_few_records_give_no_limit() -> None:
    regret = CATALOGUE["regret"]
    few = Answered(np.full((8, 1), 0.5), np.linspace(0, 1, 8)[:, None], ("en",) * 8)
    own = calibrate_answer(regret, SOURCE, few).at("en")
    assert own.cells[0].limit is None
    statistics = {"regret": LabelStatistics(0.5, 0.5, 400)}
    (value,) = calibrated(regret, own, [LabelValue("regret", 0.5, 0.5, 0.0)], statistics)
    assert (value.low, value.high) == (None, None)


def test_the_set_of_a_distribution_holds_the_label_that_leads() -> None:
    emotion = attrs.evolve(CATALOGUE["emotion"], labels=("joy", "fear", "anger"))
    draw = np.random.default_rng(0)
    truth = draw.dirichlet([1, 1, 1], 500)
    answers = truth + 0.1
    answers /= answers.sum(1, keepdims=True)
    own = calibrate_answer(emotion, SOURCE, Answered(answers, truth, ("en",) * 500)).at("en")
    assert own.leading is not None
    assert own.leading.limit is not None
    assert 1 / 3 < own.leading.limit < 0.6
    assert CALIBRATION.kind == "calibration"


def test_records_in_a_language_that_a_group_does_not_serve_do_not_count(toy: Toy) -> None:
    nodes = [named_output(answering(toy, name)) for name in ("first", "second")]
    nodes.append(activate(load_installed("mean_fusion")))
    store, groups = spoken_store(toy), dict.fromkeys(("first", "second", "mean_fusion"), ENGLISH)
    run, stopped = toy.run("run", nodes, store, groups=groups, epochs=2)
    assert stopped == {}
    context = toy.context(nodes, store, groups, epochs=2)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    calibration = found(load_model(toy.folder / "model", nodes, CPU))
    for one in calibration.sources:
        assert set(one.languages) == {"en"}
        assert one.all_languages.records == len(english(store, "calibration")) < calibration.records
