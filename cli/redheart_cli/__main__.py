"""The `redheart` command."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, so that files and locks are left in order."""
    try:
        from redheart_cli.main import RECEIVED, cli
        from redheart_cli.streams import occupy_closed_streams

        def end(number: int, frame: FrameType | None) -> None:
            RECEIVED.append(number)
            raise KeyboardInterrupt

        occupy_closed_streams()
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        cli(prog_name="redheart")
    except KeyboardInterrupt:
        print("interrupted; nothing was begun", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
