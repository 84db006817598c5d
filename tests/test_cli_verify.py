"""redheart verify names every damaged file; redheart repair lets the damaged groups begin again, to the same bits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from front_door import GROUPS, Finished, flip_byte, hashes, redheart, succeed

KINDS = {
    "epoch": f"groups/{GROUPS[1]}/epoch-0002.safetensors",
    "losses": f"groups/{GROUPS[1]}/losses-0001.safetensors",
    "state": f"groups/{GROUPS[0]}/state-0003.safetensors",
    "manifest of a group": f"groups/{GROUPS[1]}/manifest.json",
    "run": "run.json",
    "events": "events.jsonl",
    "account": "audit.json",
    "choice": "sweetspot.json",
    "evaluation": "evaluation.json",
    "references": "references.json",
    "readings": "test_reads.jsonl",
    "store": "store/index.json",
    "records": "store/records.jsonl",
    "manifest of a model": "model/manifest.json",
    "weights of a model": f"model/groups/{GROUPS[1]}.safetensors",
}


@pytest.mark.slow
def test_a_whole_run_and_its_model_are_as_recorded(finished: Finished, tmp_path: Path) -> None:
    answer = succeed("verify", finished.folder, cwd=tmp_path)
    assert re.search(r": \d\d+ files as recorded, 0 damaged or missing", answer.out)
    assert succeed("verify", finished.model, "--json", cwd=tmp_path).json()["damaged"] == []
    store = succeed("verify", finished.store, "--json", cwd=tmp_path).json()
    assert (store["damaged"], store["files"] > 5) == ([], True)


@pytest.mark.slow
def test_a_flipped_bit_and_a_missing_file_of_every_kind_are_named(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    for kind, name in KINDS.items():
        file = run / name
        data = file.read_bytes()
        flip_byte(file)
        answer = redheart("verify", "run", "--json", cwd=tmp_path)
        assert answer.code == 1, kind
        assert any(Path(name).name in line or name.split("/")[0] in line for line in answer.json()["damaged"]), kind
        expected = {name.split("/")[1]} if name.startswith("groups/") else set()
        assert expected <= set(answer.json()["groups"]), kind
        file.write_bytes(data)
    assert redheart("verify", "run", cwd=tmp_path).code == 0
    flip_byte(run / "store" / "records.jsonl")
    assert redheart("verify", "run/store", cwd=tmp_path).code == 1
    flip_byte(run / "store" / "records.jsonl")
    (run / KINDS["epoch"]).unlink()
    assert redheart("verify", "run", cwd=tmp_path).code == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["epoch", "manifest of a group"])
def test_a_repaired_group_is_trained_to_the_same_bits_and_nothing_is_lost(
    finished: Finished, tmp_path: Path, kind: str
) -> None:
    run, group = finished.copy(tmp_path), KINDS[kind].split("/")[1]
    whole = hashes(run / "groups")
    flip_byte(run / KINDS[kind])
    before = hashes(run / "groups" / group)
    assert redheart("repair", "run", cwd=tmp_path, given=b"n\n").code == 1
    assert (run / "groups" / group).exists()
    assert f"{group} begins again" in succeed("repair", "run", "--yes", cwd=tmp_path).out
    assert hashes(run / "damaged" / f"{group}-1") == before
    others = {name: digest for name, digest in whole.items() if not name.startswith(f"{group}/")}
    assert hashes(run / "groups") == others
    succeed("train", "--resume", "-o", "run", cwd=tmp_path)
    assert hashes(run / "groups") == whole
    assert redheart("verify", "run", cwd=tmp_path).code == 0
    assert "no group is damaged" in redheart("repair", "run", cwd=tmp_path).out
