"""Labelling in tests: texts in a file, a quick transport, and a server of this machine."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from language_model import LanguageModel

from redheart_core.storage.sealed import read_sealed_lines
from redheart_labelling.endpoint import Protocol, read_endpoint
from redheart_labelling.label import label_file
from redheart_labelling.schema_option import read_schema
from redheart_labelling.settings import Effort, Question, Transport
from redheart_labelling.summary import Summary

KEY = "sk-this-is-secret"
QUICK = Transport(pause_s=0.001, longest_pause_s=0.01, timeout_s=20.0, retries=3)
ONCE = Effort(relabel=0.0)
PROTOCOLS: tuple[Protocol, ...] = ("openai", "anthropic")


def texts(count: int) -> list[str]:
    """Different ones, some of them in Korean."""
    return [f"오늘 편지 {n}통을 태웠다." if n % 4 == 3 else f"I wrote letter {n} and burnt it." for n in range(count)]


def write_texts(folder: Path, lines: Sequence[str]) -> Path:
    """A .txt with one text a line."""
    path = folder / "posts.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@attrs.frozen
class Bench:
    """Labels texts in a folder; keys are in the environment."""

    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "labels"

    def label(
        self,
        model: LanguageModel,
        lines: Sequence[str],
        fields: str = "emotion,regret",
        protocol: Protocol = "openai",
        *,
        question: dict[str, Any] | None = None,
        **more: Any,
    ) -> Summary:
        """Run a labelling to its end."""
        endpoint = read_endpoint(model.url(protocol), protocol)
        asked = Question(read_schema(fields), endpoint, "made-up", **(question or {}))
        given = {"effort": ONCE, "transport": QUICK, **more}
        return label_file(write_texts(self.folder, lines), self.output, asked, **given)

    def records(self) -> list[dict[str, Any]]:
        """The lines of the data set, by their seals whole."""
        return read_sealed_lines(self.output / "labels.jsonl", "")

    def journal(self, *kinds: str) -> list[dict[str, Any]]:
        """The lines of the journal of some kinds."""
        return [line for line in read_sealed_lines(self.output / "journal.jsonl", "") if line["line"] in kinds]

    def summary(self) -> Any:
        return json.loads((self.output / "summary.json").read_text(encoding="utf-8"))


@cache
def _certificates() -> ssl.SSLContext:
    """Those of this machine, read once: a client reads them each time, and nothing is encrypted here."""
    import httpcore2

    return httpcore2.default_ssl_context()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_disk: None) -> Bench:
    """A folder, and keys in the environment."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    certificates = _certificates()
    monkeypatch.setattr("httpcore2.default_ssl_context", lambda **_: certificates)
    return Bench(tmp_path)
