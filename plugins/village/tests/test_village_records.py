"""The records: reproducible, valid, varied, in two languages, and neither trivial nor hopeless to learn."""

import hashlib
import json
import re
import sys

import numpy as np
import pytest
from new_python import run_python

from redheart_core import CATALOGUE, Record, SettingsError
from redheart_village import FIELDS as ALL_FIELDS
from redheart_village import SIGNALS, redheart_provide_datasets
from redheart_village.baselines import FIELDS, baseline_scores, near_duplicate_share, target_matrix
from redheart_village.records import make_records
from redheart_village.settings import VillageSettings
from redheart_village.wording_ko import KOREAN, KoreanMention, ends_in_consonant, with_particle

EACH = 1200
"""Records of a language; the settings as they come make 2,000."""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(make_records(VillageSettings(english=EACH, korean=EACH)))


def texts_of(records: list[Record], language: str) -> list[str]:
    return [record.text for record in records if record.language == language]


def test_hook_offers_one_data_set_named_like_the_plugin() -> None:
    (spec,) = redheart_provide_datasets()
    assert spec.name == "village"
    assert tuple(field.name for field in spec.fields(spec.settings())) == ALL_FIELDS
    assert tuple(field.name for field in spec.fields(VillageSettings(signals=True))) == ALL_FIELDS + SIGNALS
    assert [record.id for record in spec.records(VillageSettings(english=1, korean=1))] == [
        "village-en-00000",
        "village-ko-00000",
    ]


def digest_of(records: list[Record]) -> str:
    """Of texts and first fields."""
    digest = hashlib.sha256()
    for record in records:
        first = {name: record.values[name] for name in FIELDS}
        row = [record.id, record.language, record.text, first]
        digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
    return digest.hexdigest()


def test_first_texts_and_labels_stay_as_they_were_before_the_world_grew(records: list[Record]) -> None:
    assert digest_of(records) == "81c19b3bb2972f1db45472d694977baa7b9d2dbec6cbd3ad6f2601c8ce7b97d3"


@pytest.mark.thorough
def test_all_texts_and_labels_stay_as_they_were_before_the_world_grew() -> None:
    everything = list(make_records(VillageSettings()))
    assert digest_of(everything) == "ffb7f79962890aaca52935ca2bfd83422a3c1e0d3cec0a2252f48db732cb97c7"


def test_every_field_of_every_record_is_within_its_range_and_no_label_is_constant(records: list[Record]) -> None:
    for name in ALL_FIELDS:
        field = CATALOGUE[name]
        numbers = np.stack([field.to_numbers(record.values[name], record.where) for record in records[::4]])
        assert np.isnan(numbers).mean() < 0.6, name
        spread = np.nanstd(numbers.reshape(-1, numbers.shape[-1]) if field.labels else numbers, axis=0)
        assert np.min(spread) > 0.01, (name, spread)


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = ("torch", "sklearn", "numpy", "neurokit2")
    code = f"import sys, redheart_village; print([name for name in {heavy} if name in sys.modules])"
    assert run_python(code).out == "[]\n"


def test_same_settings_give_the_same_records() -> None:
    settings = VillageSettings(english=40, korean=40)
    assert list(make_records(settings)) == list(make_records(settings))


def test_another_seed_gives_other_records() -> None:
    ours = list(make_records(VillageSettings(english=20, korean=20)))
    theirs = list(make_records(VillageSettings(seed=1, english=20, korean=20)))
    assert all(one.text != other.text for one, other in zip(ours, theirs, strict=True))


def test_counts_change_no_record_that_both_have(records: list[Record]) -> None:
    by_id = {record.id: record for record in records}
    fewer = list(make_records(VillageSettings(english=30, korean=7)))
    assert [by_id[record.id] for record in fewer] == fewer


