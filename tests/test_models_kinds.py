"""Kinds of text: which data set a text reads like, and limits that hold for each."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from test_models_calibration import assembled
from toy import NoSettings, Toy, WordEncoder
from trained_toy import Trained

from redheart_core import CATALOGUE, CheckpointError, DatasetSpec, EncoderSpec, Record
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.joining import join_datasets
from redheart_core.data.language import Language
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.evaluation.calibration import measure_calibration, task_of
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.calibrating import Answered, calibrate_answer
from redheart_core.models.calibration import LEAST_RECORDS_OF_A_KIND, at_temperature
from redheart_core.models.kinds import KINDS_FILE, Kinds, TextKind, read_kinds
from redheart_core.models.kinds_fitting import LEAST_TEXTS, fit_kinds, kinds_of, write_kinds
from redheart_core.models.layer_answers import answers_of_texts
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model
from redheart_core.training.context import TrainingContext

LABELS = attrs.evolve(CATALOGUE["ekman"], labels=("anger", "joy"))
SOURCE = AnswerSource("node", "ekman", False, 1.0, 400, {"en": 400})
REGRET = CATALOGUE["regret"]
ENCODER = TextEncoder((WordEncoder(),), 40, "float32")


def several(toy: Toy, languages: tuple[str | None, str | None] = ("en", "en"), count: int = 900) -> Store:
    """Texts of one data set, and of another those that are full of words which the first never uses."""
    records = [attrs.evolve(one, language=languages[0]) for number, one in enumerate(toy.records(count)) if number % 3]
    others = [
        attrs.evolve(one, text=f"harbour lantern cedar harbour lantern {one.text} cedar", language=languages[1])
        for one in toy.records(count)[::3]
    ]

    def dataset(name: str, held: list[Record]) -> DatasetSpec:
        fields = (REGRET, CATALOGUE["choice_factors"])
        return DatasetSpec(name, "A toy.", NoSettings, lambda _: fields, lambda _: iter(held))

    joined = join_datasets([(dataset("letters", records), NoSettings()), (dataset("novels", others), NoSettings())])
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    return prepare(toy.folder / "store", *joined, [(encoder, NoSettings())], chunk_chars=40)


def test_a_text_is_of_the_kind_of_the_data_set_that_it_reads_like(toy: Toy) -> None:
    store = several(toy)
    kinds, rows = fit_kinds(store), store.rows("test")
    truth = [f"en/{store.source_names[place]}" for place in store.sources[rows].tolist()]
    guessed = kinds_of(kinds, store, rows)
    assert set(guessed) == {"en/letters", "en/novels"}
    assert np.mean([one == other for one, other in zip(guessed, truth, strict=True)]) > 0.9
    vectors = np.zeros((2, 16), np.float32)
    assert kinds.of(["en", "ko"], vectors) == (TextKind("en"), TextKind("ko"))
    assert kinds.of(["ko"], vectors[:1] + 1.0) == (TextKind("ko"),)
    assert kinds.of([], vectors[:0]) == ()


def test_kinds_are_ruled_out_that_a_text_is_a_thousand_times_less_like() -> None:
    kinds = Kinds({f"en/{name}": np.array([weight, 0.0]) for name, weight in (("a", 0.0), ("b", 1.0), ("c", -1.0))})
    ratio = np.log(1000.0)
    vectors = np.array([[0.99 * ratio], [1.01 * ratio], [-1.01 * ratio], [0.1], [0.0]])
    out = [{"en/c"}, {"en/a", "en/c"}, {"en/a", "en/b"}, set(), set()]
    assert [one.ruled_out for one in kinds.of(["en"] * 5, vectors)] == out
    assert kinds.of(["ko"] * 5, vectors) == (TextKind("ko"),) * 5
    assert kinds.of([], np.empty((0, 0))) == ()


def test_a_language_with_one_data_set_or_few_texts_has_one_kind(toy: Toy) -> None:
    store = several(toy, ("en", "ko"))
    assert fit_kinds(store).directions == {}
    assert set(kinds_of(Kinds(), store, store.rows("test"))) == {"en", "ko"}
    few = several(Toy(toy.folder / "few"), count=2 * LEAST_TEXTS)
    assert fit_kinds(few).directions == {}


def test_kinds_are_kept_with_the_model_to_the_last_bit(toy: Toy, tmp_path: Path) -> None:
    kinds = fit_kinds(several(toy))
    files = write_kinds(tmp_path, kinds)
    again = read_kinds(tmp_path, files)
    assert list(again.directions) == list(kinds.directions)
    assert all(np.array_equal(again.directions[kind], kinds.directions[kind]) for kind in kinds.directions)
    assert read_kinds(tmp_path, {}).directions == {}
    assert write_kinds(tmp_path / "none", Kinds()) == {}
    (tmp_path / KINDS_FILE).write_bytes(b"other")
    with pytest.raises(CheckpointError, match="kinds"):
        read_kinds(tmp_path, files)


def mixed(seed: int, count: int = 4000, right: float = 1.0) -> Answered:
    """Probabilities that are right of letters and far too low of novels, of which a share is taken for what it is."""
    draw = np.random.default_rng(seed)
    novel = np.arange(count) % 4 == 0
    logits = draw.normal(0, 1.5, (count, 2))
    truth = (draw.random((count, 2)) < 1 / (1 + np.exp(-logits))).astype(float)
    given = logits - 2.0 * novel[:, None]
    taken = novel ^ (draw.random(count) >= right)
    kinds = tuple("en/novels" if one else "en/letters" for one in taken.tolist())
    return Answered(1 / (1 + np.exp(-given)), truth, kinds)


@pytest.mark.parametrize("right", [1.0, 0.9])
def test_limits_of_each_kind_hold_where_one_limit_holds_of_none(right: float) -> None:
    known, new = calibrate_answer(LABELS, SOURCE, mixed(0, right=right)), mixed(1, right=right)
    assert set(known.kinds) == {"en/letters", "en/novels"}
    task = task_of(LABELS, known, "en", new, 0.1)
    assert task.outside == ()
    one_limit = attrs.evolve(known, kinds={})
    for kind in ("en/letters", "en/novels"):
        assert task_of(LABELS, known, "en", new.of(kind), 0.1).outside == ()
        assert task_of(LABELS, one_limit, "en", new.of(kind), 0.1).outside == ("anger", "joy")
        together = task_of(LABELS, known, "en", new.of(kind), 0.1).together
        assert together is not None
        assert together.error is not None
        assert together.missed < 0.1 + 3 * together.error


def test_as_many_labels_lie_outside_as_chance_puts_there_with_several_kinds() -> None:
    outside, expected = 0, 0.0
    for seed in range(60):
        known = calibrate_answer(LABELS, SOURCE, mixed(2 * seed, 600))
        task = task_of(LABELS, known, "en", mixed(2 * seed + 1, 600), 0.1)
        outside, expected = outside + len(task.outside), expected + task.outside_by_chance
    assert 3.0 < expected <= 6.0
    assert abs(outside - expected) < 3 * expected**0.5


def test_a_rare_label_of_a_kind_is_in_the_set_as_often_as_in_its_language() -> None:
    given = mixed(0)
    novels = np.array([kind == "en/novels" for kind in given.kinds])
    given.truth[novels, 1] = 0.0
    given.truth[np.flatnonzero(novels)[:20], 1] = 1.0
    known = calibrate_answer(LABELS, SOURCE, given)
    own, language = known.at("en/novels"), known.at("en")
    assert [cell.borrowed for cell in own.cells] == ["", "kinds"]
    assert own.cells[1].records == language.cells[1].records
    ours, theirs = own.cells[1].limit, language.cells[1].limit
    assert ours is not None
    assert theirs is not None
    held, common = (
        at_temperature(LABELS, given.answers, part.temperature)[:, 1] >= limit
        for part, limit in ((own, ours), (language, theirs))
    )
    assert own.temperature != language.temperature
    assert np.array_equal(held, common)


def test_a_kind_with_few_calibration_records_has_the_limits_of_its_language() -> None:
    given = mixed(0, 4 * (LEAST_RECORDS_OF_A_KIND - 1))
    known = calibrate_answer(LABELS, SOURCE, given)
    assert set(known.kinds) == {"en/letters"}
    assert known.at("en/novels") == known.at("en") == known.all_languages
    assert known.at("en/letters") != known.at("en")
    assert known.at("ko/novels") == known.at(None) == known.all_languages


def learnt(toy: Toy, language: str | None) -> tuple[Model, TrainingContext]:
    """A model of two kinds of text, with the context of its run."""
    store, nodes = several(toy, (language, language), 3600), [toy.node("a")]
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert stopped == {}
    context = toy.context(nodes, store, epochs=1)
    return assembled(Trained(run, context), toy.folder / "model"), context


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, TrainingContext]:
    """One of English texts; read only."""
    return learnt(Toy(tmp_path_factory.mktemp("kinds")), "en")


def novel(model: Model, store: Store, kind: str) -> str:
    """A text that is taken for a novel."""
    novels = store.rows("test")[store.sources[store.rows("test")] == 1]
    kinds = dict(zip(novels.tolist(), kinds_of(model.kinds, store, novels), strict=True))
    return store.text(next(row for row, one in kinds.items() if one == kind))


def test_an_answer_says_which_kind_its_limits_are_of(answering: tuple[Model, TrainingContext]) -> None:
    model, context = answering
    store, calibration = context.store, model.calibration
    assert calibration is not None
    text = novel(model, store, "en/novels")
    said = analyze(model, ENCODER, text, language=Language("en", None))
    assert said.kind is not None
    assert said.kind.name == "en/novels"
    (regret,) = answer_fields(model, said.findings, said.kind)
    source = calibration.of(regret.finding.plugin, regret.finding.output, "regret")
    assert source is not None
    assert regret.certainty is not None
    assert regret.certainty.reads_like == "novels"
    assert regret.certainty.records == source.kinds["en/novels"].records
    width = source.kinds["en/novels"].cells[0].limit
    assert width is not None
    assert width != source.at("en").cells[0].limit
    (value,) = regret.values
    assert value.high == pytest.approx(min(1.0, value.value + width))
    (plain,) = answer_fields(model, said.findings, TextKind("en"))
    assert plain.certainty is not None
    assert plain.certainty.reads_like == ""


def test_an_answer_says_if_a_text_is_unlike_all_that_it_was_measured_on(
    answering: tuple[Model, TrainingContext],
) -> None:
    model, context = answering
    text = novel(model, context.store, "en/novels")
    sharp = Kinds({kind: 50.0 * weights for kind, weights in model.kinds.directions.items()})
    said = analyze(attrs.evolve(model, kinds=sharp), ENCODER, text, language=Language("en", None))
    kind = said.kind
    assert kind is not None
    assert kind.ruled_out == {"en/letters"}
    (own,) = answer_fields(model, said.findings, kind)
    assert own.certainty is not None
    assert own.certainty.measured_on == ("letters", "novels")

    def unlike(*measured: str, kind: TextKind = kind) -> tuple[tuple[str, ...], bool]:
        calibration = model.calibration
        assert calibration is not None
        (source,) = calibration.sources
        kinds = dict.fromkeys(measured, source.at(None))
        before = attrs.evolve(source, kinds=kinds, data_sets=())
        found = []
        for one in (before, attrs.evolve(source, data_sets=measured) if measured else before):
            other = attrs.evolve(model, calibration=attrs.evolve(calibration, sources=(one,)))
            (answer,) = answer_fields(other, said.findings, kind)
            assert answer.certainty is not None
            found.append((answer.certainty.measured_on, answer.certainty.unlike))
        assert found[0] == found[1]
        return found[0]

    assert unlike("en/letters", "en/novels") == (("letters", "novels"), False)
    assert unlike("en/letters") == (("letters",), True)
    assert unlike("en/letters", "ko/novels") == (("letters",), True)
    assert unlike("en/letters", kind=TextKind(kind.name)) == (("letters",), False)
    assert unlike("ko/novels") == ((), False)
    assert unlike() == ((), False)


def test_layers_see_no_answer_on_a_text_unlike_those_that_it_was_measured_on(
    answering: tuple[Model, TrainingContext],
) -> None:
    model, context = answering
    kind, other = "en/novels", "en/letters"
    said = analyze(model, ENCODER, novel(model, context.store, kind), language=Language("en", None)).findings
    kinds = [TextKind(kind, frozenset(ruled_out)) for ruled_out in ((), (other,), (kind, other))]
    given = answers_of_texts(model, [said, said, said], kinds)
    assert np.isnan(given["regret"].answer).any(1).tolist() == [False, False, True]


def test_kinds_count_where_no_data_set_states_a_language_and_one_is_detected(toy: Toy) -> None:
    model, context = learnt(toy, None)
    assert set(model.kinds.directions) == {"und/letters", "und/novels"}
    text = novel(model, context.store, "und/novels")
    for language in (Language("en", 0.9), Language(None, 0.2)):
        said = analyze(model, ENCODER, text, language=language)
        assert said.kind is not None
        assert said.kind.name == "und/novels"
        (regret,) = answer_fields(model, said.findings, said.kind)
        assert regret.certainty is not None
        assert regret.certainty.reads_like == "novels"


def test_a_model_of_several_kinds_is_measured_with_the_limits_of_each(answering: tuple[Model, TrainingContext]) -> None:
    model, context = answering
    (task,) = measure_calibration(model, context)
    assert task.records == len(context.store.rows("test"))
    assert task.outside == ()
    (plain,) = measure_calibration(attrs.evolve(model, kinds=Kinds()), context)
    assert plain.size != task.size
