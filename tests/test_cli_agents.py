"""Agents by the commands: one run from training to report, its resumption, and what is refused."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from front_door import flip_byte, hashes, install, redheart, refuse, succeed

from redheart.progress import LineDisplay
from redheart.runs import open_run
from redheart_core import EpochFinished
from redheart_core.agents.teams import read_team
from redheart_core.runs.episode import EPISODE
from redheart_core.runs.run import RunFolder
from redheart_multi_agent import redheart_provide_agents
from redheart_server.pages.run_routes import run_page

ARENA = """
from redheart_core import EnvironmentSpec, Scene, hookimpl
from toy_worlds import Meeting, ToySettings

def scene(meeting):
    return Scene({agent: (at, 0.0) for agent, at in meeting.places.items()}, ("place", "height"))

@hookimpl
def redheart_provide_environments():
    return [EnvironmentSpec("arena", "agents who want to be near each other", ToySettings, Meeting, scene)]
"""
CHOICE = ("--data", "arena", "--enable", "arena", "--enable", "multi_agent")
SMALL = (
    *("--scale", "tiny", "--epochs", "3", "--set", "training.threads=1", "--set", "training.batch_size=8"),
    *("--set", "agents.episodes=6", "--set", "agents.begin=12", "--set", "agents.evaluation_episodes=3"),
    *("--set", "agents.comparison_episodes=5"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install(folder, "arena", ARENA)
    return folder


@pytest.fixture(scope="module")
def made(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agents")
    succeed("run", *CHOICE, *SMALL, "-o", "run", cwd=folder, site=site)
    return folder


@pytest.mark.slow
def test_run_goes_from_training_to_report(made: Path, site: Path) -> None:
    run = made / "run"
    assert {path.name for path in (run / "groups").iterdir()} == {"agent_0", "agent_1"}
    training = RunFolder(run).read().training
    [learner] = redheart_provide_agents()
    assert training.batch_size == 8  # as given
    own = {key: getattr(training, key) for key in learner.training}
    assert own == {**learner.training, "batch_size": 8}
    page = (run / "report.html").read_text()
    assert "agent_1" in page
    assert "random actions" in page
    assert "Test episodes" in page
    episode = EPISODE.read(run / "episode.json")
    assert episode.points == ("agent_0", "agent_1")
    ends = [frame.places for frame in episode.frames]
    for places, frame in zip(ends[1:], episode.frames[1:], strict=True):
        middle = (places[0][0] + places[1][0]) / 2
        assert frame.rewards == pytest.approx([-abs(x - middle) for x, _ in places], abs=1e-6)
    assert f"Step {len(ends) - 1} of {len(ends) - 1}." in page
    accounts = json.loads((run / "audit.json").read_text())["accounts"]
    assert {one["state"] for one in accounts if "target" not in one["name"]} == {"trained"}
    assert {one["state"] for one in accounts if "target" in one["name"]} == {"frozen"}
    epochs = [line for line in map(json.loads, (run / "events.jsonl").read_text().splitlines()) if "metrics" in line]
    assert [line["agent_return"] for line in epochs] == [line["metrics"]["multi_agent.return"] for line in epochs]
    before = hashes(run / "groups")
    again = succeed("run", *CHOICE, *SMALL, "-o", "run", "--json", cwd=made, site=site).json()
    assert hashes(run / "groups") == before
    assert again["evaluation"]["readings"] == 1
    assert set(again["evaluation"]["teams"]) >= {"crossover", "random actions"}


@pytest.mark.slow
def test_a_team_is_linked_not_rewritten_and_played_anew(made: Path, site: Path) -> None:
    best = succeed("sweetspot", "run", "--json", cwd=made, site=site).json()["chosen"]
    shown = succeed("sweetspot", "run", cwd=made, site=site).out
    entry = next(one for one in RunFolder(made / "run").group("agent_1").read().epochs if one.epoch == best["agent_1"])
    [row] = [line.split() for line in shown.splitlines() if line.startswith("agent_1 ")][:1]
    assert (row[1], row[3]) == (str(best["agent_1"]), f"{-entry.validation_loss:.5f}")
    assert "loss" not in shown
    assert f"highest mean return, {-entry.validation_loss:.5f}" in shown
    found = succeed("crossover", "run", "-o", "other", "--epoch", "agent_1=1", "--json", cwd=made, site=site).json()
    assert found["teams"]["crossover"]["epochs"] == {**best, "agent_1": 1}
    run = RunFolder(made / "run")
    for group, member in read_team(made / "other").members.items():
        [entry] = [one for one in run.group(group).read().epochs if one.sha256 == member.sha256]
        linked, file = made / "other" / f"{group}.safetensors", run.group(group).path / entry.file
        assert linked.stat().st_ino == file.stat().st_ino
    tested = [succeed("evaluate", "other", "--json", cwd=made, site=site).json() for _ in range(2)]
    assert tested[1] == {**tested[0], "readings": tested[0]["readings"] + 1}
    shown = succeed("evaluate", "other", cwd=made, site=site).out
    assert "5 test episodes of arena" in shown
    refuse("crossover", "run", "-o", "other", cwd=made, site=site, says=["other exists already", "-o"])
    refuse("crossover", "run", "--epoch", "nobody=1", "-o", "x", cwd=made, site=site, says=["no group 'nobody'"])
    refuse("crossover", "run", "--epoch", "agent_0=9", "-o", "x", cwd=made, site=site, says=["epoch 9 of agent_0"])
    refuse("crossover", "run", "--compare", cwd=made, site=site, code=2, says=["--compare"])
    (made / "other" / "agent_0.safetensors").unlink()
    (made / "other" / "agent_0.safetensors").write_bytes(b"nothing")
    refuse("evaluate", "other", cwd=made, site=site, says=["agent_0.safetensors is damaged"])


def test_progress_says_what_an_agent_got(capsys: pytest.CaptureFixture[str]) -> None:
    display = LineDisplay()
    display.redheart_after_epoch(EpochFinished("agent_0", 1, 3, 0.5, 2.5, {}, 1e-3, 0.1, agent_return=-2.5))
    display.redheart_after_epoch(EpochFinished("backbone", 1, 3, 0.5, 2.5, {}, 1e-3, 0.1))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "agent_0: epoch 1/3, train 0.5000, return -2.5000, 0.1 s"
    assert "validation 2.5000" in second


def test_what_would_train_agents_apart_is_refused(site: Path, tmp_path: Path) -> None:
    where: dict[str, Any] = {"cwd": tmp_path, "site": site}
    for option in (("--only", "agent_0"), ("--memory", "1G")):
        refuse("train", *CHOICE, *SMALL, *option, **where, says=["agents learn among each other", option[0]])
    refuse("train", *CHOICE, "--encoder", "lsa", **where, says=["no texts", "--encoder"])
    refuse("train", "--data", "arena", "--enable", "multi_agent", **where, says=["--enable arena"])
    refuse("train", "--data", "arena", "--enable", "arena", **where, says=["how agents learn", "--enable"])
    refuse("run", *CHOICE, "--text", "hello", **where, code=2, says=["--text"])
    refuse("train", *CHOICE, "--set", "agents.episode=3", **where, says=["episode", "episodes"])
    refuse("train", *CHOICE, "--set", "agents.begin=0", **where, says=["begin"])
    refuse("train", *CHOICE, "--set", "training.interleave=epoch", **where, says=["[training] interleave", "no use"])
    two = ("--set", "training.mixture=0.5", "--set", "training.background_saving=true")
    refuse("train", *CHOICE, *two, **where, says=["[training] mixture, background_saving"])


@pytest.mark.slow
def test_a_sweep_of_agents_finds_rates_that_a_run_takes(site: Path, tmp_path: Path) -> None:
    where: dict[str, Any] = {"cwd": tmp_path, "site": site}
    asked = ("sweep", *CHOICE, *SMALL, "-o", "run", "--rates", "1e-3,1e-2", "--sweep-epochs", "1", "--seeds", "1")
    shown = succeed(*asked, **where).out
    assert shown.splitlines()[0].split() == ["mean", "return", "0.001", "0.01", "chosen", "within", "noise"]
    assert "2 short trainings of all agents, 1 epoch(s) each, of 1 seed(s)" in shown
    assert "loss" not in shown
    found = succeed(*asked, "--json", **where).json()
    assert found["environment"] == "arena"
    tables = tomllib.loads((tmp_path / "run" / "groups.toml").read_text())["groups"]
    assert tables == {name: {"learning_rate": rate} for name, rate in found["chosen"].items()}
    succeed("run", *CHOICE, *SMALL, "-o", "run", "--groups", "run/groups.toml", **where)
    groups = RunFolder(tmp_path / "run").read().groups
    assert {name: one.settings.learning_rate for name, one in groups.items()} == found["chosen"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Learning-rate sweep" in page
    assert "mixture" not in page
    refuse(*asked[:-2], "--seeds", "2", **where, says=["was begun with", "take another folder"])
    refuse(*asked, "--ray", "local", **where, code=2, says=["learn together"])
    refuse("auto", *CHOICE, **where, says=["of kind environment, not dataset", "redheart run, train and sweep"])


@pytest.mark.slow
def test_a_run_of_agents_is_no_run_on_texts(made: Path, site: Path) -> None:
    refuse("decompose", "run", "--target", "emotion", cwd=made, site=site, says=["a run of agents", "sweetspot"])
    refuse("train", *CHOICE, *SMALL, "-o", "run", cwd=made, site=site, says=["holds a run already", "--resume"])
    finished = succeed("train", "--resume", "-o", "run", "--json", cwd=made, site=site).json()
    assert finished == {"run": "run", "stopped": {}}
    shown = succeed("train", "--resume", "-o", "run", cwd=made, site=site).out
    entry = min(RunFolder(made / "run").group("agent_0").read().epochs, key=lambda one: one.validation_loss)
    assert f"{entry.epoch} ({-entry.validation_loss:.4f})" in shown
    assert "best return" in shown
    status = succeed("watch", "run", "--once", "--json", cwd=made, site=site).json()
    assert status["state"] == "finished"
    header, row, _ = succeed("watch", "run", "--once", cwd=made, site=site).out.splitlines()[-3:]
    assert header.split()[3:7] == ["train", "return", "best", "returns"]
    assert "validation_loss" not in json.dumps(status)
    newest, best = status["groups"][0]["epochs"][-1], status["groups"][0]["best"]
    entries = {one.epoch: one for one in RunFolder(made / "run").group("agent_0").read().epochs}
    assert {one["epoch"]: one["return"] for one in status["groups"][0]["epochs"]} == {
        epoch: -entry.validation_loss for epoch, entry in entries.items()
    }
    assert row.split()[4] == f"{newest['return']:.4f}"
    assert row.split()[5] == f"{best['return']:.4f}@{best['epoch']}"
    page = bytes(run_page("run", made / "run", "en").body).decode()
    assert f"{newest['return']:.4f}" in page
    assert "Mean return of agent_0 by epoch" in page
    assert "loss" not in page
    assert best["return"] == max(one["return"] for one in status["groups"][0]["epochs"])
    found = open_run(made / "run").select()
    [choice, _] = found.groups
    shown = found._repr_html_()
    assert "<th>return</th>" in shown
    assert f"<td>{-choice.best.validation_loss:.5f}</td>" in shown
    assert f"<td>{choice.common.validation_loss - choice.best.validation_loss:.5f}</td>" in shown
    assert "loss<" not in shown
    assert found.to_json()["groups"][0]["best"]["return"] == -choice.best.validation_loss
    assert "validation_loss" not in json.dumps(found.to_json())


@pytest.mark.slow
def test_every_file_of_a_run_and_of_a_team_is_verified_and_agents_are_not_repaired_one_by_one(
    made: Path, site: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    team = next(path.parent for path in run.glob("*/team.json"))
    for folder in (run, team):
        assert "0 damaged or missing" in succeed("verify", folder, cwd=tmp_path, site=site).out
    state = next((run / "agents").glob("state-*.safetensors"))
    for file in (state, run / "teams.json", team / "agent_0.safetensors", run / "groups/agent_1/manifest.json"):
        flip_byte(file)
        answer = redheart("verify", run, cwd=tmp_path, site=site)
        assert (answer.code, file.name in answer.out, "redheart repair" in answer.out) == (1, True, False), answer.out
        if file.parent.name == "agent_1":
            refuse("repair", run, "--yes", cwd=tmp_path, site=site, says=["agent_1", "agents only go on together"])
        flip_byte(file)
    assert "0 damaged or missing" in succeed("verify", run, cwd=tmp_path, site=site).out
    refuse("push", run, (tmp_path / "there").as_uri(), cwd=tmp_path, site=site, says=["is a run of agents", "copy"])
    refuse("analyze", team, "some words", cwd=tmp_path, site=site, says=["holds a team of agents", "redheart evaluate"])
