"""The report of a run: one HTML file with everything in it, made without torch."""

from redheart_core.report.page import write_report

__all__ = ["write_report"]
