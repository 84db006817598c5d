"""docs/labelling.md, followed with a server of this machine in the place of the endpoint."""

from __future__ import annotations

import shlex
from contextlib import chdir
from pathlib import Path

import pytest
from fenced_blocks import commands, fenced_blocks
from front_door import succeed
from labelling_bench import KEY
from language_model import PATHS, LanguageModel, labels, said

from redheart_labelling.schema import LABELLED

FIELDS, ADDRESS = "emotion,regret", "http://127.0.0.1:8000/v1"
PAGE = Path(__file__).parents[1] / "docs" / "labelling.md"


def test_the_page_labels_its_texts(tmp_path: Path, quick_disk: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    done = []
    for block in fenced_blocks(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
            continue
        if block.language == "python":
            with LanguageModel(FIELDS, lambda r: said(r, labels(FIELDS, r.text))) as model, chdir(tmp_path):
                exec(block.text.replace(ADDRESS, model.url()), {})
            done.append("more_labels")
        for command in commands(block):
            words = shlex.split(command.line)
            if words[:3] == ["redheart", "data", "label"]:
                fields = words[words.index("--schema") + 1]
                answer = lambda r: said(r, labels(fields, r.text))  # noqa: B023, E731  # in this turn
                with chdir(tmp_path), LanguageModel(fields, answer) as model:
                    given = [model.url() if word == ADDRESS else word for word in words[1:]]
                    succeed(*given, cwd=tmp_path, more={"OPENAI_API_KEY": KEY})
                done.append(words[-1])
    assert done == ["labels", "fine_labels", "own_labels", "more_labels"]
    for name in done:
        lines = (tmp_path / name / "labels.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 3
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            "labels.jsonl", "plugins.toml", "summary.json", "journal.jsonl",
        }  # fmt: skip


def test_the_page_names_every_field_and_path() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"fields of the catalogue: {', '.join(LABELLED)}." in text
    assert all(path.removeprefix("/v1") in text for path in PATHS)
