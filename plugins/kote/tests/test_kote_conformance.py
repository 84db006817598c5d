"""The contract of plugins, kept by kote on small files."""

from __future__ import annotations

from pathlib import Path

from redheart_core.testing import conformance_tests


def both_parts(folder: Path) -> dict[str, object]:
    for start, part in enumerate(("train", "val")):
        (folder / f"{part}.tsv").write_text(f"{start}1\t정말 좋아요.\t1,40\n{start}2\t글쎄요.\t24\n", encoding="utf-8")
    return {"path": str(folder)}


test_conformance = conformance_tests("kote", settings=both_parts)
