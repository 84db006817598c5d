"""redheart analyze --ray: many nodes answer, one of them is lost, and each text is in the output once."""

from __future__ import annotations

import pickle
import signal
from pathlib import Path

import pytest
from front_door import Finished, redheart, succeed
from own_process import redheart_process, started
from ray_cluster import cluster_of

from redheart.analyzing import WINDOW
from redheart_core.storage.bad_rows import BadLineError, BadRowsError

COUNT = 9 * WINDOW + 17


def write_texts(folder: Path) -> None:
    """Ten windows of lines, some of which are refused."""
    lines = [
        "12345" if number % 97 == 0 else f"My brother left letter {number} in the house." for number in range(COUNT)
    ]
    (folder / "texts.txt").write_bytes("\n".join(lines).encode() + b"\n\xff\n")


def lines_in(file: Path) -> int:
    return file.read_bytes().count(b"\n")


@pytest.mark.thorough
def test_the_output_is_that_of_one_process_though_a_node_and_the_command_are_lost(
    finished: Finished, tmp_path: Path
) -> None:
    write_texts(tmp_path)
    command: tuple[str | Path, ...] = ("analyze", finished.model, "--texts", "texts.txt", "--language", "en", "-o")
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert redheart(*command, whole, cwd=tmp_path).code == 4
    with cluster_of(workers=2) as (cluster, nodes):
        ray = ("out.jsonl", "--ray", cluster.address)
        with started(*command, *ray, cwd=tmp_path) as first:
            first.wait_until(lambda: output.exists() and lines_in(output) >= WINDOW, timeout_s=240.0)
            cluster.remove_node(nodes[0], allow_graceful=False)
            before = lines_in(output)
            first.wait_until(lambda: lines_in(output) > before, timeout_s=240.0)
            first.send(signal.SIGKILL)
            assert first.wait().code == -signal.SIGKILL
        assert 0 < output.stat().st_size < whole.stat().st_size
        second = redheart_process(*command, *ray, cwd=tmp_path)
    assert second.code == 4, second.err
    assert "of them before" in second.err
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    "error", [BadLineError("line 3: no JSON", "text"), BadRowsError(["row 1: a"], 1), BadRowsError(["a", "b"], 30)]
)
def test_errors_of_lines_come_whole_from_another_process(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_what_no_cluster_can_answer_is_refused(finished: Finished, tmp_path: Path) -> None:
    answer = redheart("analyze", finished.model, "text", "--ray", "local", cwd=tmp_path)
    assert (answer.code, "name it with --texts" in answer.err) == (2, True)
    assert succeed("analyze", "--help", cwd=tmp_path).out.count("--ray ADDRESS") == 1
