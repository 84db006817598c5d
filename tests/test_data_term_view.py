"""Terms as the second view of a text: the same bits in the view, the store, a batch and an analysis."""

from __future__ import annotations

import math
import random
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from sealed_files import change
from sklearn.feature_extraction.text import TfidfVectorizer
from toy import Toy

from redheart_core import DataError, PluginError, StoreError
from redheart_core.data import term_counts
from redheart_core.data.store import Store
from redheart_core.data.term_view import PART_WEIGHT, TERM_TABLE, WORD_WEIGHT, TermView, fit_terms, load_terms
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.exactness import check_exactness
from redheart_core.models.model import load_model
from redheart_core.selection.sweetspot import find_sweetspot

CPU = torch.device("cpu")
TEXTS = (
    "I told the truth.",
    "I told a lie, and the truth came out.",
    "The truth hurts: the lie hurt more.",
    "나는 친구에게 진실을 말했다.",
    "나는 거짓을 말했다.",
    "나는 진실을 들었다.",
)


def view_of(texts: tuple[str, ...] = TEXTS, most: int = 1000) -> TermView:
    view = fit_terms(texts, most)
    assert view is not None
    return view


def scikit_learn(kind: str, names: tuple[str, ...]) -> TfidfVectorizer:
    """An independent weighing with the same terms."""
    analysis = {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
    if kind == "part":
        analysis = {"analyzer": "char_wb", "ngram_range": (1, 5)}
    return TfidfVectorizer(vocabulary=names, sublinear_tf=True, **analysis).fit(TEXTS)


def test_weights_are_those_of_scikit_learn_with_parts_of_words_at_their_weight() -> None:
    view = view_of()
    assert [terms.kind for terms in view.terms] == ["word", "part"]
    found = view.weigh(TEXTS)
    start = 0
    for terms in view.terms:
        block = found[:, start : start + len(terms.names)].toarray()
        expected = scikit_learn(terms.kind, terms.names).transform(TEXTS).toarray()
        np.testing.assert_allclose(block, expected * (WORD_WEIGHT if terms.kind == "word" else PART_WEIGHT), atol=1e-6)
        start += len(terms.names)
    assert start == view.size == len(view.names) == found.shape[1]


def test_words_are_the_first_terms() -> None:
    view = view_of()
    kinds = [name.partition(":")[0] for name in view.names]
    assert kinds == ["word"] * view.words + ["part"] * (view.size - view.words)
    assert 0 < view.words < view.size


def test_terms_are_those_of_three_texts_or_more() -> None:
    names = view_of().names
    words = {name.removeprefix("word:") for name in names if name.startswith("word:")}
    assert words == {"the", "truth", "the truth", "나는"}
    parts = {name.removeprefix("part:") for name in names if name.startswith("part:")}
    assert {" th", "the ", "ruth", "나는 "} <= parts
    assert not {part for part in parts if sum(part.strip() in text.lower() for text in TEXTS) < 3}


def test_parts_of_one_or_two_characters_are_those_without_a_latin_letter_or_digit() -> None:
    names = view_of(("I am 17 :) 나는 안 갔다", "am 17 :) 나는 안 갔다", "am 17! :) 나는 안 갔다")).names
    assert {"word:am", "word:17", "part: am", "part::)", "part:나는", "part: 안"} <= set(names)
    assert {"part:나", "part:갔", "part:)"} <= set(names)
    assert not {"part:am", "part:17", "part: a", "part:m ", "part:a", "part:7", "part: "} & set(names)


def test_at_most_so_many_are_taken_three_fifths_parts_of_words_the_most_frequent_first() -> None:
    all_terms, few = view_of(), view_of(most=5)
    assert len(few.names) == 5
    assert [name.partition(":")[0] for name in few.names] == ["word"] * 2 + ["part"] * 3
    assert set(few.names) < set(all_terms.names)
    assert "word:the" in few.names
    assert fit_terms(TEXTS[:2], 1000) is None


def test_inverse_document_frequency_follows_its_closed_form() -> None:
    (words, _) = view_of().terms
    place = words.names.index("나는")
    assert words.idf[place] == np.float32(math.log((1 + 6) / (1 + 3)) + 1)


def test_a_vector_depends_on_its_text_alone() -> None:
    view = view_of()
    together = torch.from_numpy(view.weigh(TEXTS).toarray())
    for row, text in enumerate(TEXTS):
        assert torch.equal(view.vector(text), together[row : row + 1])
    assert view.vector(TEXTS[0]).shape == (1, view.size)
    assert view.vector(TEXTS[0]).dtype == torch.float32
    assert not view.vector("Zebra?").any()


def test_decomposed_korean_counts_as_composed() -> None:
    import unicodedata

    view = view_of()
    decomposed = unicodedata.normalize("NFD", TEXTS[3])
    assert decomposed != TEXTS[3]
    assert torch.equal(view.vector(decomposed), view.vector(TEXTS[3]))


def test_a_format_stands_for_these_terms_and_weights() -> None:
    """Where this fails, raise the format of TERM_TABLE: a store or model of before would give other numbers."""
    view = view_of((*TEXTS, "17 dogs :) say no!", "17 cats :) say no!", "17 birds :) say no!"), most=16)
    (weights,) = view.weigh(("17 dogs told the truth, the truth :)",)).toarray()
    found = {name: round(float(weight), 3) for name, weight in zip(view.names, weights, strict=True)}
    words = {"17": 0.270, "no": 0.0, "say": 0.0, "say no": 0.0, "the": 0.457, "the truth": 0.457}
    parts = {" 17": 0.321, " th": 0.544, " the": 0.544, " the ": 0.544, ".": 0.0, ". ": 0.0, ":": 0.284}
    parts |= {"he ": 0.544, "the": 0.544, "the ": 0.544}
    expected = {f"word:{name}": weight for name, weight in words.items()}
    expected |= {f"part:{name}": weight for name, weight in parts.items()}
    assert (TERM_TABLE.format, found) == (3, expected)


def test_a_table_of_another_format_is_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    view_of().save(tmp_path)
    change(tmp_path / "terms.json", lambda table: table.update(format=2))
    expected = (
        r"terms\.json is text 'terms' of format 2, expected is 'terms' of format 3, .* prepare the data again, then"
    )
    with pytest.raises(StoreError, match=expected):
        load_terms(tmp_path)


def test_a_saved_view_gives_the_same_bits_and_the_same_bytes(tmp_path: Path) -> None:
    view = view_of()
    view.save(tmp_path / "one")
    loaded = load_terms(tmp_path / "one")
    assert loaded.names == view.names
    for text in TEXTS:
        assert torch.equal(loaded.vector(text), view.vector(text))
    loaded.save(tmp_path / "two")
    for file in sorted(path.name for path in (tmp_path / "one").iterdir()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("damage", ["terms.json", "idf.safetensors"])
def test_a_missing_or_damaged_view_is_refused(tmp_path: Path, damage: str) -> None:
    view_of().save(tmp_path / "view")
    file = tmp_path / "view" / damage
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 128  # no UTF-8 either
    file.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=damage):
        load_terms(tmp_path / "view")
    file.unlink()
    with pytest.raises(StoreError, match=damage):
        load_terms(tmp_path / "view")


def test_a_batch_holds_the_vectors_of_the_whole_texts_bit_for_bit(toy: Toy) -> None:
    store = toy.store()
    assert store.terms is not None
    context = toy.context([toy.node("a", reads=("embedding", "terms")), toy.node("b")], store)
    reading, other = context.groups
    texts = {record.id: record.text for record in toy.records()}
    for split in ("train", "validation", "calibration", "test"):
        rows = store.rows(split).flip(0)[:20]
        terms = context.source.batch(rows, reading.inputs).inputs["terms"]
        expected = torch.cat([store.terms.vector(texts[store.ids[row]]) for row in rows])
        assert torch.equal(terms, expected)
    assert "terms" not in context.source.batch(rows, other.inputs).inputs


def test_terms_are_chosen_on_the_train_split_alone(toy: Toy) -> None:
    records = [
        attrs.evolve(record, split="test" if number % 2 else "train") for number, record in enumerate(toy.records())
    ]
    spoilt = [
        attrs.evolve(record, text=record.text + " zebra zebra") if record.split == "test" else record
        for record in records
    ]
    clean, other = toy.store(records, "clean"), toy.store(spoilt, "spoilt")
    assert clean.terms is not None
    assert other.terms is not None
    assert other.terms.names == clean.terms.names
    assert all(np.array_equal(a.idf, b.idf) for a, b in zip(clean.terms.terms, other.terms.terms, strict=True))
    assert "word:calm" in clean.terms.names


def test_a_store_that_is_opened_again_holds_the_same_terms(toy: Toy) -> None:
    store = toy.store()
    again, rows = Store.open(store.folder), store.rows("train")
    assert np.array_equal(again.term_matrix(rows).toarray(), store.term_matrix(rows).toarray())


def test_a_node_that_reads_terms_where_there_are_none_is_refused(toy: Toy) -> None:
    texts = ["".join(chr(0x4E00 + 7 * number + place) for place in range(7)) for number in range(60)]
    records = [attrs.evolve(record, text=text) for record, text in zip(toy.records(60), texts, strict=True)]
    store = toy.store(records, "unlike")
    assert store.term_count == 0
    with pytest.raises(PluginError, match="a read terms, and the data set has none: no term occurs in three"):
        toy.context([toy.node("a", reads=("embedding", "terms"))], store)
    with pytest.raises(DataError, match="the data set has no terms"):
        store.term_matrix(store.rows("train"))


def test_a_model_answers_with_the_terms_of_the_text(toy: Toy, tmp_path: Path) -> None:
    store = toy.store()
    nodes = [toy.node("a", reads=("embedding", "terms")), toy.node("high", reads=("a.value",))]
    run, stopped = toy.run("run", nodes, store, learning_rate=1e-2)
    assert not stopped
    context = toy.context(nodes, store, learning_rate=1e-2)
    assemble(tmp_path / "model", run, context, find_sweetspot(run, ["a", "high"]).chosen("best"))
    model = load_model(tmp_path / "model", context.nodes, CPU)
    for check in check_exactness(model, context):
        assert check.assembled == check.recorded
    row = int(store.rows("test")[0])
    record = next(record for record in toy.records() if record.id == store.ids[row])
    batch = context.source.batch(torch.tensor([row]), ("terms",))
    with torch.no_grad():
        expected = model.modules["a"].eval()(batch)["a.value"].item()
        without = attrs.evolve(batch, inputs={**batch.inputs, "terms": torch.zeros_like(batch.inputs["terms"])})
        assert model.modules["a"](without)["a.value"].item() != expected
    found, _ = analyze(model, toy.encoder(), record.text).findings
    assert found.plugin == "a"
    assert found.values[0].value == expected


def test_long_texts_in_one_language_do_not_crowd_out_another() -> None:
    """Terms are shared by the number of texts; one language alone is not touched."""
    draw = random.Random(3)
    words = [f"word{number}" for number in range(3000)]
    long = [" ".join(draw.choices(words, k=600)) for _ in range(40)]
    short = [f"우리는 {draw.choice('가나다라마바사')}을 보고 {draw.choice('강산들물꽃')}에 갔다" for _ in range(40)]
    languages = ["en"] * len(long) + ["ko"] * len(short)

    def korean(view: TermView | None) -> int:
        assert view is not None
        return sum(any("\uac00" <= char <= "\ud7a3" for char in name) for name in view.names)

    texts, most = [*long, *short], 300
    assert korean(fit_terms(texts, most)) < 40
    assert korean(fit_terms(texts, most, languages)) > 80
    alone, named = fit_terms(short, most), fit_terms(short, most, ["ko"] * len(short))
    assert alone is not None
    assert named is not None
    assert alone.names == named.names


def test_the_known_share_of_a_text_counts_words_and_pairs_and_triples_of_characters() -> None:
    view = fit_terms(["그 개가 여기", "그 개는 여기"] * 3, 400)
    assert view is not None
    known = view.known(["그 개가 여기", "개가 산다", "", "여기"])
    np.testing.assert_allclose(known[:, 0], [1.0, 1 / 3, np.nan, 1.0])  # words and pairs of words
    # " 개", "개가", "가 ", " 개가", "개가 " are known; " 산", "산다", "다 ", " 산다", "산다 " are not
    np.testing.assert_allclose(known[:, 1], [1.0, 0.5, np.nan, 1.0])
    assert np.array_equal(view.known(["개가 산다"])[0], known[1])


def test_what_is_known_of_texts_of_a_store_is_what_is_known_of_the_texts(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy.store(toy.records(120))
    assert store.terms is not None
    for block in (7, 2000):
        monkeypatch.setattr(term_counts, "_BLOCK", block)
        for rows in (torch.arange(len(store)), torch.tensor([5, 2, 5]), torch.tensor([], dtype=torch.int64)):
            texts = [store.text(row) for row in rows.tolist()]
            found = store.known_terms(rows, texts)
            assert found.shape == (len(rows), 2)
            np.testing.assert_array_equal(found, store.terms.known(texts).reshape(-1, 2))
