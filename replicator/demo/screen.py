"""Showing the scene: live on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from replicator.demo.scene import Scene, Step, Track

PLAIN_SECONDS = 3.0
_BAR_COLUMNS = 16


@contextlib.asynccontextmanager
async def shown(scene: Scene, console: Console) -> AsyncIterator[None]:
    """Show the scene while inside, as the console allows."""
    if console.is_terminal:
        with Live(get_renderable=lambda: render(scene), console=console, refresh_per_second=5):
            yield
        return
    telling = asyncio.create_task(_tell(scene, console), name="screen")
    try:
        yield
    finally:
        telling.cancel()
        for step in scene.steps:
            console.print(_step(step), soft_wrap=True)


async def _tell(scene: Scene, console: Console) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        console.print(line(scene), highlight=False, soft_wrap=True)


def line(scene: Scene) -> str:
    """The scene in one line."""
    parts = [f"{scene.seconds:5.1f} s", scene.steps[-1].text if scene.steps else "…"]
    parts += [_in_short(track) for track in scene.tracks.values()]
    return " · ".join([*parts, f"gate {scene.gate_text}"])


def render(scene: Scene) -> RenderableType:
    """The scene on a terminal."""
    title = Text("Replicator · a live application moves from AWS to Azure", style="bold")
    gate = Text.assemble(("  gate  ", "dim"), (scene.gate_text, _colour(scene.gate_text)))
    return Group(title, Text(), *map(_step, scene.steps), Text(), _tracks(scene), gate)


def _tracks(scene: Scene) -> Table:
    """All pipelines, side by side."""
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column()
    for _ in range(5):
        table.add_column(justify="right")
    table.add_row("", "", *(Text(name, "dim") for name in ("written", "", "copied", "changes", "lag")))
    for track in scene.tracks.values():
        table.add_row(
            f"  {track.pair.name}",
            Text(f"{track.pair.source} → {track.pair.sink}", "dim"),
            f"{track.written.get('loaded', 0) + track.writes:,}",
            _bar(track),
            f"{track.copied:,}",
            f"{track.changes:,}",
            _lag(track),
        )
    return table


def _bar(track: Track) -> ProgressBar:
    """Of what was there at first; messages that were there before a restart are not counted again."""
    total = max(track.amount.count, track.copied, 1)
    return ProgressBar(total=total, completed=track.copied, width=_BAR_COLUMNS)


def _in_short(track: Track) -> str:
    written = track.written.get("loaded", 0) + track.writes
    if not track.pipeline:
        return f"{track.pair.name} {written:,} written"
    return f"{track.pair.name} {track.copied:,} of {written:,}, lag {_lag(track)}"


def _lag(track: Track) -> str:
    return "?" if track.lag is None else f"{track.lag:.1f} s"


def _step(step: Step) -> Text:
    if step.seconds is None:
        return Text(f"  ▸ {step.text} …", style="cyan")
    return Text.assemble(("  ✓ ", "green"), step.text, (f"  {step.seconds:.1f} s", "dim"))


def _colour(gate: str) -> str:
    return "bold green" if gate.startswith("open") else "yellow"
