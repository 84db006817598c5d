"""What is tied to a model is tied to what answers: an export of it is another one, with the same manifest.json."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import attrs
import pytest
from front_door import GROUPS, SMALL, Finished, hashes, redheart, refuse, succeed
from test_cli_remote import url

import redheart as api
from redheart_core import CheckpointError, DataError
from redheart_core.models.manifest import manifest_sha256, read_manifest
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST, ExportManifest, GraphFile
from redheart_export.opening import answering_sha256

__all__ = ["url"]
pytest.importorskip("onnxruntime", reason="needs redheart[onnx]")

TEXTS = "My brother lost the garden.\nShe returned the money, and I was glad of it.\n"


@pytest.fixture(scope="module")
def exported(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as an export whose groups have all stayed on PyTorch: made at once, and another engine's."""
    folder = shutil.copytree(finished.model, tmp_path_factory.mktemp("exported") / "model")
    kept = dict.fromkeys(read_manifest(folder).groups, "stays")
    EXPORT_MANIFEST.write(
        folder / EXPORT_FILE, ExportManifest(manifest_sha256(folder), {}, kept, {}, 0, {}, 0.0, "", "a test", {})
    )
    return folder


def test_a_file_of_answers_is_not_continued_by_an_export_nor_the_other_way_round(
    finished: Finished, exported: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text(TEXTS)
    for first, second in ((finished.model, exported), (exported, finished.model)):
        output = tmp_path / f"{first.parent.name}.jsonl"
        model, other = api.load(first), api.load(second)
        assert model.analyze_file(tmp_path / "texts.txt", output, progress=False).lines == 2
        whole = output.read_bytes()
        output.write_bytes(whole.splitlines(keepends=True)[0])
        with pytest.raises(DataError, match="made from another model"):
            other.analyze_file(tmp_path / "texts.txt", output, progress=False)
        model.analyze_file(tmp_path / "texts.txt", output, progress=False)
        assert output.read_bytes() == whole
        beside = json.loads((output.parent / f"{output.name}.origin.json").read_text())
        assert answering_sha256(first) in json.dumps(beside)


def test_a_node_with_an_export_does_not_answer_beside_nodes_with_the_model(finished: Finished, exported: Path) -> None:
    pytest.importorskip("ray", reason="needs redheart[scaling]")
    from redheart_scaling.analyzing import Answered, _model

    def wanted(folder: Path, sha256: str) -> Answered:
        return Answered(str(folder), sha256, "cpu", "", None, "answers.jsonl", False)

    with pytest.raises(CheckpointError, match="another model on a node"):
        _model(wanted(exported, answering_sha256(finished.model)))
    with pytest.raises(CheckpointError, match="another model on a node"):
        _model(wanted(finished.model, answering_sha256(exported)))
    assert _model(wanted(exported, answering_sha256(exported))).folder == exported


@pytest.fixture
def places(finished: Finished, exported: Path, tmp_path: Path) -> dict[str, Path]:
    """A model and two exports of it, which all have one manifest.json."""
    again = shutil.copytree(exported, tmp_path / "another")
    written = EXPORT_MANIFEST.read(again / EXPORT_FILE)
    EXPORT_MANIFEST.write(again / EXPORT_FILE, attrs.evolve(written, source="another test"))
    found = {"the model": finished.model, "an export": exported, "another export": again}
    assert len({manifest_sha256(folder) for folder in found.values()}) == 1
    return found


@pytest.mark.parametrize(
    ("came", "there", "says"),
    [
        ("the model", "an export", "here holds an export of the model, {url} the model itself"),
        ("an export", "the model", "here holds the model itself, {url} an export of it"),
        ("an export", "another export", "here holds another export of the model than {url}"),
    ],
)
def test_of_a_model_and_its_exports_none_takes_the_place_of_another_in_a_folder_or_in_an_object_store(
    places: dict[str, Path], came: str, there: str, says: str, tmp_path: Path, url: str
) -> None:
    succeed("push", places[came], url, cwd=tmp_path)
    shutil.copytree(places[there], tmp_path / "here")
    before = hashes(tmp_path / "here")
    refuse("pull", url, "here", cwd=tmp_path, says=[says.format(url=url), "choose another folder, or remove this one"])
    assert hashes(tmp_path / "here") == before
    refuse("push", "here", url, cwd=tmp_path, says=[f"{url} holds", "choose another URL"])
    succeed("pull", url, "copy", cwd=tmp_path)
    assert hashes(tmp_path / "copy") == hashes(places[came])
    assert ": fetched 0 files" in succeed("pull", url, "copy", cwd=tmp_path).out
    assert ": sent 0 files" in succeed("push", "copy", url, cwd=tmp_path).out


def test_an_export_whose_pull_was_interrupted_is_completed_by_the_same_export_alone(
    places: dict[str, Path], tmp_path: Path, url: str
) -> None:
    succeed("push", places["an export"], url, cwd=tmp_path)
    for name in places:
        (tmp_path / name).mkdir()
        if (places[name] / EXPORT_FILE).exists():
            shutil.copy(places[name] / EXPORT_FILE, tmp_path / name)
    succeed("pull", url, "an export", cwd=tmp_path)
    refuse("pull", url, "another export", cwd=tmp_path, says=["holds another export of the model than"])


def test_a_model_is_pushed_again_without_a_file_that_lay_beside_it(
    finished: Finished, tmp_path: Path, url: str
) -> None:
    shutil.copytree(finished.model, tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("mine")
    succeed("push", "model", url, cwd=tmp_path)
    says = [f"{url} holds the same model as {finished.model}, beside other files; choose another URL"]
    refuse("push", finished.model, url, cwd=tmp_path, says=says)


def test_what_needs_the_weights_of_a_model_refuses_an_export_and_names_the_reason(
    finished: Finished, exported: Path, tmp_path: Path
) -> None:
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("evaluate", exported, "--run", finished.folder),
        ("models", "pack", exported, "-o", "made"),
        ("train", "-o", "made", *SMALL, "--store", finished.folder / "store", "--start-from", exported),
        ("grow", exported, "-o", "made", "--scale", "small", "--run", finished.folder),
    )
    for command in commands:
        refuse(*command, cwd=tmp_path, says=[f"{exported} was exported; ", "the model that it was made from"])
    assert not (tmp_path / "made").exists()


def test_an_export_below_a_run_is_verified_by_its_graphs(finished: Finished, exported: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished.folder, tmp_path / "run")
    onnx, (name, *_) = shutil.copytree(exported, run / "onnx"), GROUPS
    for file in read_manifest(onnx).groups[name].files:
        (onnx / file.file).unlink()
    (onnx / "groups" / f"{name}.onnx").write_bytes(b"a graph")
    written = EXPORT_MANIFEST.read(onnx / EXPORT_FILE)
    digest = hashlib.sha256(b"a graph").hexdigest()
    graph = GraphFile(f"groups/{name}.onnx", digest, 7, {}, "float32", 7, 7, 1, 0, 0, (), ())
    kept = {group: why for group, why in written.kept.items() if group != name}
    EXPORT_MANIFEST.write(onnx / EXPORT_FILE, attrs.evolve(written, graphs={name: graph}, kept=kept))
    assert ", 0 damaged or missing" in succeed("verify", "run", cwd=tmp_path).out
    (onnx / "groups" / f"{name}.onnx").write_bytes(b"another")
    damaged = redheart("verify", "run", cwd=tmp_path)
    assert (damaged.code, damaged.out.count("is damaged")) == (1, 1)
