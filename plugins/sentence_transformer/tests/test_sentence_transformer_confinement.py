"""A model folder from anywhere runs no code: a forged one is refused by file and reason before it is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from forged_encoder import forge, seal, write_code
from sealed_files import change
from tiny_bert import write_tiny_bert

from redheart_core import Encoder, RedheartError, SettingsError, StoreError
from redheart_sentence_transformer import redheart_provide_encoders
from redheart_sentence_transformer.settings import SentenceTransformerSettings

(SPEC,) = redheart_provide_encoders()
POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
ROUTER = "sentence_transformers.base.modules.router.Router"
DENSE = "sentence_transformers.base.modules.dense.Dense"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """Around a BERT of one layer and width 8 that knows the word "a"."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_bert(folder, ["a"])
    return SPEC.fit(SentenceTransformerSettings(model=str(folder)), [])


@pytest.fixture
def folder(encoder: Encoder, tmp_path: Path) -> Path:
    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def marker(folder: Path) -> Path:
    """What the forged module beside the weights leaves when it runs."""
    write_code(folder / "model", folder.parent / "marker")
    return folder.parent / "marker"


def test_code_in_a_saved_folder_is_refused_and_not_run(folder: Path, marker: Path) -> None:
    forge(folder, type="forged.Forged")
    seal(folder)
    with pytest.raises(StoreError, match=r"forged\.py can hold code"):
        SPEC.load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["forged.Forged", "os.system", "sentence_transformers.util.http_get", "Pooling"])
def test_a_type_that_is_no_module_of_the_library_is_refused_and_not_run(
    folder: Path, marker: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder / "model")
    forge(folder, type=kind)
    settings = SentenceTransformerSettings(model=str(folder / "model"))
    with pytest.raises(SettingsError, match=rf"modules\.json names the module type '{kind}', which is no class"):
        SPEC.fit(settings, [])
    (folder / "model" / "forged.py").unlink()
    seal(folder)
    with pytest.raises(StoreError, match=rf"modules\.json names the module type '{kind}', which is no class"):
        SPEC.load(folder)
    assert not marker.exists()


def nested_router(model: Path) -> None:
    (model / "inner").mkdir()
    (model / "inner" / "router_config.json").write_text(json.dumps({"types": {"part": "forged.Forged"}}))


def dense(model: Path) -> None:
    (model / "inner").mkdir()
    (model / "inner" / "config.json").write_text(json.dumps({"activation_function": "os.system"}))


@pytest.mark.parametrize(
    ("kind", "write", "message"),
    [
        (ROUTER, nested_router, r"router_config\.json names the module type 'forged\.Forged'"),
        (DENSE, dense, r"inner/config\.json names the activation 'os\.system'"),
    ],
)
def test_classes_in_a_modules_own_configuration_are_checked(
    folder: Path, kind: str, write: Callable[[Path], None], message: str
) -> None:
    write(folder / "model")
    forge(folder, type=kind, path="inner")
    seal(folder)
    with pytest.raises(StoreError, match=message):
        SPEC.load(folder)


@pytest.mark.parametrize("path", ["/etc", "../outside", "1_Pooling/../../outside"])
def test_a_path_that_leads_out_is_refused(folder: Path, path: str) -> None:
    forge(folder, type=POOLING, path=path)
    seal(folder)
    with pytest.raises(StoreError, match=r"modules\.json names the path .* not inside"):
        SPEC.load(folder)


def test_a_linked_file_or_folder_that_leads_out_is_refused(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "model" / "1_Pooling").rename(outside)
    (folder / "model" / "1_Pooling").symlink_to(outside)
    seal(folder)
    with pytest.raises(StoreError, match=r"1_Pooling leads out of its folder|1_Pooling/config\.json leads out"):
        SPEC.load(folder)


@pytest.mark.parametrize("name", ["../about.json", "/etc/passwd"])
def test_a_manifest_that_names_a_file_elsewhere_is_refused(folder: Path, name: str) -> None:
    change(folder / "encoder.json", lambda table: table["files"].update({name: "0" * 64}))
    with pytest.raises(StoreError, match=rf"names the file '{name}', which is no way inside that folder"):
        SPEC.load(folder)


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model" / "pytorch_model.bin").write_bytes(b"pickle")
    seal(folder)
    with pytest.raises(StoreError, match=r"pytorch_model\.bin can hold code"):
        SPEC.load(folder)


def test_an_older_library_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentence_transformers.__version__", "5.7.0")
    with pytest.raises(RedheartError, match=r"needs sentence-transformers 6\.2 or newer.*5\.7\.0 is installed"):
        SPEC.load(folder)
