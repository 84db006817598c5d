"""What is tied to a model is tied to what answers: an export of it is another one, with the same manifest.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from front_door import Finished, refuse, succeed
from test_cli_remote import url

import redheart as api
from redheart_core import CheckpointError, DataError
from redheart_core.models.manifest import manifest_sha256, read_manifest
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST, ExportManifest
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


def test_a_model_is_not_fetched_into_a_folder_with_an_export_of_it(
    finished: Finished, exported: Path, tmp_path: Path, url: str
) -> None:
    succeed("push", finished.model, url, cwd=tmp_path)
    shutil.copytree(exported, tmp_path / "here")
    refuse("pull", url, "here", cwd=tmp_path, says=["holds an export of the model", "choose another folder"])
