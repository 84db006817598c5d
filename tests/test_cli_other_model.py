"""At the front door: test figures name the model that they are of, and are not taken for those of another one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from front_door import SMALL, Finished, succeed


@pytest.mark.slow
def test_the_figures_of_another_model_are_not_taken_for_those_of_the_run(finished: Finished, tmp_path: Path) -> None:
    run, other = finished.copy(tmp_path), tmp_path / "other"
    made = succeed("crossover", run, "--epoch", "neural_regret=1", "-o", other, cwd=tmp_path)
    assert re.search(r"^seconds: run [\d.]+, choose [\d.]+, link [\d.]+, open .*; [\d.]+ together$", made.out, re.M)
    assert "validate: " in made.err
    found = succeed("evaluate", other, "--json", cwd=tmp_path).json()
    assert found["model"] == "../other"
    assert found["model_sha256"] == hashlib.sha256((other / "manifest.json").read_bytes()).hexdigest()
    succeed("report", run, cwd=tmp_path)
    assert "of another model than the one shown here: of the model in ../other" in (run / "report.html").read_text()
    own = succeed("run", "-o", run, *SMALL, "--json", cwd=tmp_path).json()["evaluation"]
    assert own["model"] == "model"
    assert own["model_sha256"] == hashlib.sha256((run / "model" / "manifest.json").read_bytes()).hexdigest()
    assert own["test_reads"] == found["test_reads"] + 1
    page = (run / "report.html").read_text()
    assert "The test figures are of the model in model (manifest SHA-256 " in page
    assert "of another model" not in page
