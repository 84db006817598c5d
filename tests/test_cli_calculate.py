"""`redheart calculate`: files in, numbers out, and a message for every file that cannot be used."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from front_door import Answer, redheart

from redheart import plugins
from redheart_cli.calculate import print_result

SERIES = {"observations": [1, 2, 0, 1]}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a working directory of its own."""
    monkeypatch.chdir(tmp_path)


def calculate(*arguments: str, given: str | bytes = b"") -> Answer:
    return redheart("calculate", *arguments, cwd=Path(), given=given.encode() if isinstance(given, str) else given)


def numbers(*arguments: str, given: str = "") -> dict[str, object]:
    result = calculate(*arguments, "--json", given=given)
    assert result.code == 0, result.err
    found: dict[str, object] = json.loads(result.out)
    return found


def write(name: str, content: str) -> str:
    Path(name).write_text(content, encoding="utf-8")
    return name


def test_json_csv_npz_and_standard_input_give_the_same_numbers() -> None:
    text = json.dumps(SERIES)
    Path("packed.json.gz").write_bytes(gzip.compress(text.encode()))
    np.savez("series.npz", observations=np.array(SERIES["observations"]))
    write("series.csv", "observations\n1\n2\n0\n1\n\n")
    expected = numbers("exact_kalman", write("series.json", text))
    assert expected["log_likelihood"] == pytest.approx(-6.556581453950, abs=1e-9)
    assert numbers("exact_kalman", "packed.json.gz") == expected
    assert numbers("exact_kalman", "series.npz") == expected
    assert numbers("exact_kalman", "series.csv") == expected
    assert numbers("exact_kalman", "-", given=text) == expected


def test_columns_with_numbers_behind_a_dot_make_a_matrix_and_empty_cells_are_missing() -> None:
    write("sensors.csv", 'note,observations.2,observations.1\nfirst,4,1\n"second, late",,2\n')
    write("sensors.json", '{"observations": [[1, 4], [2, null]]}')
    result = calculate("exact_kalman", "sensors.csv", "--json")
    assert result.err == "sensors.csv: column 'note' holds text and is left out\n"
    assert json.loads(result.out) == numbers("exact_kalman", "sensors.json")


def test_a_blank_line_in_a_file_of_one_column_is_a_missing_step() -> None:
    write("gap.csv", "observations\n1\n\n2\n\n\n")
    assert numbers("exact_kalman", "gap.csv") == numbers("exact_kalman", "-", given='{"observations": [1, null, 2]}')


def test_settings_come_from_plugins_toml_and_from_set() -> None:
    write("plugins.toml", 'active = ["village"]\n\n[plugins.exact_kalman]\nsmoother = false\n')
    given = json.dumps(SERIES)
    assert "smoothed_mean" not in numbers("exact_kalman", "-", given=given)
    again = numbers("exact_kalman", "-", "--set", "exact_kalman.smoother=true", given=given)
    assert "smoothed_mean" in again
    write("other.toml", "active = []\n")
    assert numbers("exact_kalman", "-", "--plugins", "other.toml", given=given) == again


