"""Tokens as the third view of a text: the same ids in the library, the store, a batch, a model and an analysis."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tiny_encoders
import torch
from word_store import make, tree

from redheart_core import DataError, SettingsError, StoreError
from redheart_core.config.tables import DataSettings
from redheart_core.data.batches import BatchSource
from redheart_core.data.disk_use import disk_use
from redheart_core.data.store import Store
from redheart_core.data.tokenizer import learn_tokenizer, load_tokenizer, open_tokenizer

CPU = torch.device("cpu")
WORDS = ("bread", "stole", "friend", "rain", "because", "she", "never", "told")


def write_tokenizer(folder: Path, **options: Any) -> Path:
    return tiny_encoders.write_tokenizer(folder, WORDS, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("tokens")
    return make(folder / "store", tokenizers=[str(write_tokenizer(folder / "small-model"))])


def test_a_named_tokenizer_is_read_without_its_padding_and_truncation(tmp_path: Path) -> None:
    found = open_tokenizer(str(write_tokenizer(tmp_path / "small-model")))
    assert (found.identity.name, found.identity.size, found.identity.padding) == ("small-model", 4 + len(WORDS), 0)
    assert (found.identity.before, found.identity.after) == ((2,), (3,))
    (ids,) = found.encode(["bread stole friend rain because she unknown"])
    assert ids.tolist() == [4, 5, 6, 7, 8, 9, 1]
    plain = open_tokenizer(str(write_tokenizer(tmp_path / "plain", framed=False))).identity
    assert (plain.before, plain.after) == ((), ())
    assert plain.sha256 != found.identity.sha256


def test_store_batch_and_a_single_text_have_the_same_tokens(store: Store) -> None:
    tokenizer = load_tokenizer(store.folder / "tokens", store.tokenizers["tokens"])
    rows = torch.tensor([7, 0, 3])
    batch = store.token_batch(rows)
    assert batch.dtype == torch.int64
    assert batch.shape == (3, int(store.token_counts()[rows].max()))
    for row, ids in zip(rows.tolist(), batch, strict=True):
        alone = tokenizer.vector(store.text(row))[0]
        assert torch.equal(ids[: len(alone)], alone)
        assert bool((ids[len(alone) :] == -1).all())
        assert int(store.token_counts()[row]) == len(alone) > 0


def test_batches_of_a_reader_of_tokens_are_sorted_by_their_number(store: Store) -> None:
    source = BatchSource(store, [], batch_size=4, seed=0, device=CPU)
    rows = store.rows("train")
    counts = [store.token_counts()[part] for part in source.fixed_order(rows, ("tokens",))]
    flat = torch.cat(counts)
    assert torch.equal(flat, flat.sort().values)
    ordered = source.training_order(1, rows, ("tokens",))
    spans = sorted((int(c.min()), int(c.max())) for c in (store.token_counts()[part] for part in ordered))
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert torch.equal(torch.cat(ordered).sort().values, rows)
    assert "tokens" in source.batch(rows[:2], ("tokens",)).inputs
    assert "tokens" not in source.batch(rows[:2]).inputs


def test_a_learnt_tokenizer_is_the_same_twice_and_knows_its_texts(tmp_path: Path) -> None:
    texts = ["빵을 훔쳤다. Bread and breads.", "She told the truth, 빵을 먹었다."] * 20
    first, second = learn_tokenizer(texts, 300), learn_tokenizer(texts, 300)
    assert first.identity == second.identity
    assert first.identity.name == "learnt:300"
    ids = first.encode(texts[:1])[0]
    assert 0 < len(ids) < len(texts[0])
    assert 1 not in ids.tolist()  # nothing is unknown
    one, two = make(tmp_path / "a", tokenizers=["learnt:300"]), make(tmp_path / "b", tokenizers=["learnt:300"])
    assert tree(one.folder) == tree(two.folder)


def test_a_learnt_tokenizer_sees_the_training_texts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def learn(texts: list[str], size: int) -> Any:
        seen.extend(texts)
        return learn_tokenizer(texts, size)

    monkeypatch.setattr("redheart_core.data.build.learn_tokenizer", learn)
    store = make(tmp_path / "store", tokenizers=["learnt:300"])
    assert sorted(seen) == sorted(store.text(row) for row in store.rows("train").tolist())


def test_another_tokenizer_asks_for_another_store(tmp_path: Path) -> None:
    make(tmp_path / "store", tokenizers=["learnt:300"])
    make(tmp_path / "store", tokenizers=["learnt:300"])
    with pytest.raises(StoreError, match="tokenizer is 'learnt:300' there, 'learnt:400' here"):
        make(tmp_path / "store", tokenizers=["learnt:400"])
    with pytest.raises(StoreError, match="tokenizer is 'learnt:300' there, '' here"):
        make(tmp_path / "store")


def test_each_tokenizer_makes_a_view_as_it_makes_the_only_one(tmp_path: Path) -> None:
    places = [str(write_tokenizer(tmp_path / "small-model")), "learnt:300"]
    both = make(tmp_path / "both", tokenizers=places)
    assert [(view, one.name) for view, one in both.tokenizers.items()] == [
        ("tokens", "small-model"),
        ("tokens/2", "learnt:300"),
    ]
    files = tree(both.folder)
    for place, (view, file) in zip(
        places, (("tokens", "tokens.safetensors"), ("tokens/2", "tokens-2.safetensors")), strict=True
    ):
        only = make(tmp_path / f"only {view[-1]}", tokenizers=[place])
        assert tree(only.folder)["tokens.safetensors"] == files[file]
        assert tree(only.folder)["tokens/tokenizer.json"] == files[f"{view}/tokenizer.json"]
        assert torch.equal(both.token_counts(view), only.token_counts())
        assert load_tokenizer(both.folder / view, both.tokenizers[view]).identity == only.tokenizers["tokens"]
    assert "more_tokens" not in json.loads(tree(only.folder)["index.json"])  # which stays as it was
    assert disk_use(both).parts["tokens"] == len(files["tokens.safetensors"]) + len(files["tokens-2.safetensors"])
    given = BatchSource(both, [], batch_size=4, seed=0, device=CPU).batch(both.rows("train")[:2], ("tokens/2",)).inputs
    assert torch.equal(given["tokens/2"], both.token_batch(both.rows("train")[:2], "tokens/2"))
    assert "tokens" not in given
    with pytest.raises(DataError, match=r"no view 'tokens/3' \(views of tokens: tokens, tokens/2\)"):
        both.token_batch(torch.arange(2), "tokens/3")
    with pytest.raises(StoreError, match=r"tokenizer is '\w{64}\+learnt:300' there, 'learnt:300' here"):
        make(tmp_path / "both", tokenizers=["learnt:300"])


def test_the_same_tokenizer_twice_and_several_that_are_learnt_are_refused(tmp_path: Path) -> None:
    one, same = write_tokenizer(tmp_path / "one"), write_tokenizer(tmp_path / "same")
    with pytest.raises(SettingsError, match=rf"{one} and {same} are the same tokenizer; name one of them"):
        make(tmp_path / "store", tokenizers=[str(one), str(same)])
    with pytest.raises(SettingsError, match="one tokenizer at most is learnt from the texts"):
        make(tmp_path / "store", tokenizers=["learnt:300", "learnt:400"])
    assert not (tmp_path / "store").exists()


def test_tokenizers_are_named_as_encoders_are() -> None:
    assert DataSettings("a", tokenizer="").tokenizers == DataSettings("a").tokenizers == ()
    assert DataSettings("a", tokenizer="one").tokenizers == ("one",)
    assert DataSettings("a", tokenizer="one+two").tokenizers == DataSettings("a", tokenizer=("one", "two")).tokenizers
    assert DataSettings("a", tokenizer=("folder+more",)).tokenizers == ("folder+more",)
    for wrong in ("one+", "one+one", ("one", "one"), ("one", "")):
        with pytest.raises(ValueError, match="'tokenizer' must be one name or a list of different names"):
            DataSettings("a", tokenizer=wrong)


def test_a_store_without_tokens_says_so(tmp_path: Path) -> None:
    store = make(tmp_path / "store")
    assert not store.tokenizers
    with pytest.raises(DataError, match=r"no tokens; prepare it with --set data\.tokenizer="):
        store.token_batch(torch.arange(2))


@pytest.mark.parametrize("file", ["tokens.safetensors", "tokens/tokenizer.json"])
def test_damage_is_found(tmp_path: Path, file: str) -> None:
    store = make(tmp_path / "store", tokenizers=["learnt:300"])
    path = store.folder / file
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(StoreError, match=f"{path.name}"):
        Store.open(store.folder)
    if path.suffix == ".json":
        with pytest.raises(StoreError, match="damaged or another tokenizer"):
            load_tokenizer(store.folder / "tokens", store.tokenizers["tokens"])


def _no_padding_token(folder: Path) -> None:
    write_tokenizer(folder, pad_token=None)


def _unknown_padding_token(folder: Path) -> None:
    write_tokenizer(folder, pad_token="<pad>")


def _no_file(folder: Path) -> None:
    folder.mkdir()


def _no_json(folder: Path) -> None:
    write_tokenizer(folder)
    (folder / "tokenizer.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_padding_token, 'has no padding token, .* write "pad_token" into its tokenizer_config.json'),
        (_unknown_padding_token, "padding token '<pad>', which is not in its vocabulary"),
        (_no_file, "tokenizer.json is missing; expected the file of a fast tokenizer"),
        (_no_json, "is no tokenizer that the tokenizers library reads"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    spoil(tmp_path / "model")
    with pytest.raises(SettingsError, match=message):
        open_tokenizer(str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("learnt:12", "at least 300 tokens"),
        ("no/such/folder", "no such folder, and no name on the hub looks like it"),
        (
            "someone/some-model@main",
            "nothing is downloaded by itself. Fetch it once with: hf download",
        ),
        ("package:no_such_package/model", "the package no_such_package is not installed"),
    ],
)
def test_a_place_without_a_tokenizer_is_refused(tmp_path: Path, place: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make(tmp_path / "store", tokenizers=[place])
    assert not (tmp_path / "store").exists()
