"""Errors that are meant for the user and printed without a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class RedheartError(Exception):
    """Something the user can fix; the message says what, where and how."""


class SettingsError(RedheartError, ValueError):
    """A settings table is wrong; the message holds every complaint at once."""


class MissingResourceError(SettingsError):
    """Files or a library outside of redheart that a module is built from are not there; NodeSpec.resources raises it.

    The message says how to get them. Nothing can be trained then; in a model the groups that need them abstain.
    """


class PluginError(RedheartError, LookupError):
    """A plugin is missing, broken, duplicated or breaks its contract."""


class DataError(RedheartError, ValueError):
    """A record, a field or a text is not what it has to be."""


class UndefinedError(DataError):
    """A metric has no value on these records, such as a correlation with a constant; it is shown as missing."""


class StoreError(RedheartError, ValueError):
    """An embedding store is missing, unfinished, damaged or of another encoder."""


class CheckpointError(RedheartError, ValueError):
    """A run or model file is missing, damaged or does not belong here."""


class CaseMemoryError(RedheartError, ValueError):
    """A memory of cases is missing, damaged, in use, of another version or of another encoder."""


class ShapeError(RedheartError, ValueError):
    """A tensor has another shape, dtype or device than declared."""


class AuditError(RedheartError, ValueError):
    """A parameter is in no optimizer or gets no gradient."""


def join_complaints(title: str, complaints: list[str]) -> str:
    """One message out of many complaints, each on its own line."""
    return "\n".join([title, *(f"  - {complaint}" for complaint in complaints)])


def disabling(names: Iterable[str]) -> str:
    """The options that leave plugins out."""
    return " ".join(f"--disable {name}" for name in names)
