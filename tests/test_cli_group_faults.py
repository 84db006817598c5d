"""At the front door: what one group alone cannot do costs the others nothing and is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import DATA, PLUGIN, PLUGINS, TRAINING, install, redheart, succeed

ONE_NETWORK = tuple(
    part for name in ("emotion_head", "regret_head", "backbone", "neural_surd") for part in ("--disable", name)
)
"""With PLUGINS, leaves neural_regret alone."""
SMALL = (*DATA, *PLUGINS, *ONE_NETWORK, *TRAINING, "--epochs", "1")
FUSSY = (
    PLUGIN.format(name="fussy")
    .replace("after: int = 5", "after: int = 10**9\n    fails_at: int = 0")
    .replace(
        "def objective(settings):\n",
        """def objective(context):
    def fussy(prediction, target, present):
        if len(prediction) == context.settings.fails_at:
            raise ValueError("not on these records")
        return float(prediction.mean())
""",
    )
    .replace("metrics=(", 'metrics=(Metric("fussy", "value", "regret", fussy, "min"), ')
)


@pytest.mark.slow
def test_a_metric_that_fails_on_the_test_split_ends_evaluate_and_run_with_3(tmp_path: Path) -> None:
    install(tmp_path, "fussy", FUSSY)
    succeed("data", "prepare", "-o", "run/store", *DATA, cwd=tmp_path)
    counts = json.loads((tmp_path / "run" / "store" / "index.json").read_text(encoding="utf-8"))["counts"]
    assert counts["test"] not in (counts["validation"], counts["calibration"])
    fussy = ("--enable", "fussy", "--set", f"fussy.fails_at={counts['test']}")
    ran = redheart("run", "-o", "run", *SMALL, *fussy, cwd=tmp_path, site=tmp_path)
    says = "plugin 'fussy' failed in metric 'fussy': ValueError: not on these records"
    assert ran.code == 3, ran.err
    assert says in ran.out
    answer = redheart("evaluate", "run/model", "--json", cwd=tmp_path, site=tmp_path)
    assert answer.code == 3, answer.err
    assert "Traceback" not in ran.err + answer.err
    assert list(answer.json()["stopped"]) == ["fussy"]
    assert says in answer.json()["stopped"]["fussy"]
    assert {table["metric"].split(".")[0] for table in answer.json()["tables"]} == {"neural_regret"}
    assert says in redheart("evaluate", "run/model", cwd=tmp_path, site=tmp_path).out


@pytest.mark.slow
def test_an_answer_that_rests_on_untrained_parts_has_a_warning_on_stderr_and_in_json(tmp_path: Path) -> None:
    one_chunk = ("--set", "data.chunk_chars=2000")
    succeed("train", "-o", "run", *SMALL, *one_chunk, cwd=tmp_path)
    succeed("crossover", "run", cwd=tmp_path)
    short = "I told my neighbour the truth about the fence. "
    fine = succeed("analyze", "run/model", short, "--json", cwd=tmp_path)
    assert [line for line in fine.err.splitlines() if "group" in line] == []
    assert {one["warning"] for one in (*fine.json()["answers"], *fine.json()["findings"])} == {""}
    long = short * 60
    answer = succeed("analyze", "run/model", long, "--json", cwd=tmp_path)
    (line,) = (line for line in answer.err.splitlines() if "group" in line)
    assert line.startswith("warning: group neural_regret was trained on texts of one chunk, and this text has several")
    assert line.endswith("give a text of at most 2000 characters, or train on longer ones")
    warning = {"neural_regret": line.removeprefix("warning: ")}
    assert {one["plugin"]: one["warning"] for one in answer.json()["answers"]} == warning
    assert {one["plugin"]: one["warning"] for one in answer.json()["findings"]} == warning
    page = succeed("analyze", "run/model", long, cwd=tmp_path)
    assert f"WARNING: {warning['neural_regret']}" in page.out.splitlines()
    assert page.err == ""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in (long, short))
    given = succeed("analyze", "run/model", "--jsonl", "-", given=lines.encode(), cwd=tmp_path).out
    found = [json.loads(one)["findings"][0]["warning"] for one in given.splitlines()]
    assert found == [warning["neural_regret"], ""]
