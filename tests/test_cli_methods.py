"""redheart crossover by methods, decompose, and what evaluate prints for people."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from front_door import GROUPS, Finished, hashes, refuse, succeed


def test_the_comparison_of_methods_is_the_one_that_the_run_keeps(finished: Finished, tmp_path: Path) -> None:
    before = hashes(finished.folder)
    document = succeed("crossover", finished.folder, "--compare", "--json", cwd=tmp_path).json()
    kept = json.loads((finished.folder / "rivals.json").read_text(encoding="utf-8"))["table"]
    assert document["table"].keys() == kept.keys() == set(GROUPS)
    for group, rivals in kept.items():
        shown = {method: rival["loss"] for method, rival in document["table"][group].items()}
        assert shown == {method: rival["loss"] for method, rival in rivals.items()}
    table = succeed("crossover", finished.folder, "--compare", cwd=tmp_path).out
    rows = [line.split() for line in table.splitlines()]
    assert all(any(row[:2] == [group, "selection"] for row in rows) for group in GROUPS)
    assert hashes(finished.folder) == before


def test_a_model_of_a_method_reproduces_its_losses_and_answers(finished: Finished, tmp_path: Path) -> None:
    finished.copy(tmp_path)
    made = succeed("crossover", "run", "--method", "chosen", "-o", "chosen", "--json", cwd=tmp_path).json()
    assert {check["group"] for check in made["groups"]} == set(GROUPS)
    assert all(check["recorded"] == check["assembled"] for check in made["groups"])
    steps = ["run", "choose", "link", "open", "validate", "compare", "rank", "calibrate", "limits"]
    assert sorted(made["seconds"]) == sorted(steps)
    assert all(taken >= 0 for taken in made["seconds"].values())
    findings = succeed("analyze", "chosen", "I told my neighbour the truth.", "--json", cwd=tmp_path).json()["findings"]
    assert {finding["group"] for finding in findings} == set(GROUPS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--compare", "-o", "model"), "--compare assembles nothing"),
        (("--compare", "--method", "chosen"), "--compare assembles nothing"),
        (("--method", "chosen", "--rule", "one_se"), "--method chooses by itself"),
        (("--method", "chosen", "--epoch", "backbone=1"), "--method chooses by itself"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(
    finished: Finished, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    refuse("crossover", finished.folder, *options, cwd=tmp_path, says=[says], code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_does_not_exist_is_refused_with_the_known_ones(finished: Finished, tmp_path: Path) -> None:
    refuse("crossover", finished.folder, "--method", "magic", "-o", "no", cwd=tmp_path, says=["magic", "greedy soup"])
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_for_people_shows_every_variant_with_its_skill(finished: Finished, tmp_path: Path) -> None:
    finished.copy(tmp_path)
    printed = succeed("evaluate", "run/model", cwd=tmp_path).out
    kept = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    same = [name for name, losses in kept["losses"].items() if losses == kept["losses"]["crossover"]]
    for variant in kept["variants"]:
        skill = f"{kept['skill'][variant]['value']:.4f}"
        shown = any(line.startswith(f"{variant}  ") and skill in line for line in printed.splitlines())
        assert shown == (variant == "crossover" or variant not in same)
    told = [line for line in printed.splitlines() if line.startswith("the same losses as crossover, in every group: ")]
    assert {name for line in told for name in line.split(": ")[1].split(", ")} == {*same} - {"crossover"}
    assert printed.splitlines()[-1].endswith("read 2 time(s) in this run")


def test_a_decomposition_adds_up_and_its_file_holds_the_shares_of_every_record(
    finished: Finished, tmp_path: Path
) -> None:
    before = hashes(finished.folder)
    command = ("decompose", finished.folder, "--target", "regret", "--bins", "2")
    found = succeed(*command, "--jsonl", "parts.jsonl", "--json", cwd=tmp_path).json()
    assert (found["target"], found["bins"]) == ("regret", 2)
    assert {source.partition(".")[0] for source in found["sources"]} == {"regret_head", "neural_regret"}
    records = [json.loads(line) for line in (tmp_path / "parts.jsonl").read_text(encoding="utf-8").splitlines()]
    shares = [record["causal_parts"] for record in records if "causal_parts" in record]
    assert len(records) == 180
    assert len(shares) == found["records"]
    assert all(math.fsum(share.values()) == pytest.approx(1.0) for share in shares)
    printed = succeed(*command, cwd=tmp_path).out.splitlines()
    assert printed[: len(found["sources"])] == [f"{n}: {name}" for n, name in enumerate(found["sources"], 1)]
    rows = {line.split()[0]: line.split() for line in printed[len(found["sources"]) + 1 : -1]}
    assert rows.keys() == found["figures"].keys()
    assert hashes(finished.folder) == before


def test_a_target_that_the_data_do_not_have_is_refused(finished: Finished, tmp_path: Path) -> None:
    refuse("decompose", finished.folder, "--target", "weather", cwd=tmp_path, says=["weather"])
