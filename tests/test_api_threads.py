"""Torch's number of threads belongs to the notebook; redheart computes with that of the run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from front_door import Finished

import redheart
from redheart_core import RedheartError

MINE = 3
TEXT = "My brother lost the garden and burned my letter."


def test_every_function_gives_the_number_back_and_answers_alike(finished: Finished, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    expected = redheart.load(finished.model).analyze(TEXT)
    torch.set_num_threads(MINE)
    model = redheart.load(finished.model)
    assert torch.get_num_threads() == MINE
    assert model.analyze(TEXT) == expected
    run = redheart.open_run(finished.copy(tmp_path))
    assert run.session.context.settings.threads != MINE
    assert torch.get_num_threads() == MINE
    made = run.assemble(tmp_path / "model")
    assert all(check.equal for check in made.checks)
    assert torch.get_num_threads() == MINE


def test_a_refused_call_gives_it_back_too(finished: Finished, tmp_path: Path) -> None:
    torch.set_num_threads(MINE)
    small = {"village.english": 120, "village.korean": 60, "data.encoder": "lsa", "lsa.width": 48}
    with pytest.raises(RedheartError, match="holds a run already"):
        redheart.train("village", output=finished.copy(tmp_path), settings=small, progress=False)
    assert torch.get_num_threads() == MINE
