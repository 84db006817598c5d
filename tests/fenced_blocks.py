"""The fenced blocks of a document, with what a comment above them says.

`<!-- file: NAME -->` is above the content of a file that a reader makes. `<!-- not run: REASON -->` is above a block
that a test cannot run: its commands are parsed, up to their first effect, and its Python is compiled. Servers come up
there too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
RUN = ("sh", "console", "python")
"""Languages of blocks that are run: commands, commands after `$ ` with their output, and Python."""
COMMENT = re.compile(r"<!-- (file|not run): (.+) -->")
OPENING = re.compile(r"```(.*)")
BRACES = re.compile(r"(\S*)\{(\S+?)\}(\S*)")


@attrs.frozen
class Block:
    """A fenced block."""

    where: str
    """Page and line, for messages."""
    language: str
    lines: tuple[str, ...]
    file: str = ""
    """Name of the file that it is the content of."""
    not_run: str = ""
    """Why it is parsed and not run."""

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


@attrs.frozen
class Command:
    """A line of a block, and the output below it; None where the block shows none."""

    line: str
    output: str | None = None


def fenced_blocks(path: Path) -> Iterator[Block]:
    """Every fenced block of a document, in order.

    Raises:
        ValueError: A block is not closed, or a comment stands above no block.
    """
    comment: re.Match[str] | None = None
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        where = f"{path.name}:{number}"
        opening = OPENING.fullmatch(line)
        if opening:
            inside = tuple(text for _, text in itertools.takewhile(lambda one: one[1] != "```", lines))
            said = {comment[1].replace(" ", "_"): comment[2]} if comment else {}
            yield Block(where, opening[1], inside, **said)
            comment = None
        elif comment:
            raise ValueError(f"{where}: the comment above belongs to a fenced block, which has to follow it directly")
        else:
            comment = COMMENT.fullmatch(line)


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block, one by one."""
    if block.language == "sh":
        for line in block.lines:
            yield from (Command(part) for part in line.split(" && "))
    else:
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            yield Command(line, output)


def expand_braces(word: str) -> list[str]:
    """What a shell makes of a word, `a{b,c}` giving ab and ac."""
    found = BRACES.fullmatch(word)
    return [f"{found[1]}{part}{found[3]}" for part in found[2].split(",")] if found else [word]
