"""A memory of cases in Python: kept by an SQLite file or a PostgreSQL database, off unless somebody opens one.

Examples:
    >>> import redheart
    >>> with redheart.memory.open("cases.db") as memory:  # doctest: +SKIP
    ...     memory.add("She returned the money that she had found.", labels={"votes.right": 5.0, "votes.wrong": 1.0})
    ...     memory.nearest("He returned the purse.", k=3)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs

from redheart.case_making import CaseMaker, refuse, sound
from redheart.choosing import choose
from redheart.crisis import CrisisError
from redheart.encoders import EncoderOfModel
from redheart.options import PluginChoice, Settings
from redheart.progress import make_display
from redheart_core.contract.errors import DataError
from redheart_core.memory.case import Case, Neighbour
from redheart_core.memory.cases import MOST_DAYS, Cases, MissingMemoryError, Retention, require_identity
from redheart_core.memory.filters import EVERY, Filter
from redheart_core.memory.opening import find_cases, open_cases
from redheart_core.memory.places import shown
from redheart_core.memory.vectors import Vector, text_vector
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart.crisis import Safety
    from redheart.models import Model
    from redheart_core.data.identity import EncoderIdentity
    from redheart_core.memory.evidence import Loaded
    from redheart_core.safety.help import Help

__all__ = ["Case", "Filter", "Memory", "Neighbour", "Retention", "Searched", "choose", "open"]


@attrs.frozen
class Searched:
    """What a memory says of a text."""

    help: Help | None
    """For the person who wrote it, if it has a sign of a crisis."""
    cases: list[Neighbour]
    """The nearest first; none where help stands alone."""


class Memory:
    """A memory of cases, and the model whose encoder turns texts into vectors. A with statement closes it."""

    def __init__(self, where: str | Path, model: str | Path | Model | None) -> None:
        """Use redheart.memory.open."""
        self.where = shown(where)
        self._where = where
        self._encoder = EncoderOfModel(model)
        self._vectors_are_named = model is not None
        self._cases = find_cases(where)
        self._maker = CaseMaker(self._encoder, model is not None, self._require_own)
        if self._cases is not None and model is not None:
            try:
                require_identity(self._cases.identity, self._encoder.identity, self.where)
            except BaseException:
                self._cases.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or connection."""
        if self._cases is not None:
            self._cases.close()

    def __len__(self) -> int:
        return 0 if self._cases is None else len(self._cases)

    @property
    def cases(self) -> Cases:
        """What keeps the cases.

        Raises:
            CaseMemoryError: There is no memory yet.
        """
        if self._cases is None:
            raise MissingMemoryError(self.where)
        return self._cases

    def add(
        self,
        given: str | Vector,
        *,
        id: str | None = None,
        labels: Mapping[str, float] | None = None,
        language: str | None = None,
        source: str | None = None,
        licence: str | None = None,
        time: datetime | None = None,
        keep_text: bool = False,
    ) -> str:
        """Add a case; the memory is made if there is none.

        Args:
            given: A text, or the vector of one by the encoder of the model that was named when the memory was opened.
            id: Made up if left out.
            labels: "FIELD.LABEL", or "FIELD", to its number; of votes how many chose the label.
            language: Detected in a text if left out.
            source: Who or what it is from.
            licence: SPDX expression.
            time: Now if left out.
            keep_text: Whether the text is kept beside its vector.

        Returns:
            The id.

        Raises:
            CrisisError: The text has a sign of a crisis, by its words or by all voters together: nothing of it is kept.
            DataError: The text is refused, or a value is wrong.
            CaseMemoryError: The memory is of another encoder, or cannot be written.
        """
        values = {"labels": labels or {}, "language": language, "source": source, "licence": licence, "time": time}
        case = self._maker.case(given, "text", keep_text, id, values)
        self._made(self._encoder.identity).add([case])
        return case.id

    def add_records(
        self, records: Iterable[tuple[str, Mapping[str, Any] | DataError]], *, keep_text: bool = False
    ) -> int:
        """Add a case for each record, all of them or none; returns how many.

        Args:
            records: Each with its place for messages: "text", and "id", "labels", "language", "source" and "licence" as
                for add; or why there is none. Lines that export wrote are taken as they are: the first one is then
                the head.
            keep_text: Whether their texts are kept; exported cases keep what they have.

        Raises:
            DataError: Records are wrong; names the first 20 and how many there are.
            CaseMemoryError: As add.
        """
        from redheart_core.memory.exchange import is_head, read_cases, read_head

        bad = BadRows()
        lines = sound(records, bad)
        where, first = next(lines, ("", {}))
        if is_head(first):
            identity = read_head(first, where)
            cases = []
            for place, case in read_cases(lines, identity.width):
                with bad.row():
                    if case.text is not None:
                        refuse(self._encoder.safety.read(case.text).by_any(case.vector[None], identity), place)
                    cases.append(case)
        else:
            cases = []
            for place, record in chain([(where, first)] if where else [], lines):
                with bad.row():
                    cases.append(self._maker.case_of(record, place, keep_text))
            identity = self._encoder.identity
        bad.check()
        if cases:
            self._made(identity).add(cases)
        return len(cases)

    def load(
        self,
        *,
        run: str | Path | None = None,
        data: str | None = None,
        keep_text: bool = False,
        settings: Settings | None = None,
        plugins: str | Path | None = None,
        progress: bool = True,
    ) -> Loaded:
        """Add the training split of a run or data set as evidence with its labels and licence; never another split.

        Records that are there already are passed over, so that one that was stopped goes on; and so are those with a
        sign of a crisis, of which nothing is kept.

        Args:
            run: Folder of a run, whose vectors are taken as they are.
            data: Name of a data set plugin; its texts get vectors of the model's encoder. One of the two.
            keep_text: Whether the texts are kept beside their vectors.
            settings: By "plugin.key", such as {"csv.path": "posts.csv"}.
            plugins: A plugins.toml.
            progress: Whether progress is shown on stderr.

        Raises:
            DataError: Not exactly one of run and data is given, or a record is wrong.
            CaseMemoryError: As add.
        """
        choice = PluginChoice.of(plugins, (), (), settings)
        return self.load_chosen(choice, None if run is None else find_path(run), data, keep_text, progress)

    def load_chosen(
        self, choice: PluginChoice, run: Path | None, data: str | None, keep_text: bool, progress: bool
    ) -> Loaded:
        """The same for a caller who has chosen plugins."""
        from redheart.evidence import training_store
        from redheart_core.memory.evidence import load_evidence

        if (run is None) == (data is None):
            raise DataError("give one of run and data: what is to be loaded")
        with make_display(progress) as display, training_store(run, data, self._encoder, choice, display) as store:
            cases = self._made(store.encoder_identity)
            identity, safety = store.encoder_identity, self._encoder.safety

            def has_sign(text: str, vectors: NDArray[np.float32]) -> bool:
                return safety.read(text).by_any(vectors, identity) is not None

            return load_evidence(cases, store, datetime.now(UTC), keep_text, has_sign, display.progress)

    def nearest(
        self, given: str | Vector, k: int = 10, chosen: Filter = EVERY, *, exact: bool = False
    ) -> list[Neighbour]:
        """The nearest cases, the nearest first.

        Args:
            given: A text, or a vector as for add. A text is not kept.
            k: At most so many, 1..1000.
            chosen: Cases that count; redheart.memory.choose makes it.
            exact: Compare with every case.

        Raises:
            CrisisError: The text has a sign of a crisis to which help alone is the answer.
            DataError: The text is refused, or a value is wrong.
            CaseMemoryError: There is no memory, or it is of another encoder.
        """
        if not isinstance(given, str):
            return self.cases.nearest(self._maker.vector(given, "text"), k, chosen, exact=exact)
        found = self.search(given, k, chosen, exact=exact)
        if found.help is not None and found.help.alone:
            raise CrisisError("text", found.help)
        return found.cases

    def search(
        self, text: str, k: int = 10, chosen: Filter = EVERY, *, exact: bool = False, safety: Safety | None = None
    ) -> Searched:
        """The nearest cases of a text behind help for its writer, by all voters; no case where help stands alone.

        Args:
            text: As for nearest.
            k: As for nearest.
            chosen: As for nearest.
            exact: As for nearest.
            safety: Whose helplines; those of the model if left out.

        Raises:
            DataError: As nearest.
            CaseMemoryError: As nearest.
        """
        read = (safety or self._encoder.safety).read(text)
        first = read.by_words()
        if first is not None and first.acute:
            return Searched(first, [])
        cases, vectors = self.cases, self._maker.encoded(text, "text")
        found = read.by_vectors(vectors, self._encoder.identity)
        if found is not None and found.alone:
            return Searched(found, [])
        return Searched(found, cases.nearest(text_vector(vectors), k, chosen, exact=exact))

    def delete(self, chosen: Filter, *, everything: bool = False) -> int:
        """Delete cases, so that the memory's files hold none of their bytes; returns how many.

        Args:
            chosen: Which; redheart.memory.choose makes it.
            everything: Has to be true to delete without a condition.

        Raises:
            DataError: There is no condition, and not everything is meant.
        """
        if not chosen and not everything:
            raise DataError("no case is chosen; give a condition, or everything=True (--all)")
        return self.cases.delete(chosen)

    def retain(self, *, days: float | None = None, cases: int | None = None) -> int:
        """Keep cases for so many days, and at most so many; None for no limit. Returns how many were deleted.

        What is beyond is deleted now, and whenever cases are added or the memory is opened.

        Raises:
            DataError: A limit is not above 0.
        """
        try:
            retention = Retention(days, cases)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"a retention needs more than 0 and at most {MOST_DAYS:,.0f} days, and at least 1 case: {error.args[0]}"
            ) from error
        return self.cases.retain(retention)

    def export(self, chosen: Filter = EVERY) -> Iterator[str]:
        """Cases as JSON lines behind a head, which add_records reads."""
        from redheart_core.memory.exchange import export_lines

        return export_lines(self.cases, chosen)

    def verify(self) -> int:
        """Read everything and compare it with its seals; returns the number of cases.

        Raises:
            CaseMemoryError: Something is damaged.
        """
        return self.cases.verify()

    def _require_own(self) -> None:
        """Refuse an encoder that is not that of the cases, before it is loaded."""
        if self._cases is not None:
            require_identity(self._cases.identity, self._encoder.identity, self.where)

    def _made(self, identity: EncoderIdentity) -> Cases:
        """The cases, of an encoder; made if there are none."""
        if self._vectors_are_named:
            require_identity(self._encoder.identity, identity, "the model that was named")
        if self._cases is None:
            self._cases = open_cases(self._where, identity)
        require_identity(self._cases.identity, identity, self.where)
        return self._cases


def open(where: str | Path, model: str | Path | Model | None = None) -> Memory:
    """Open a memory of cases; the first case that is added makes it where there is none.

    Args:
        where: A file, or the address of a PostgreSQL database, postgresql://USER@HOST/DATABASE.
        model: A model, its folder, or the name of an installed one: its encoder turns texts into vectors. The installed
            model if left out.

    Raises:
        CaseMemoryError: The memory is damaged, of another version or of another encoder, or what keeps it is not
            installed.
    """
    return Memory(where, model)
