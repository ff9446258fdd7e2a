"""A picture of a run as SVG: one panel a figure over the same time, and when what struck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from replicator.testing.soak.faults import KINDS
from replicator.testing.soak.run import Outcome
from replicator.testing.soak.samples import Sample

WIDTH, LEFT, RIGHT = 1100, 190, 30
PANEL, GAP, TOP, ROW = 80, 26, 56, 13
POINTS_MAX = 550
_MEBIBYTE = 2.0**20
_INK, _LINE, _GRID, _FAULT = "#333", "#1f5fa8", "#ddd", "#c0392b"


@dataclass(frozen=True)
class Panel:
    """A figure, its title, and how many of it make one on the axis."""

    name: str
    title: str
    unit: float = 1.0


PANELS = [
    Panel("memory_bytes", "memory, MiB", _MEBIBYTE),
    Panel("descriptors", "descriptors"),
    Panel("threads", "threads"),
    Panel("tasks", "tasks"),
    Panel("state_bytes", "state file, MiB", _MEBIBYTE),
    Panel("lag_seconds", "worst lag, s"),
    Panel("dirty_rows", "dirty rows"),
    Panel("writes", "writes, all together"),
]


def draw_svg(outcome: Outcome) -> str:
    """The picture; the dotted lines are starts of a new process."""
    samples = outcome.samples[:: len(outcome.samples) // POINTS_MAX + 1]
    seconds = max([sample.at for sample in samples] + [strike.at for strike in outcome.strikes] + [1.0])
    kinds = [kind for kind in KINDS if any(strike.kind == kind for strike in outcome.strikes)]
    strikes_at = TOP + len(PANELS) * (PANEL + GAP)
    height = strikes_at + len(kinds) * ROW + 46
    lines = [*_head(outcome, height)]
    for number, panel in enumerate(PANELS):
        lines += _panel(panel, samples, seconds, TOP + number * (PANEL + GAP))
    lines += _strikes(outcome, kinds, seconds, strikes_at)
    lines += _time_axis(seconds, strikes_at + len(kinds) * ROW + 8)
    return "\n".join([*lines, "</svg>", ""])


def _head(outcome: Outcome, height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="11" fill="{_INK}">'
    )
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    title = f"soak of {outcome.minutes:g} minutes, seed {outcome.seed}, version {outcome.version}"
    yield f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>'
    yield (
        f'<text x="{LEFT}" y="38" fill="#777">dotted: a new process of the service;'
        " below: when what struck, and how long</text>"
    )


def _panel(panel: Panel, samples: Sequence[Sample], seconds: float, top: int) -> Iterator[str]:
    known = [
        (sample.at, sample.life, getattr(sample, panel.name) / panel.unit)
        for sample in samples
        if getattr(sample, panel.name) is not None
    ]
    most = max([value for _, _, value in known] + [1e-9]) * 1.05
    yield from _frame(panel, known, top)
    lives = {life: at for at, life, _ in reversed(known)}
    for began in list(lives.values())[:-1]:
        x = _x(began, seconds)
        yield f'<path d="M{x} {top}V{top + PANEL}" stroke="#888" stroke-dasharray="2 2"/>'
    for life in sorted(lives):
        path = "L".join(
            f"{_x(at, seconds)} {top + PANEL * (1 - value / most):.1f}"
            for at, of, value in known
            if of == life
        )
        yield f'<path d="M{path}" fill="none" stroke="{_LINE}" stroke-width="1.3"/>'


def _frame(panel: Panel, known: Sequence[tuple[float, int, float]], top: int) -> Iterator[str]:
    inner = WIDTH - LEFT - RIGHT
    yield f'<rect x="{LEFT}" y="{top}" width="{inner}" height="{PANEL}" fill="none" stroke="{_GRID}"/>'
    yield f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end" font-weight="bold">{panel.title}</text>'
    values = sorted(value for _, _, value in known)
    if values:
        told = f"{_short(values[0])} … {_short(values[-1])}, median {_short(values[len(values) // 2])}"
        place = f'x="{LEFT - 8}" y="{top + 32}" text-anchor="end"'
        yield f'<text {place} fill="#777" font-size="9">{told}</text>'


def _strikes(outcome: Outcome, kinds: Sequence[str], seconds: float, top: int) -> Iterator[str]:
    for row, kind in enumerate(kinds):
        y = top + row * ROW
        struck = [strike for strike in outcome.strikes if strike.kind == kind]
        yield (
            f'<text x="{LEFT - 8}" y="{y + 9}" text-anchor="end" font-size="10">'
            f"{escape(kind)} × {len(struck)}</text>"
        )
        for strike in struck:
            width = max(2.0, _x(strike.at + strike.seconds, seconds) - _x(strike.at, seconds))
            yield (
                f'<rect x="{_x(strike.at, seconds)}" y="{y}" width="{width:.1f}" height="{ROW - 3}"'
                f' fill="{_FAULT}" opacity="0.75"/>'
            )


def _time_axis(seconds: float, y: int) -> Iterator[str]:
    minutes = seconds / 60
    step = next((step for step in (1, 2, 5, 10, 30) if minutes / step <= 15), 60)
    for minute in range(0, int(minutes) + 1, step):
        x = _x(minute * 60, seconds)
        yield f'<path d="M{x} {y}v5" stroke="{_INK}"/>'
        yield f'<text x="{x}" y="{y + 18}" text-anchor="middle">{minute} min</text>'


def _x(at: float, seconds: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * min(at / seconds, 1.0), 1)


def _short(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