def test_records_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib; from redheart_village.records import make_records; "
        "from redheart_village.settings import VillageSettings; "
        "print(hashlib.sha256(repr(list(make_records(VillageSettings(english=30, korean=30)))).encode()).hexdigest())"
    )
    digests = {
        run_python(code, variables={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}).out
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_both_languages_are_there_with_unique_ids(records: list[Record]) -> None:
    assert [record.language for record in records] == ["en"] * EACH + ["ko"] * EACH
    assert len({record.id for record in records}) == 2 * EACH
    assert all(record.split is None for record in records)
    assert records[42].where == "village record en 42"


def test_labels_are_valid_and_complete(records: list[Record]) -> None:
    _, y = target_matrix(records)
    assert y.shape == (2 * EACH, 20)
    assert np.isfinite(y).all()


def test_every_label_varies_and_every_emotion_is_sometimes_on_top(records: list[Record]) -> None:
    columns, y = target_matrix(records)
    spread = dict(zip(columns, y.std(0), strict=True))
    assert min(spread.values()) >= 0.1
    emotions = CATALOGUE["emotion"].labels
    tops = np.bincount(y[:, : len(emotions)].argmax(1), minlength=len(emotions)) / len(y)
    assert tops.min() > 0.02
    assert tops.max() < 0.5


def test_no_text_occurs_twice_and_near_duplicates_are_rare(records: list[Record]) -> None:
    for language in ("en", "ko"):
        texts = texts_of(records, language)
        assert len(set(texts)) == len(texts)
        assert near_duplicate_share(texts) <= 0.001


def test_near_duplicates_are_found_where_there_are_some() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    assert near_duplicate_share([text, text + " sixteen", "a b c d e f g"]) == pytest.approx(2 / 3)


def test_texts_are_whole_sentences_without_traces_of_templates(records: list[Record]) -> None:
    for record in records:
        assert not re.search(r"[{}\[\]|]|\s\s|\.\.|,\.|\bI (?!was)\w+s\b", record.text), record.text
        assert record.text.endswith(".")
        assert 3 <= record.text.count(". ") + 1 <= 8, record.text


def test_english_has_several_hundred_characters(records: list[Record]) -> None:
    lengths = np.array([len(text) for text in texts_of(records, "en")])
    assert 300 < lengths.mean() < 450
    assert lengths.min() > 120


def test_korean_is_korean_and_english_is_not(records: list[Record]) -> None:
    for record in records:
        assert bool(re.search(r"[A-Za-z]", record.text)) == (record.language == "en")
        assert bool(re.search(r"[가-힣]", record.text)) == (record.language == "ko")


@pytest.mark.parametrize(
    ("word", "particle", "whole"),
    [
        ("민준", "은", "민준은"),
        ("지우", "은", "지우는"),
        ("서연", "이", "서연이"),
        ("수아", "이", "수아가"),
        ("한결", "을", "한결을"),
        ("민지", "을", "민지를"),
        ("보람", "과", "보람과"),
        ("태오", "과", "태오와"),
        ("태오", "에게", "태오에게"),
    ],
)
def test_particle_follows_the_final_consonant(word: str, particle: str, whole: str) -> None:
    assert with_particle(word, particle) == whole


def test_the_teller_is_na_in_every_case() -> None:
    teller = KoreanMention(None, "female")
    assert f"{teller:은} {teller:이} {teller:을} {teller:의} {teller:에게}" == "나는 내가 나를 내 나에게"


def test_no_korean_name_carries_a_wrong_particle(records: list[Record]) -> None:
    names = [name for pool in KOREAN.names.values() for name in pool]
    pattern = re.compile(rf"(?<![가-힣])({'|'.join(names)})(은|는|이|가|을|를|과|와)(?![가-힣])")
    found = 0
    for text in texts_of(records, "ko"):
        for name, particle in pattern.findall(text):
            found += 1
            assert (particle in "은이을과") == ends_in_consonant(name), f"{name}{particle} in {text}"
    assert found > 600


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"korean expects a number of records >= 0 and at most 10,000,000, got -1"):
        VillageSettings(korean=-1)
    with pytest.raises(SettingsError, match=r"both 0"):
        VillageSettings(english=0, korean=0)


def test_a_linear_model_beats_the_constant_and_stays_below_perfect(records: list[Record]) -> None:
    scores = baseline_scores(records)
    for score in scores:
        assert score.linear_r2 > score.constant_r2 + 0.05, score
        assert score.linear_mae < score.constant_mae, score
        assert score.linear_r2 < 0.9, score
    for field in FIELDS:
        mean = np.mean([score.linear_r2 for score in scores if score.field == field])
        assert 0.2 < mean < 0.8, (field, mean)
