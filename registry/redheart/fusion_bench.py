"""What each group of a finished run adds to its fusion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import Session, open_session

if TYPE_CHECKING:
    from redheart_core.evaluation.additions import Addition


def measure_fusion(finished: Path, choice: PluginChoice, display: Display) -> list[Addition]:
    """Leave each group of a run out of its fusion in turn; nothing is trained anew.

    Args:
        finished: The run.
        choice: Plugins that listen.
        display: Shows progress.

    Raises:
        DataError: No fusion is finished in the run.
        CheckpointError: There is no run, or a file of it is damaged.
    """
    return additions_of(open_session(finished, choice, display), display)


def additions_of(session: Session, display: Display) -> list[Addition]:
    """The same of an open run."""
    from redheart_core.evaluation.additions import measure_additions
    from redheart_core.models.finished import finished_part, unfinished_groups

    context = finished_part(session.context, unfinished_groups(session.run, session.context))
    return measure_additions(session.run, context, display.progress)
