"""The script of docs/export.md answers where there is neither torch nor redheart, as the model does."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from exported_toy import exported_once
from fenced_blocks import ROOT, fenced_blocks
from trained_toy import Trained

from redheart_core.models.model import load_model

pytest.importorskip("onnxscript", reason="needs redheart[export]")
__all__ = ["exported_once"]
NEEDS = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "google", "packaging")
"""Folders that ONNX Runtime and NumPy need."""


def _bare_python(folder: Path) -> Path:
    """A Python that finds ONNX Runtime and NumPy, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "bare"], check=True)
    packages = folder / "packages"
    packages.mkdir()
    spec = find_spec("numpy")
    assert spec is not None
    assert spec.origin is not None
    for name in NEEDS:
        found = Path(spec.origin).parents[1] / name
        if found.exists():
            (packages / name).symlink_to(found)
    (place,) = (folder / "bare" / "lib").glob("python*/site-packages")
    (place / "bare.pth").write_text(f"{packages}\n", encoding="utf-8")
    return folder / "bare" / "bin" / "python"


@pytest.mark.slow
def test_an_exported_model_answers_without_torch_and_redheart(
    trained: Trained, exported_once: Path, tmp_path: Path
) -> None:
    model = load_model(exported_once / "model", trained.context.nodes, torch.device("cpu"))
    (script,) = [block for block in fenced_blocks(ROOT / "docs" / "export.md") if block.file == "edge.py"]
    assert len(script.lines) <= 40
    (tmp_path / "edge.py").write_text(script.text, encoding="utf-8")
    torch.manual_seed(0)
    embedding, mask = torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool)
    np.savez(tmp_path / "text.npz", embedding=embedding.numpy(), mask=mask.numpy())
    python = _bare_python(tmp_path)
    for name in ("torch", "redheart", "redheart_core"):
        assert subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False).returncode == 1
    command = [str(python), "edge.py", str(exported_once / "onnx"), "text.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    expected = model.predict(embedding, mask, {})
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["field"] for one in found} == model.manifest.answers.keys()
    for one in found:
        torch.testing.assert_close(torch.tensor(one["values"]), expected[one["output"]], rtol=1e-5, atol=1e-6)
