"""The TypeScript client of docs/serving.md: generated from a real server's document, compiled, and run against it.

Needs node, and the packages that the page names in a folder that REDHEART_NODE_MODULES names:

    npm install --prefix DIR openapi-typescript@7.13 openapi-fetch@0.17 typescript@5.9 @types/node
    REDHEART_NODE_MODULES=DIR/node_modules pytest tests/test_server_typescript.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from fenced_blocks import fenced_blocks
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import loaded
from served_pages import serving

from redheart_server.access import Access
from redheart_server.keys import add_key

NODE, MODULES = shutil.which("node"), os.environ.get("REDHEART_NODE_MODULES")
PAGE = Path(__file__).parents[1] / "docs" / "serving.md"
TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
WISH = "I told my neighbour the truth about the fence, and now I want to die."
ACTS = ["I tell him the truth.", "I buy another fence."]
ALL = """
import createClient from "openapi-fetch";
import type { paths } from "./redheart.d.ts";

const redheart = createClient<paths>({ baseUrl: "ADDRESS", headers: { Authorization: `Bearer ${process.env.KEY}` } });
const one = await redheart.POST("/v1/analyze", { body: { text: "TEXT" } });
const several = await redheart.POST("/v1/analyze", { body: { texts: ["TEXT", { text: "WISH", language: "en" }] } });
const refused = await redheart.POST("/v1/analyze", { body: { text: "WISH", language: "no language" } });
const decided = await redheart.POST("/v1/decide", { body: { acts: ACTS } });
const runs = await redheart.GET("/v1/runs");
const run = await redheart.GET("/v1/runs/{name}", { params: { path: { name: "made_up" } } });
const losses = run.data?.status.groups.map((group) => group.epochs.map((epoch) => epoch.validation_loss));
console.log(JSON.stringify({
  one: one.data, several: several.data, help: refused.error?.help?.text, status: refused.response.status,
  decided: decided.data, runs: runs.data?.map((found) => found.name), losses,
}));
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None or MODULES is None, reason="needs node, and REDHEART_NODE_MODULES"),
]


@attrs.frozen
class Project:
    """A folder with the generated types, and the server that they are of."""

    folder: Path
    address: str
    key: str
    model: Any

    def compile(self, name: str, source: str) -> str:
        """What the compiler says against a source; nothing if nothing is wrong."""
        (self.folder / f"{name}.ts").write_text(source.replace("http://127.0.0.1:8080", self.address), encoding="utf-8")
        options = ("--strict", "--target", "es2022", "--module", "nodenext")
        return self._node("node_modules/typescript/bin/tsc", *options, f"{name}.ts").stdout

    def run(self, name: str) -> str:
        """What a compiled program prints."""
        found = self._node(f"{name}.js")
        assert found.returncode == 0, found.stderr
        return found.stdout

    def generate(self) -> None:
        """Write redheart.d.ts by what the server says of itself."""
        command = "node_modules/openapi-typescript/bin/cli.js"
        found = self._node(command, f"{self.address}/openapi.json", "-o", "redheart.d.ts")
        assert found.returncode == 0, found.stderr

    def _node(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert NODE is not None
        return subprocess.run(
            [NODE, *arguments], cwd=self.folder, env={**os.environ, "KEY": self.key}, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip


def numbers(analysis: Any) -> dict[tuple[str, str], float]:
    """What is found, which differs in its last digits by what is computed with it."""
    return {(found["field"], one["label"]): one["value"] for found in analysis["findings"] for one in found["values"]}


@pytest.fixture(scope="module")
def project(
    finished: Finished, write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("typescript")
    write_run(folder / "runs" / "made_up", {"waves": ("waves",)}, epochs=3)
    (folder / "package.json").write_text('{"type": "module"}')
    assert MODULES is not None
    (folder / "node_modules").symlink_to(Path(MODULES).resolve())
    key = add_key(folder / "keys.json", "me", ["analyze", "decide", "read"], 600)
    models = loaded(finished.model)
    with serving(models, access=Access(folder / "keys.json"), runs=folder / "runs") as address:
        (served,) = models.current.values()
        found = Project(folder, address, key, served.model)
        found.generate()
        yield found


def test_the_program_of_the_page_compiles_and_says_what_the_library_says(project: Project) -> None:
    (block,) = (block for block in fenced_blocks(PAGE) if block.file == "ask.ts")
    assert project.compile("ask", block.text) == ""
    answers = project.model.analyze("I am so angry that he lied to me again.").answers
    assert re.findall(r"\w+", project.run("ask")) == [answer.field for answer in answers]


def test_every_answer_is_that_of_the_library(project: Project) -> None:
    source = ALL.replace("ADDRESS", project.address).replace("TEXT", TEXT).replace("WISH", WISH)
    assert project.compile("all", source.replace("ACTS", json.dumps(ACTS))) == ""
    found = json.loads(project.run("all"))

    def said(text: str) -> Any:
        return json.loads(json.dumps(project.model.analyze(text).to_json()))

    assert found["one"] == said(TEXT)
    assert [one["help"] is None for one in found["several"]["analyses"]] == [True, False]
    assert numbers(found["several"]["analyses"][0]) == pytest.approx(numbers(said(TEXT)), abs=1e-5)
    assert found["status"] == 422
    assert found["help"]
    assert [act["text"] for act in found["decided"]["acts"]] == ACTS
    assert found["runs"] == ["made_up"]
    assert [len(losses) for losses in found["losses"]] == [3]


def test_the_compiler_refuses_what_the_document_does_not_have(project: Project) -> None:
    source = ALL.replace("ADDRESS", project.address).replace("ACTS", json.dumps(ACTS))
    assert "Type '{ sentence: string; }' is not assignable" in project.compile(
        "wrong", source.replace('{ text: "TEXT" }', '{ sentence: "a" }')
    )
    assert "Property 'loss' does not exist" in project.compile(
        "wrong", source.replace("epoch.validation_loss", "epoch.loss")
    )
    assert "wrong.ts(10," in project.compile("wrong", source.replace('GET("/v1/runs")', 'GET("/v1/nothing")'))
