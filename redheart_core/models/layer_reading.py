"""Texts as a model's layers see them, before and after they are answered, and what the layers say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from redheart_core.contract.layers import LayerTexts
from redheart_core.data.language import UNDETERMINED
from redheart_core.models.findings import Finding
from redheart_core.models.kinds import TextKind
from redheart_core.models.layer_answers import answers_of_texts
from redheart_core.models.limits import Reading
from redheart_core.models.model import Model
from redheart_core.models.text_inputs import ReadText


def texts_as_seen(model: Model, texts: Sequence[ReadText], counts: Any) -> LayerTexts:
    """Texts before they are answered.

    Args:
        model: The model.
        texts: That it could read.
        counts: Of the model's terms in each; None if it has none.
    """
    given = [one.given.text for one in texts]
    codes = [one.given.language.code or UNDETERMINED for one in texts]
    means = [torch.from_numpy(one.vectors).mean(0).numpy() for one in texts]
    known = np.full((len(texts), 2), np.nan) if model.terms is None else model.terms.known_of_counts(given, counts)
    return LayerTexts(given, codes, np.array(means, np.float32), known)


def with_answers(
    model: Model,
    seen: LayerTexts,
    rows: Sequence[int],
    texts: Sequence[ReadText],
    findings: Sequence[Sequence[Finding]],
    kinds: Sequence[TextKind],
) -> LayerTexts:
    """Some of these texts with what the model answers them.

    Args:
        model: The model.
        seen: The texts before they are answered.
        rows: Which of them.
        texts: The same as the model reads them.
        findings: On each.
        kinds: Of each.
    """
    codes = [seen.languages[row] for row in rows]
    names = [name for name in model.read_fields if not model.fields[name].text]
    return LayerTexts(
        [seen.texts[row] for row in rows],
        codes,
        seen.vectors[list(rows)],
        seen.known[list(rows)],
        answers_of_texts(model, findings, kinds),
        {name: torch.cat([one.fields[name] for one in texts]).double().numpy() for name in names},
    )


def read_layers(model: Model, seen: LayerTexts, *, limits: bool) -> list[tuple[Reading, ...]]:
    """What the limits of a model, or its layers that see answers, say of each text, in the order of the model."""
    layers = [layer for layer in model.limits if (layer.spec.kind == "limit") == limits]
    if not layers or not seen.texts:
        return [()] * len(seen.texts)
    return list(zip(*(layer.read(seen) for layer in layers), strict=True))
