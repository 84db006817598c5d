"""Acts side by side: exact figures of what a user gives, what models say of the words, and an order with its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from redheart.decision import ActFigures, CrowdVerdict, Decision, Measured
from redheart.dilemma import LAYERS, Act, Complaint, Dilemma, DilemmaError, read_dilemma
from redheart.ranking import rank
from redheart_core.contract.errors import DataError
from redheart_core.data.language import Language, language_name
from redheart_core.exact import choice, regret
from redheart_core.exact.hedonic import (
    EXTERNAL_COST_WEIGHT,
    REDISTRIBUTION_WEIGHT,
    SELF_DAMAGE_WEIGHT,
    Lots,
    context_factor,
    lot_value,
    net_and_gross,
    with_side_effects,
)
from redheart_core.safety.help import help_for_texts, most_urgent

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.models import Model
    from redheart_core.safety.help import Help

PREFERENCES = "less_ethical"
"""The field that a model of preferences answers."""
BETWEEN = "\n\n"
"""Between a situation and an act, and between two acts, in one text."""
IN_FORM = re.compile(r"\W*(?:(?:not|never)\s+)?\w+ing\b", re.IGNORECASE)
"""How acts begin in the published dilemmas: "telling", "not telling"."""


def decide_with(model: Model, preferences: Model | None, given: Sequence[str] | Mapping[str, Any]) -> Decision:
    """Compare the acts of a dilemma.

    Args:
        model: Says what the words of each act tell.
        preferences: Says which of two acts people find less ethical; None if no such model is installed.
        given: As read_dilemma.

    Raises:
        DataError: The dilemma is not whole, or a text cannot be analyzed.
    """
    dilemma = read_dilemma(given)
    found = help_for_dilemma(model, dilemma)
    if found is not None and found.acute:
        return Decision(dilemma, found)
    analyses = tuple(_analyze(model, dilemma, number) for number in range(len(dilemma.acts)))
    found = most_urgent([one.help for one in analyses])  # by the vectors too, which may take back what words show
    if found is not None and found.alone:
        return Decision(dilemma, found)
    crowd, silence = _crowd(preferences, dilemma)
    figures = act_figures(dilemma)
    ranking = rank(dilemma, figures, crowd)
    return Decision(dilemma, found, figures, analyses, crowd, silence, ranking)


def help_for_dilemma(model: Model, dilemma: Dilemma) -> Help | None:
    """Help for the person who wrote it; the situation and all acts are read."""
    texts = [text for text in (dilemma.situation, *(act.text for act in dilemma.acts)) if text]
    return help_for_texts(texts, model.safety.country, model.safety.added)


def _analyze(model: Model, dilemma: Dilemma, number: int) -> Analysis:
    """What the model says of an act in its situation."""
    text = BETWEEN.join(part for part in (dilemma.situation, dilemma.acts[number].text) if part)
    return model.analyze_record(text, f"act {number + 1}", dilemma.language)


def act_figures(dilemma: Dilemma) -> tuple[ActFigures, ...]:
    """The exact figures of every act, as far as payoffs and lots are given."""
    figures = [ActFigures() for _ in dilemma.acts]
    if dilemma.states:
        figures = [attrs.evolve(one, **found) for one, found in zip(figures, _payoff_figures(dilemma), strict=True)]
    if dilemma.acts[0].lots is not None:
        figures = [
            attrs.evolve(one, **_figures_of_lots(dilemma, number, one.views is None))
            for number, one in enumerate(figures)
        ]
    return tuple(figures)


def _payoff_figures(dilemma: Dilemma) -> list[dict[str, Any]]:
    """Utility, regrets and views out of the table of payoffs."""
    table = np.array([act.payoffs for act in dilemma.acts])
    matrix = regret.regret_matrix(table)
    found: list[dict[str, Any]] = [
        {"regret": tuple(row.tolist()), "largest_regret": float(row.max())} for row in matrix
    ]
    if dilemma.probabilities is None:
        return [{**one, "views": (max(row), None, min(row))} for one, row in zip(found, table.tolist(), strict=True)]
    chances = np.array(dilemma.probabilities)
    decision = regret.decide(table, chances)
    views, counterfactual = choice.quantiles(table, chances), choice.counterfactual_regret(table, chances)
    return [
        {
            **one,
            "expected_utility": float(decision.expected_utility[act]),
            "expected_regret": float(decision.expected_regret[act]),
            "counterfactual_regret": tuple(counterfactual[act].tolist()),
            "views": tuple(views[act].tolist()),
        }
        for act, one in enumerate(found)
    ]


def _figures_of_lots(dilemma: Dilemma, number: int, with_views: bool) -> dict[str, Any]:
    """Of the act of a number, which an error names."""
    try:
        return _lot_figures(dilemma, dilemma.acts[number], with_views)
    except DataError as error:
        message = f"act {number + 1}: {error}"
        raise DilemmaError(message, [Complaint(f"/acts/{number}/lots", message)]) from error


def _lot_figures(dilemma: Dilemma, act: Act, with_views: bool) -> dict[str, Any]:
    """Value by the hedonic calculus, harm to each person, and views where there are none of payoffs."""
    assert act.lots is not None
    lots = _lots(act) if act.lots else None
    net, gross = net_and_gross(lots) if lots is not None else (0.0, 0.0)
    weights = (EXTERNAL_COST_WEIGHT, REDISTRIBUTION_WEIGHT, SELF_DAMAGE_WEIGHT)
    burdens = (act.external_cost, act.redistribution, act.self_damage)
    burdened = with_side_effects(net, gross, *burdens, weights)
    context = float(context_factor([act.layers.get(layer, 1.0) for layer in LAYERS]))
    worth = np.zeros(0) if lots is None else lots.persons * lot_value(lots)
    felt = [(lot.person, min(0.0, value)) for lot, value in zip(act.lots, worth.tolist(), strict=True)]
    harm = {one.name: 0.0 - sum(value for person, value in felt if person == one.name) for one in dilemma.persons}
    found: dict[str, Any] = {
        "hedonic_value": float(context * burdened),
        "net": float(net),
        "gross": float(gross),
        "burdens": float(burdened - net),
        "context": context,
        "lot_values": tuple(worth.tolist()),
        "harm": harm,
    }
    if with_views:
        certainty = np.ones(0) if lots is None else np.broadcast_to(lots.certainty, worth.shape)
        possible = np.divide(worth, certainty, out=np.zeros_like(worth), where=certainty > 0)
        sums, chances = choice.sum_of_chances(possible, certainty)
        shifted = context * (sums + float(burdened - net))
        found["views"] = tuple(choice.quantiles(shifted, chances).tolist())
    return found


def _lots(act: Act) -> Lots:
    names = [field.name for field in attrs.fields(Lots)]
    return Lots(**{name: [getattr(lot, name) for lot in act.lots or ()] for name in names})


def _crowd(preferences: Model | None, dilemma: Dilemma) -> tuple[CrowdVerdict | None, str]:
    """What people would say of every pair of acts; or why it is not known."""
    if preferences is None:
        return None, (
            "no model of preferences is installed, so that nothing is said of what people find less ethical; train one "
            "with the plugin preference, and name it with --preferences"
        )
    texts = [act.text for act in dilemma.acts]
    blame = [0.0]
    for text in texts[1:]:
        record = {"text": text + BETWEEN + texts[0], "first_act": text, "second_act": texts[0]}
        found = preferences.analyze_record(record, "the acts", dilemma.language)
        answered = [answer for answer in found.answers if answer.field == PREFERENCES]
        if not answered:
            reasons = _other_language(preferences, found.language) or [
                one.reason for one in found.abstentions if one.field == PREFERENCES
            ]
            reason = "; ".join(reasons) or "the model gives none"
            return None, f"the crowd's verdict is not known: {reason}{better_said(texts, found.language)}"
        chance = next(value.value for value in answered[0].values if value.label == "first")
        blame.append(float(np.log(chance) - np.log1p(-chance)))
    centred = np.array(blame) - np.mean(blame)
    worse = 1.0 / (1.0 + np.exp(centred[None, :] - centred[:, None]))
    return CrowdVerdict(
        tuple(centred.tolist()),
        tuple(map(tuple, worse.tolist())),
        tuple(choice.luce_shares(centred).tolist()),
        preferences.title,
        _measured(preferences),
    ), ""


def better_said(texts: Sequence[str], language: Language) -> str:
    """Advice on the form of English acts for a model of the published dilemmas; empty if all are in it."""
    if language.code != "en" or all(IN_FORM.match(text) for text in texts):
        return ""
    return "; write each act in the -ing form, as 'telling my boss that the numbers are wrong'"


def _other_language(preferences: Model, language: Language) -> list[str]:
    """That the acts are in a language in which people's preferences are not known, which explains all else."""
    spoken = preferences.assembled.languages
    if language.code is None or not spoken or language.code in spoken:
        return []
    names = " and ".join(language_name(code) for code in spoken)
    return [f"{preferences.title} was measured on {names} acts alone, and these are {language}"]


def _measured(preferences: Model) -> Measured | None:
    """What the manifest of the model says of its comparisons on test records."""
    groups = preferences.assembled.manifest.groups.values()
    found = {one.metric: one for group in groups for one in group.measured if one.field == PREFERENCES}
    if not {"accuracy", "calibration_error"} <= found.keys():
        return None
    return Measured(found["accuracy"].records, found["accuracy"].value, found["calibration_error"].value)
