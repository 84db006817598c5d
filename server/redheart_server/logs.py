"""Logs of a server: one JSON object a line, without texts."""

from __future__ import annotations

from typing import TextIO

import structlog


def log_to(stream: TextIO) -> None:
    """From now on everything that the server logs goes there."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
