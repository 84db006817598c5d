"""Logs of a server: one JSON object a line, without texts."""

from __future__ import annotations

import traceback
from typing import TextIO

import structlog


def log_to(stream: TextIO) -> None:
    """From now on everything that the server logs goes there."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def log_failure(error: BaseException, request_id: str) -> None:
    """Where and why a request failed, without the message of the error and without values: both may hold a text."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger("redheart.server").error(
        "request failed", request_id=request_id, error=type(error).__name__, frames=frames
    )
