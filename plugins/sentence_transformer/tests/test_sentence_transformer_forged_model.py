"""`redheart analyze` refuses a model whose encoder was forged and sealed again, and runs nothing of its folder."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from forged_encoder import forge, hashes_below, seal, write_code
from front_door import refuse, succeed
from sealed_files import change
from tiny_bert import write_tiny_bert

from redheart_core.data.encoding import hash_contents
from redheart_core.models.manifest import FOLDERS

WORDS = ("boat", "storm", "friend", "winter", "house", "letter", "anger", "market", "trip", "garden", "sold", "glad")
PLUGINS = """active = ["csv", "sentence_transformer", "pooled"]
[data]
dataset = "csv"
[training]
scale = "tiny"
epochs = 1
threads = 1
[plugins.sentence_transformer]
model = "tiny-bert"
[plugins.csv]
path = "rows.csv"
[plugins.csv.fields.weather]
column = "a"
low = 0
high = 1
meaning = "how stormy it is"
"""
SAVED = "encoder/sentence_transformer"
"""Folder of the saved encoder in the model."""
POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"

Forgery = Callable[[Path, Path], None]
"""Changes the saved encoder in the first folder; the second one lies outside the model."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that was trained on a tiny encoder of the library; tests only copy it."""
    import_module("sentence_transformers")  # the first import draws random numbers, which the commands must not
    where = tmp_path_factory.mktemp("forged")
    write_tiny_bert(where / "tiny-bert", WORDS, length=40)
    (where / "plugins.toml").write_text(PLUGINS)
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=20)) for _ in range(80)]
    rows = [f"r{number},{text},{min(1.0, text.count('storm') / 5)}\n" for number, text in enumerate(texts)]
    (where / "rows.csv").write_text("id,text,a\n" + "".join(rows))
    succeed("train", "--plugins", "plugins.toml", "-o", "run", cwd=where)
    succeed("crossover", "run", "-o", "model", cwd=where)
    return where


def seal_model(model: Path) -> None:
    """Write the manifests of the encoder and of the model anew."""
    encoder = model / SAVED
    seal(encoder)

    parts = {part: hashes_below(model / part) for part in FOLDERS}
    files = {f"{part}/{name}": found for part, names in parts.items() for name, found in names.items()}

    def update(table: dict[str, Any]) -> None:
        table["files"] = files
        table["data"]["encoder"]["parts"][0]["content_hash"] = hash_contents(encoder)

    change(model / "manifest.json", update)


def code_as_module(encoder: Path, outside: Path) -> None:
    write_code(encoder / "model", outside / "marker")
    forge(encoder, type="forged.Forged")


def code_for_transformers(encoder: Path, outside: Path) -> None:
    write_code(encoder / "model", outside / "marker")
    map_classes(encoder, "forged.Forged")


def code_outside_for_transformers(encoder: Path, outside: Path) -> None:
    write_code(outside, outside / "marker")
    map_classes(encoder, "../../../../outside/forged.Forged")


def map_classes(encoder: Path, name: str) -> None:
    """Let a class of the folder's own stand for the configuration and the model of the transformers library."""
    file = encoder / "model" / "config.json"
    auto_map = {"AutoConfig": name, "AutoModel": name}
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "model_type": "forged", "auto_map": auto_map}))


def importable_code(encoder: Path, outside: Path) -> None:
    """The module lies where Python would find it by itself."""
    write_code(outside, outside / "marker")
    forge(encoder, type="forged.Forged")


def path_upwards(encoder: Path, outside: Path) -> None:
    (outside / "config.json").write_text("{}")
    forge(encoder, type=POOLING, path="../../../../outside")


def absolute_path(encoder: Path, outside: Path) -> None:
    (outside / "config.json").write_text("{}")
    forge(encoder, type=POOLING, path=str(outside))


def linked_folder(encoder: Path, outside: Path) -> None:
    (encoder / "model" / "1_Pooling").rename(outside / "1_Pooling")
    (encoder / "model" / "1_Pooling").symlink_to(outside / "1_Pooling")


def linked_file(encoder: Path, outside: Path) -> None:
    (encoder / "model" / "model.safetensors").rename(outside / "model.safetensors")
    (encoder / "model" / "model.safetensors").symlink_to(outside / "model.safetensors")


def linked_encoder(encoder: Path, outside: Path) -> None:
    shutil.copytree(encoder, outside / "encoder")
    shutil.rmtree(encoder)
    encoder.symlink_to(outside / "encoder")


def pipe(encoder: Path, _: Path) -> None:
    os.mkfifo(encoder / "model" / "pipe")


@pytest.mark.parametrize(
    ("forgery", "says"),
    [
        (code_as_module, ["forged.py can hold code"]),
        (code_for_transformers, ["forged.py can hold code"]),
        (code_outside_for_transformers, ["cannot be loaded", "trust_remote_code"]),
        (importable_code, ["modules.json names the module type 'forged.Forged'"]),
        (path_upwards, ["modules.json names the path '../../../../outside', which is not inside"]),
        (absolute_path, ["modules.json names the path '/", "which is not inside"]),
        (linked_folder, ["1_Pooling", "does not name"]),
        (linked_file, ["model.safetensors leads out of its folder, to "]),
        (linked_encoder, [f"does not name: {SAVED}"]),
        (pipe, [f"does not name: {SAVED}/model/pipe"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_forged_encoder_is_refused_by_file_and_reason_and_nothing_of_it_runs(
    made: Path, tmp_path: Path, forgery: Forgery, says: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, model = tmp_path / "outside", tmp_path / "model"
    outside.mkdir()
    shutil.copytree(made / "model", model)
    monkeypatch.syspath_prepend(outside)
    forgery(model / SAVED, outside)
    seal_model(model)
    refuse("analyze", model, "glad boat", cwd=tmp_path, says=says)
    assert not (outside / "marker").exists()
    assert "forged" not in sys.modules


def test_a_sealed_model_that_was_not_forged_answers(made: Path, tmp_path: Path) -> None:
    """So the refusals are of the forgeries, and not of the new seals."""
    shutil.copytree(made / "model", tmp_path / "model")
    before = succeed("analyze", "model", "glad boat", "--json", cwd=tmp_path).out
    seal_model(tmp_path / "model")
    assert succeed("analyze", "model", "glad boat", "--json", cwd=tmp_path).out == before


def test_a_file_above_the_model_that_its_manifest_names_is_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "model", tmp_path / "model")
    (tmp_path / "forged").write_text("")
    change(tmp_path / "model" / "manifest.json", lambda table: table["files"].update({"../forged": "0" * 64}))
    says = ["names the file '../forged', which is no way inside that folder"]
    refuse("analyze", "model", "glad boat", cwd=tmp_path, says=says)
