"""An episode as an animation that needs no script: CSS moves the points, and one radio button per step stops them.

The buttons work by mouse and by the arrow keys; nothing moves before the reader asks for it (WCAG 2.2, 2.2.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from redheart_core.report.words import number
from redheart_core.runs.episode import Episode

MOST_FRAMES = 101
"""Of a replay; of a longer episode it shows the beginning."""
COLORS = ("--validation", "--best", "--one-se", "--common")
"""Of agents in turn; they are numbered as well."""
SIZE, MARGIN = 400.0, 46.0
SILENT_S, SAID_S = 0.3, 1.5
"""How long a step is shown, without and with words to read."""


def replay(episode: Episode, key: str) -> Markup:
    """The replay of an episode as HTML.

    Args:
        episode: What is shown.
        key: Of letters, digits and hyphens; another one for each replay of a page.
    """
    frames = episode.frames[:MOST_FRAMES]
    reach = 1.05 * max(1.0, *(abs(value) for frame in frames for place in frame.places for value in place))
    courses = [[_at(frame.places[point], reach) for frame in frames] for point in range(len(episode.points))]
    return Markup(
        '<div class="replay" id="{key}">{style}{controls}<figure>{drawing}</figure>{said}{legend}</div>'
    ).format(
        key=key,
        style=_style(key, courses, SAID_S if any(frame.said for frame in frames) else SILENT_S),
        controls=_controls(episode, key, len(frames)),
        drawing=_drawing(episode, courses, reach, len(frames)),
        said=_said(episode, len(frames)),
        legend=_legend(episode),
    )


def _at(place: tuple[float, float], reach: float) -> tuple[float, float]:
    """Pixels from the upper left corner; both axes have the same scale."""
    half = SIZE / 2 - MARGIN
    return SIZE / 2 + half * place[0] / reach, SIZE / 2 - half * place[1] / reach


def _style(key: str, courses: Sequence[Sequence[tuple[float, float]]], step_s: float) -> Markup:
    """Where the points are at each step, how they move when played, and which words are seen."""
    frames = len(courses[0])
    lasts = step_s * frames
    rules = [f"#{key}:has(#{key}-play:checked) .said li{{animation:{key}-said {lasts:g}s step-end infinite}}"]
    rules.append(f"@keyframes {key}-said{{0%{{visibility:visible}}{100 / frames:.4f}%,100%{{visibility:hidden}}}}")
    for point, course in enumerate(courses):
        moves = "".join(
            f"{100 * frame / frames:.4f}%{{transform:translate({x:.1f}px,{y:.1f}px)}}"
            for frame, (x, y) in enumerate(course)
        )
        x, y = course[-1]
        rules.append(f"@keyframes {key}-{point}{{{moves}100%{{transform:translate({x:.1f}px,{y:.1f}px)}}}}")
        rules.append(
            f"#{key}:has(#{key}-play:checked) .point-{point}{{animation:{key}-{point} {lasts:g}s linear infinite}}"
        )
    for frame in range(frames):
        here = f"#{key}:has(#{key}-{frame}:checked)"
        rules += [
            f"{here} .point-{point}{{transform:translate({course[frame][0]:.1f}px,{course[frame][1]:.1f}px)}}"
            for point, course in enumerate(courses)
        ]
        rules.append(f"{here} .said li:nth-child({frame + 1}){{visibility:visible}}")
        # a negative delay begins the animation at the frame's own time
        rules.append(
            f"#{key} .said li:nth-child({frame + 1}){{animation-delay:{step_s * (frame - frames):g}s!important}}"
        )
    return Markup("<style>{}</style>").format(Markup("\n".join(rules)))


def _controls(episode: Episode, key: str, frames: int) -> Markup:
    """Play, and a step each."""
    one = Markup(
        '<label class="{kind}"><input type="radio" name="{key}" id="{key}-{value}" aria-label="{label}"{checked}>'
        "<span>{text}</span></label>"
    )
    steps = [
        one.format(
            kind="step",
            key=key,
            value=frame,
            label=f"Step {frame}: {said}" if (said := episode.frames[frame].said) else f"Step {frame}",
            checked=Markup(" checked") if frame == 0 else "",
            text=frame,
        )
        for frame in range(frames)
    ]
    play = one.format(kind="play", key=key, value="play", label="Play all steps", checked="", text="Play")
    return Markup("<fieldset><legend>Step</legend>{}{}</fieldset>").format(play, Markup("").join(steps))


def _drawing(episode: Episode, courses: Sequence[Sequence[tuple[float, float]]], reach: float, frames: int) -> Markup:
    low, middle, high = MARGIN, SIZE / 2, SIZE - MARGIN
    lines = [
        f'<rect class="frame" x="{low:g}" y="{low:g}" width="{high - low:g}" height="{high - low:g}"/>',
        f'<path class="zero" d="M{low:g} {middle:g}H{high:g}M{middle:g} {low:g}V{high:g}"/>',
        f'<text x="{middle:g}" y="{SIZE - 8:g}" text-anchor="middle">{escape(episode.axes[0])}</text>',
        f'<text transform="translate(14,{middle:g}) rotate(-90)" text-anchor="middle">{escape(episode.axes[1])}</text>',
    ]
    for value, place, anchor in ((-reach, low, "start"), (0.0, middle, "middle"), (reach, high, "end")):
        lines.append(f'<text x="{place:g}" y="{high + 16:g}" text-anchor="{anchor}">{value:.2g}</text>')
        lines.append(f'<text x="{low - 6:g}" y="{SIZE - place + 4:g}" text-anchor="end">{value:.2g}</text>')
    for point in range(episode.agents):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in courses[point])
        lines.append(f'<polyline points="{path}" style="stroke:var({_color(point)})"/>')
    for point in reversed(range(len(episode.points))):  # agents are drawn over what else is there
        lines.append(f'<g class="point point-{point}">{_mark(episode, point)}</g>')
    label = f"Replay of {frames - 1} steps of {episode.environment}: {', '.join(episode.points)}"
    return Markup(
        f'<svg viewBox="0 0 {SIZE:g} {SIZE:g}" class="scales" role="img" aria-label="{escape(label)}">'
        f"{''.join(lines)}</svg>"
    )


def _mark(episode: Episode, point: int) -> str:
    """An agent is a numbered disc, anything else a square."""
    if point >= episode.agents:
        return '<rect class="thing" x="-6" y="-6" width="12" height="12"/>'
    disc = f'<circle r="10" style="fill:var({_color(point)})"/>'
    return f'{disc}<text class="on" y="4" text-anchor="middle">{point + 1}</text>'


def _color(point: int) -> str:
    return COLORS[point % len(COLORS)]


def _said(episode: Episode, frames: int) -> Markup:
    """Per step what happened, and what every agent has got so far."""
    one = Markup("<li><b>Step {} of {}.</b> {} Return so far: {}.</li>")
    rows = [
        one.format(
            frame,
            len(episode.frames) - 1,
            f"{episode.frames[frame].said}." if episode.frames[frame].said else "",
            ", ".join(
                f"{name} {number(value)}"
                for name, value in zip(episode.points[: episode.agents], episode.returns(frame), strict=True)
            ),
        )
        for frame in range(frames)
    ]
    return Markup('<ol class="said">{}</ol>').format(Markup("").join(rows))


def _legend(episode: Episode) -> Markup:
    """The name of every point, and what is not shown."""
    one = Markup('<span><svg width="22" height="22" viewBox="-11 -11 22 22" aria-hidden="true">{}</svg>{}</span>')
    rows = [one.format(Markup(_mark(episode, point)), name) for point, name in enumerate(episode.points)]
    cut = len(episode.frames) - MOST_FRAMES
    more = Markup('<p class="note">The first {} of {} steps.</p>').format(MOST_FRAMES - 1, len(episode.frames) - 1)
    return Markup('<div class="legend">{}</div>{}').format(Markup("").join(rows), more if cut > 0 else "")
