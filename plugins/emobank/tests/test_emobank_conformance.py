"""The contract of plugins, kept by emobank on a small file."""

from __future__ import annotations

from pathlib import Path

from redheart_core.testing import conformance_tests


def small_file(folder: Path) -> dict[str, object]:
    lines = ("id,split,V,A,D,text", "a,train,3.0,2.5,3.2,I left.", 'b,dev,4.0,3,3,"Well, I stayed."')
    (folder / "emobank.csv").write_text("\n".join(lines), encoding="utf-8")
    return {"path": str(folder)}


test_conformance = conformance_tests("emobank", settings=small_file)
