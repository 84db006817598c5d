"""Names of files in any Unicode form; runs, models and stores that are not where they are looked for."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from front_door import Finished, refuse, succeed

import redheart
from redheart_cli.main import cli
from redheart_cli.paths import UserPath
from redheart_core import CheckpointError, StoreError
from redheart_core.storage.paths import find_path

NFC, NFD = (unicodedata.normalize(form, "Müller-한글") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("there", "named"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])
def test_a_path_is_found_in_any_form_and_what_is_missing_stays_as_given(tmp_path: Path, there: str, named: str) -> None:
    (tmp_path / there / "run").mkdir(parents=True)
    assert find_path(tmp_path / named / "run") == tmp_path / there / "run"
    assert find_path(str(tmp_path / named / "run")) == tmp_path / there / "run"
    assert find_path(tmp_path / named / "new" / "model") == tmp_path / there / "new" / "model"
    assert find_path(Path("nowhere") / named) == Path("nowhere") / named


def test_every_path_of_every_command_is_of_the_one_type() -> None:
    def parameters(command: click.Command) -> list[click.Parameter]:
        if not isinstance(command, click.Group):
            return command.params
        context = click.Context(command)
        inner = [command.get_command(context, name) for name in command.list_commands(context)]
        return [*command.params, *(one for each in inner if each for one in parameters(each))]

    paths = [one for one in parameters(cli) if isinstance(one.type, click.Path)]
    assert len(paths) > 20
    assert [one.name for one in paths if not isinstance(one.type, UserPath)] == []


def test_a_path_from_the_command_line_is_found_in_any_form(tmp_path: Path) -> None:
    @click.command()
    @click.argument("path", type=UserPath(allow_dash=True))
    def show(path: Path) -> None:
        click.echo(str(path))

    (tmp_path / NFD).write_text("x")
    assert CliRunner().invoke(show, [str(tmp_path / NFC)]).output == f"{tmp_path / NFD}\n"
    assert CliRunner().invoke(show, ["-"]).output == "-\n"


def test_run_and_model_are_found_in_any_form(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / NFD)
    assert redheart.open_run(tmp_path / NFC).path == tmp_path / NFD
    assert redheart.load(tmp_path / NFC / "model").folder == tmp_path / NFD / "model"
    assert succeed("sweetspot", NFC, "--json", cwd=tmp_path).json()


def test_a_moved_run_says_where_its_store_was_expected(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    shutil.rmtree(run / "store")
    with pytest.raises(StoreError, match=r"expects its embedding store in .*store, and there is none") as raised:
        redheart.open_run(run).compare(progress=False)
    assert f"Copy the store there, or prepare the same data again with redheart data prepare -o {run}" in str(
        raised.value
    )
    refuse("train", "--resume", "-o", run, cwd=tmp_path, says=["expects its embedding store in", "data prepare -o"])


def test_a_moved_model_says_where_its_run_was_expected(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.model, tmp_path / "alone")
    with pytest.raises(CheckpointError, match=r"the run of .*alone is not in .*run\.json.* --run"):
        redheart.load(tmp_path / "alone").evaluate(progress=False)
