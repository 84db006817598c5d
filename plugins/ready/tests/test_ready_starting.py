"""A run begins at the installed model by its name, where its groups can."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import SMALL, refuse


@pytest.mark.slow
def test_the_installed_model_is_found_by_its_name(tmp_path: Path) -> None:
    says = ["no group can begin at ready", "backbone: the model has no such group"]
    refuse("train", "-o", "again", *SMALL, "--start-from", "ready", cwd=tmp_path, says=says)
    assert not (tmp_path / "again" / "run.json").exists()
