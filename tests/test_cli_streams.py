"""Standard streams: read as they are given, and no traceback where an output is closed, full or of another encoding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from front_door import Finished, redheart, succeed
from own_process import redheart_process
from rounding import same_answer

TEXT = "My brother lost the garden and burned my letter."
LINE = json.dumps({"text": TEXT}).encode() + b"\n"
BOM = b"\xef\xbb\xbf"
REFUSED = {
    b'{"text": NaN}': "NaN is not a JSON number",
    b'{"text": "half': "broken JSON",
    b'{"text": "a' + b"\xff" + b'"}': "not UTF-8",
    b"[1]": "expects a JSON object",
    b'{"text": "a", "text": "b"}': "stands twice",
    b'{"text": "half a pair \\ud83d"}': "half of a surrogate pair",
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000: "nested too deeply",
    b'{"id": 7}': "expects a 'text'",
    b'{"text": "2026"}': "no letter",
}


def test_each_bad_line_is_one_refused_line_and_the_next_ones_go_on(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(BOM + LINE + b"".join(bad + b"\n" + LINE for bad in REFUSED))
    answer = redheart("analyze", finished.model, "--jsonl", "in.jsonl", cwd=tmp_path)
    assert answer.code == 4
    first, *rest = (json.loads(line) for line in answer.out.splitlines())
    for number, (says, bad, good) in enumerate(zip(REFUSED.values(), rest[::2], rest[1::2], strict=True), 1):
        assert f"in.jsonl line {2 * number}: " in bad["refused"]
        assert says in bad["refused"]
        assert same_answer(good, first)


def test_a_stream_that_breaks_off_has_another_exit_code(finished: Finished, tmp_path: Path) -> None:
    import gzip

    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(LINE * 3)[:-6])
    answer = redheart("analyze", finished.model, "--jsonl", "in.jsonl.gz", cwd=tmp_path)
    assert answer.code == 1
    assert "the gzip data breaks off" in answer.err


@pytest.mark.parametrize("how", [["--file", "in.txt"], []], ids=["file", "standard input"])
def test_a_byte_order_mark_changes_no_number(finished: Finished, tmp_path: Path, how: list[str]) -> None:
    found = []
    for mark in (b"", BOM):
        (tmp_path / "in.txt").write_bytes(mark + TEXT.encode())
        given = b"" if how else mark + TEXT.encode()
        found.append(succeed("analyze", finished.model, *how, "--json", given=given, cwd=tmp_path).out)
    assert found[0] == found[1]


@pytest.mark.slow
def test_standard_input_is_read_from_where_it_stands(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "passed over"}\n' + LINE)
    number = os.open(tmp_path / "in.jsonl", os.O_RDONLY)
    os.lseek(number, len(b'{"text": "passed over"}\n'), os.SEEK_SET)
    half_read = redheart_process("analyze", finished.model, "--jsonl", "-", cwd=tmp_path, source=number)
    os.close(number)
    ours, theirs = socket.socketpair()
    ours.sendall(LINE)
    ours.close()
    with theirs:
        through_socket = redheart_process(
            "analyze", finished.model, "--jsonl", "-", cwd=tmp_path, source=theirs.fileno()
        )
    assert half_read.code == through_socket.code == 0, half_read.err + through_socket.err
    assert half_read.out == through_socket.out
    assert half_read.out.count("\n") == 1


def run_into(output: IO[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redheart_cli", *arguments]
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("arguments", [["plugins", "list"], ["--help"], ["calculate", "exact_votes", "--example"]])
def test_a_full_output_is_an_error_without_traceback(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = run_into(full, *arguments)
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write to standard output: No space left on device\n"


def test_a_reader_that_has_read_enough_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = run_into(closed, "calculate", "exact_votes", "--example")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_give_no_traceback(tmp_path: Path, closed: str) -> None:
    command = f"{sys.executable} -m redheart_cli calculate exact_votes - {closed}"
    done = subprocess.run(["bash", "-c", command], input=b'{"votes": [[3, 1]]}', capture_output=True, cwd=tmp_path)
    assert b"Traceback" not in done.stdout + done.stderr
    assert done.returncode == (1 if "<&-" in closed else 0)


def test_an_output_of_another_encoding_has_escapes(tmp_path: Path, finished: Finished) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "친구", "text": "친구를 도왔다."}), encoding="utf-8")
    command = [sys.executable, "-m", "redheart_cli", "analyze", str(finished.model), "--jsonl", "in.jsonl"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("ascii"))["id"] == "친구"
