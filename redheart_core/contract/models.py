"""Trained models that a package brings: what one declares."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs


@attrs.frozen
class NoSettings:
    """A model answers as it was trained; nothing can be set."""


@attrs.frozen
class ModelSpec:
    """A trained model in a package, loaded by its name and never trained further."""

    name: str
    meaning: str
    """One sentence: what it answers, in which languages."""
    folder: str
    """What redheart crossover made, as "package:NAME/FOLDER": files that the installed package NAME brings."""
    compares: bool = False
    """It says which of two acts people find less ethical (redheart decide), and is not the one that answers texts where
    no model is named."""
    minimum_core: str = "0.1"
    settings: ClassVar[type[Any]] = NoSettings
