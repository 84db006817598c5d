"""Made-up cases, and both places that keep them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from postgres_server import Server

from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.cases import Cases
from redheart_core.memory.sqlite_cases import SqliteCases

WIDTH = 48
IDENTITY = EncoderIdentity((EncoderPart("made_up", "first", "00", WIDTH),), 200, "float32")
OTHER = EncoderIdentity((EncoderPart("another", "first", "11", WIDTH),), 200, "float32")
START = datetime(2026, 1, 1, tzinfo=UTC)
GRAPH_CASES = 256
"""Of the graphs of tests."""

Open = Callable[..., Cases]


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    """(N, WIDTH), in groups of about ten neighbours each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(1, count // 10), WIDTH))
    chosen = centres[random.integers(len(centres), size=count)]
    return (chosen + 0.5 * random.normal(size=(count, WIDTH))).astype(np.float32)


def made_up_cases(count: int, seed: int = 0, text: bool = True, **values: Any) -> list[Case]:
    """Cases one day apart: votes go up to 2, every third is Korean, every fifth from a diary."""
    return [
        make_case(
            f"{seed}-{number}",
            vector,
            WIDTH,
            **{
                "labels": {"votes.right": float(number % 3), "regret": number / count},
                "language": "ko" if number % 3 == 0 else "en",
                "source": "diary" if number % 5 == 0 else "posts",
                "licence": "CC-BY-4.0",
                "time": START + timedelta(days=number),
                "text": f"the text of case <{seed}-{number}>" if text else None,
                **values,
            },
        )
        for number, vector in enumerate(vectors(count, seed))
    ]


@contextlib.contextmanager
def in_file(folder: Path) -> Iterator[Open]:
    """Opens the memory in a file of a folder, any number of times."""
    with contextlib.ExitStack() as stack:

        def opened(identity: EncoderIdentity | None = IDENTITY) -> Cases:
            return stack.enter_context(SqliteCases(folder / "cases.db", identity, GRAPH_CASES))

        yield opened


@contextlib.contextmanager
def in_database(server: Server) -> Iterator[Open]:
    """Opens the memory in a new database, any number of times."""
    from redheart_core.memory.postgres_cases import PostgresCases

    with server.database() as address, contextlib.ExitStack() as stack:

        def opened(identity: EncoderIdentity | None = IDENTITY) -> Cases:
            return stack.enter_context(PostgresCases(address, identity))

        yield opened


def files_hold(folder: Path, wanted: bytes) -> bool:
    """Whether any file under a folder holds some bytes."""
    return any(wanted in path.read_bytes() for path in folder.rglob("*") if path.is_file())
