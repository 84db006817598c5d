"""A run where a model is asked for, and the other way round: the message names the folder that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.presence import require_model_folder, require_run


def test_a_run_in_place_of_a_model_names_its_model_or_how_to_make_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    (run / "run.json").touch()
    with pytest.raises(CheckpointError, match=rf"but a run; make one with redheart crossover {run}$"):
        require_model_folder(run)
    (run / "model" / "manifest.json").touch()
    with pytest.raises(CheckpointError, match=rf"but a run; its model is {run / 'model'}$"):
        require_model_folder(run)


@pytest.mark.parametrize("file", ["manifest.json", "team.json"])
def test_a_model_in_place_of_a_run_names_the_run_around_it(tmp_path: Path, file: str) -> None:
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    (model / file).touch()
    with pytest.raises(CheckpointError, match=r"but a model; name the run that it was made of$"):
        require_run(model)
    (tmp_path / "run" / "run.json").touch()
    with pytest.raises(CheckpointError, match=rf"name the run that it was made of, {tmp_path / 'run'}$"):
        require_run(model)