def test_the_example_prints_as_json_and_computes() -> None:
    example = calculate("exact_trend", "--example")
    assert list(json.loads(example.out)) == ["series"]
    result = calculate("exact_trend", "-", given=example.out)
    assert result.out.splitlines()[:2] == ["trend", "  score     -40"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Missing argument 'NAME'"),
        (("exact_surd",), 2, "'redheart calculate exact_surd --example' prints inputs to start from"),
        (("exact_surd", "-", "--example"), 2, "--example reads no FILE"),
        (("exact_sur", "-"), 1, "there is no calculator 'exact_sur' (calculators: exact_conformal, exact_hedonic"),
        (("village", "-"), 1, "plugin 'village' is of kind dataset (calculators: exact_conformal, "),
        (("exact_surd", "-", "--set", "village.english=3"), 1, "only the calculator's own settings count"),
        (("exact_surd", "-", "--set", "exact_surd.bin=3"), 1, "has no key 'bin' (known: bins, block, confidence"),
        (("exact_surd", "-", "--set", "exact_surd.bins=1"), 1, "'bins' must be >= 2"),
        (("exact_surd", "-", "--set", "exact_surd.group=g"), 1, "'exact_surd' is of kind calculator"),
        (("exact_surd", "-", "--plugins", "none.toml"), 1, "no such file: none.toml"),
        (("exact_surd", "none.json"), 1, "no such file: none.json"),
        (("exact_surd", "none.csv"), 1, "no such file: none.csv"),
        (("exact_surd", "none.npz"), 1, "no such file: none.npz"),
        (("exact_surd", "table.xlsx"), 1, "expects a file that ends in .json, .csv or .npz; - reads JSON"),
        (("exact_surd", "series.npz.gz"), 1, "expects a file that ends in"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(arguments: Sequence[str], code: int, message: str) -> None:
    result = calculate(*arguments, given="{}")
    assert (result.code, result.out) == (code, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "", "a.json is empty; expects a JSON object"),
        ("a.json", '{"target": [1,\n 2', "a.json line 2: broken JSON"),
        ("a.json", '{"target": [NaN]}', "a.json: NaN is not a JSON number; write null"),
        ("a.json", '{"target": [1], "target": [2]}', "the key target stands twice"),
        ("a.json", "[1, 2]", "expects a JSON object from names to numbers, got list"),
        ("a.json", "[" * 100_000, "a.json: JSON nested too deeply"),
        ("a.json", '{"target": [1, null], "sources": [1, 2]}', "'target' lacks the number at [1] (1 of 2 missing)"),
        ("a.json", '{"target": [[1], [1, 2]], "sources": [1]}', "'target' expects numbers"),
        ("a.json", '{"target": "word", "sources": [1]}', "got text"),
        ("a.json", '{"target": [], "sources": [1]}', "'target' is empty"),
        ("a.json", '{"target": [1e999], "sources": [1]}', "'target' has to be finite, got inf at [0]"),
        ("a.json", '{"targets": [1]}', "there is no input 'targets' (inputs: pmf, sources, target)"),
        ("a.csv", "", "a.csv expects a first line with the names of the columns and numbers below it"),
        ("a.csv", "target,sources\n", "a.csv expects a first line"),
        ("a.csv", "target,target\n1,1\n", "names the column 'target' more than once"),
        ("a.csv", "target,sources\n1\n", "a.csv line 2: has 1 cells, the first line names 2 columns"),
        ("a.csv", "target,sources\n1,1\n2,two\n", "a.csv line 3, column 'sources': not a number: 'two'"),
        ("a.csv", "target,sources\nx,1\ny,1\n", "a.csv line 2, column 'target': not a number: 'x'"),
        ("a.csv", "target,sources\n1_0,1\n", "not a number: '1_0'"),
        ("a.csv", "target,sources\nnan,1\n", "not a number: 'nan'"),
        ("a.csv", "target,sources\n,1\n1,1\n", "'target' lacks the number at [0]"),
        ("a.csv", "age,target,sources\n7,1,1\n", "there is no input 'age'"),
        (
            "a.csv",
            "target,sources.0,sources.1\n1,1,1\n",
            "needs the columns sources.1, sources.2, ... without a gap, got",
        ),
        ("a.csv", "target,sources,sources.1\n1,1,1\n", "without a gap, got sources, sources.1"),
        ("a.csv", 'target,sources\n"1,1\n', "broken CSV"),
        ("a.npz", "no archive", "a.npz: is no whole NPZ file of numbers"),
        ("a.json.gz", "not packed", "ends in .gz but cannot be unpacked"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(name: str, content: str, message: str) -> None:
    result = calculate("exact_surd", write(name, content))
    assert (result.code, result.out) == (1, "")
    assert message in result.err


def test_arrays_that_are_no_numbers_are_refused() -> None:
    np.savez("objects.npz", target=np.array([{}], dtype=object))
    np.save("alone.npy", np.ones(3))
    Path("alone.npy").rename("alone.npz")
    np.savez("words.npz", target=np.array(["a"]), sources=np.ones(1))
    for name, message in (
        ("objects.npz", "without dtype=object"),
        ("alone.npz", "alone.npz: is no whole NPZ file of numbers; save one with numpy.savez(path, x=array)"),
        ("words.npz", "'target' expects numbers in a rectangular array of shape (N,), got text"),
    ):
        result = calculate("exact_surd", name)
        assert (result.code, result.out) == (1, "")
        assert message in result.err


def test_standard_input_that_is_not_utf_8_is_refused() -> None:
    result = calculate("exact_surd", "-", given=b'{"target": [1], "\xff": 1}')
    assert result.code == 1
    assert "standard input: not UTF-8 (byte 17)" in result.err


def test_results_for_people_name_every_value_and_cut_long_lists(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(
        {
            "x": 1 / 3,
            "longer": [True, None, 7, "word"],
            "many": list(range(13)),
            "sets": [[0, 2], []],
            "cube": [[[1.5, None]]] * 13,
            "more": {"y": 2},
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "x       0.333333",
        "longer  yes - 7 word",
        "many    0 1 2 3 4 5 6 7 8 9 10 11 ... (13 in all)",
        "sets",
        "  0 2",
        "  none",
        "cube",
        *["  [1.5 -]"] * 12,
        "  ... 13 rows; --json prints all",
        "more",
        "  y  2",
    ]


def test_info_shows_inputs_and_settings_and_list_the_kind() -> None:
    result = redheart("plugins", "info", "exact_kalman", cwd=Path())
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert ["kind:", "calculator"] in lines
    assert lines[lines.index(["inputs"]) + 2][:5] == ["observations", "(T,)", "or", "(T,", "m)"]
    assert ["smoother", "true", "or", "false", "True", "-"] in lines
    details = json.loads(redheart("plugins", "info", "exact_kalman", "--json", cwd=Path()).out)
    assert details["inputs"][0]["missing"]
    assert not details["inputs"][1]["required"]
    rows = json.loads(redheart("plugins", "list", "--json", cwd=Path()).out)
    kinds = {row["name"]: (row["kind"], row["group"], row["broken"]) for row in rows}
    assert {kinds[name] for name in kinds if name.startswith("exact_")} == {("calculator", "", "")}


def test_a_calculator_that_is_active_takes_no_part_in_training() -> None:
    from redheart_registry import load_registry

    registry = load_registry({"active": ["exact_votes"]})
    assert registry.plugins["exact_votes"].kind == "calculator"
    assert registry.nodes("tiny") == ()


def test_the_commands_in_the_readme_of_calculators_print_what_stands_there() -> None:
    readme = (Path(__file__).parents[1] / "plugins" / "calculators" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", readme, re.DOTALL)
    called = set()
    for command, printed in blocks:
        source, _, line = command.partition(" | redheart ")
        words = shlex.split(source)
        given = words[1] if words[0] == "echo" else redheart(*words[1:], cwd=Path()).out
        result = redheart(*shlex.split(line), cwd=Path(), given=given.encode())
        assert result.code == 0, result.err
        found, expected = result.out.split(), printed.split()
        assert [_number(word) for word in found] == [_near(word) for word in expected], command
        called.add(shlex.split(line)[1])
    assert called == {row.name for row in plugins() if row.name.startswith("exact_")}


def _number(word: str) -> tuple[str, float, str] | str:
    """Numbers as such, so that the last digit may differ between machines, with their brackets and commas."""
    found = re.fullmatch(r"(\[*)(-?\d[\d.e-]*)([\],]*)", word)
    return (found[1], float(found[2]), found[3]) if found else word


def _near(word: str) -> Any:
    value = _number(word)
    return value if isinstance(value, str) else (value[0], pytest.approx(value[1], rel=2e-5, abs=1e-9), value[2])
