"""The conformance kit: what every plugin has to satisfy, as checks, as a report and as pytest tests."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
