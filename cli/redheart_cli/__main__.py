"""The `redheart` command.

Signals that ask the process to end wait from the first line on until what handles them stands. What comes before, the
start of Python and the search for this module, is not ours.
"""

import gc
import os
import sys

if sys.platform != "win32":
    # the module of C, since importing signal takes long enough to be interrupted itself; it has no types
    import _signal  # type: ignore[import-not-found]

    _BEFORE = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM))

from redheart_cli.interruption import ending_in_order, listen  # only once signals wait


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, so that files and locks are left in order."""
    listen()
    if sys.platform != "win32":
        _signal.pthread_sigmask(_signal.SIG_SETMASK, _BEFORE)
    # read when torch is loaded; else its profiler prints lines whenever `redheart plan` measures
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with ending_in_order():
        from redheart_cli.main import cli
        from redheart_cli.streams import occupy_closed_streams

        occupy_closed_streams()
        try:
            cli(prog_name="redheart")
        finally:
            gc.freeze()  # else Python looks for cycles in all that is left, a third of a second if torch is


if __name__ == "__main__":
    main()
