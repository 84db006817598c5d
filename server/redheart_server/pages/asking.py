"""What the page sends is answered here: the same as /v1/analyze and /v1/decide, in words of the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import attrs
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from redheart.analyzing import Refused, analyze_records, read_record
from redheart.deciding import decide_with
from redheart.reasons import Explanation, explain_analysis
from redheart.threads import keeping_threads
from redheart_core.contract.errors import DataError
from redheart_server.access import needs
from redheart_server.bodies import as_record, read_object
from redheart_server.pages.analysis_view import (
    answer_views,
    elsewhere_notes,
    narrowed_notes,
    open_tasks,
    range_notes,
    usual_tasks,
)
from redheart_server.pages.decision_view import decision_view
from redheart_server.pages.notes_view import context_notes, language_line, silence_views, warning_notes
from redheart_server.pages.reasons_view import reason_views
from redheart_server.pages.rendering import render
from redheart_server.pages.words import words
from redheart_server.problems import ProblemError
from redheart_server.served import Item, OfModel, Said, undecided
from redheart_server.state import State

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.decision import Decision
    from redheart.models import Model as Loaded

Lang = Annotated[Literal["en", "ko"], Query()]
Country = Annotated[str, Query(pattern="^([A-Za-z]{2})?$")]
Model = Annotated[str, Query()]


@attrs.frozen
class Explaining(OfModel):
    """Analyzes records, with reasons if they are wanted."""

    country: str
    """Whose helplines are given; "" for the server's own choice."""
    reasons: bool

    def __call__(self, items: Sequence[Item]) -> list[Explanation | str]:
        """What the model says of each record, or why it is refused."""
        model = _of_country(self.served.model, self.country)
        found = analyze_records(model, items)
        return [self._explained(model, item, one) for item, one in zip(items, found, strict=True)]

    def _explained(self, model: Loaded, item: Item, found: Analysis | Refused) -> Explanation | str:
        if isinstance(found, Refused):
            return str(found.error)
        if not self.reasons or (found.help is not None and found.help.alone):
            return Explanation(found, ())
        where, record = item
        with keeping_threads(model.assembled.manifest.training.threads):
            return explain_analysis(model, found, read_record(model, record, where, None))


@attrs.frozen
class Comparing(OfModel):
    """Compares the acts of dilemmas."""

    country: str

    def __call__(self, items: Sequence[Mapping[str, Any]]) -> list[Decision | Said]:
        """A decision for each dilemma, or why there is none."""
        model = _of_country(self.served.model, self.country)
        return [_decide(model, self.served.preferences, given) for given in items]


def _decide(model: Loaded, preferences: Loaded | None, given: Mapping[str, Any]) -> Decision | Said:
    try:
        return decide_with(model, preferences, given)
    except DataError as error:
        return undecided(error)


def asking_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)

    @router.post("/v1/analyze/page", dependencies=[needs(state.access, "analyze")])
    async def analyze(
        request: Request,
        lang: Lang = "en",
        country: Country = "",
        model: Model = "",
        reasons: bool = True,
        details: bool = False,
    ) -> Response:
        """One record, as /v1/analyze takes it."""
        served = state.served(model or None)
        record = as_record(await read_object(request), served.model)
        answer = Explaining(served, country.upper(), reasons)
        (found,) = await state.answer(request, answer, [("text", record)])
        if isinstance(found, str):
            raise ProblemError(422, found)
        return analysis_page(found, lang, details)

    @router.post("/v1/decide/page", dependencies=[needs(state.access, "decide")])
    async def decide(request: Request, lang: Lang = "en", country: Country = "", model: Model = "") -> Response:
        """One dilemma, as /v1/decide takes it."""
        served = state.served(model or None)
        given = await read_object(request)
        (found,) = await state.answer(request, Comparing(served, country.upper()), [given])
        if isinstance(found, Said):
            raise found.problem()
        return render("decision.html.j2", lang, decision=found, **decision_view(found, words(lang)))

    return router


def analysis_page(found: Explanation, lang: str, details: bool) -> Response:
    """An analysis with its reasons, as a part of a page."""
    analysis, say = found.analysis, words(lang)
    return render(
        "analysis.html.j2",
        lang,
        details=details,
        alone=analysis.help is not None and analysis.help.alone,
        analysis=analysis,
        language=language_line(analysis.language, say),
        warnings=list(warning_notes(analysis, say)),
        silences=list(silence_views(analysis, say)),
        context=list(context_notes(analysis, say)),
        answers=answer_views(analysis, say),
        usual=usual_tasks(analysis, say),
        left_open=open_tasks(analysis, say),
        narrowed=list(narrowed_notes(analysis, say)),
        elsewhere=list(elsewhere_notes(analysis, say)),
        ranges=list(range_notes(analysis, say)),
        reasons=list(reason_views(found, say)),
    )


def _of_country(model: Loaded, country: str) -> Loaded:
    """The model, with the helplines of a country."""
    return attrs.evolve(model, safety=attrs.evolve(model.safety, country=country)) if country else model
