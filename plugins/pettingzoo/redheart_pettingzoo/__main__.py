"""`python -m redheart_pettingzoo FILE`: play an episode again in which an environment failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from redheart_core import RedheartError
from redheart_pettingzoo.opening import make
from redheart_pettingzoo.settings import PettingZooSettings


def main(arguments: list[str]) -> int:
    """0 if the episode passes, 1 if it fails again, 2 if it cannot be read."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("expected one file that the setting failures of [plugins.pettingzoo] has named", file=sys.stderr)
        return 2
    kept = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    settings = PettingZooSettings(
        module=kept["module"], arguments=kept["arguments"], discrete=kept["discrete"], ended=kept["ended"]
    )
    try:
        environment = make(settings)
        environment.reset(seed=kept["seed"])
        for actions in kept["actions"]:
            environment.step({agent: np.array(action, np.float32) for agent, action in actions.items()})
    except RedheartError as error:
        print(error)
        return 1
    print(f"{len(kept['actions'])} steps passed; the failure did not come again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
