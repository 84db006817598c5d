"""Episodes as tests record them: two agents and a landmark on known ways."""

from __future__ import annotations

from redheart_core.runs.episode import Episode, Frame


def recorded_episode(steps: int = 4, said: bool = True) -> Episode:
    return Episode(
        environment="toy <world>",
        seed=3,
        axes=("valence", "arousal"),
        points=("ann", "ben & co", "landmark 0"),
        agents=2,
        frames=tuple(
            Frame(
                places=((step / steps, 0.0), (0.0, -step / steps), (0.5, 0.5)),
                rewards=(0.0, 0.0) if step == 0 else (1.0, -0.5),
                said=f"moment <{step}>" if said else "",
            )
            for step in range(steps + 1)
        ),
    )
