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

from replicator.demo.scene import Scene, Step

PLAIN_SECONDS = 3.0
_LABEL_COLUMNS = 12
_BAR_COLUMNS = 60


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
        _tell_steps(scene, console, 0)


async def _tell(scene: Scene, console: Console) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        console.print(line(scene), highlight=False, soft_wrap=True)


def _tell_steps(scene: Scene, console: Console, since: int) -> None:
    for step in scene.steps[since:]:
        console.print(_step(step), soft_wrap=True)


def line(scene: Scene) -> str:
    """The scene in one line."""
    parts = [f"{scene.seconds:5.1f} s", scene.steps[-1].text if scene.steps else "…"]
    parts += [f"{label} {text}" for label, text in _figures(scene)]
    return " · ".join(parts)


def render(scene: Scene) -> RenderableType:
    """The scene on a terminal."""
    figures = Table.grid(padding=(0, 2))
    figures.add_column(width=_LABEL_COLUMNS, style="dim")
    figures.add_column()
    bar = ProgressBar(total=max(scene.items, scene.rows, 1), completed=scene.rows, width=_BAR_COLUMNS)
    figures.add_row("copied", bar)
    for label, text in _figures(scene):
        figures.add_row(label, _coloured(label, text))
    title = Text("Replicator · a live table moves from DynamoDB to Cosmos DB", style="bold")
    return Group(title, Text(), *map(_step, scene.steps), Text(), figures)


def _figures(scene: Scene) -> list[tuple[str, str]]:
    done, pipeline = scene.workload, scene.pipeline
    figures = []
    if done:
        writes = sum(done.get(kind, 0) for kind in ("created", "updated", "deleted"))
        figures.append(("writer", f"{done.get('loaded', 0):,} loaded, {writes:,} writes since"))
    if pipeline:
        rate = scene.backfill.get("rows_per_second")
        speed = f", {rate:,.0f} rows/s" if rate else ""
        lag = "unknown" if scene.lag is None else f"{scene.lag:.1f} s"
        figures += [
            ("backfill", f"{scene.phase or 'not begun'}, {scene.rows:,} rows{speed}"),
            ("delta", f"{pipeline['changes_read']:,} changes read, lag {lag}"),
            ("gate", scene.gate_text),
        ]
    return figures


def _step(step: Step) -> Text:
    if step.seconds is None:
        return Text(f"  ▸ {step.text} …", style="cyan")
    return Text.assemble(("  ✓ ", "green"), step.text, (f"  {step.seconds:.1f} s", "dim"))


def _coloured(label: str, text: str) -> Text:
    style = "" if label != "gate" else "bold green" if text.startswith("open") else "yellow"
    return Text(text, style=style)
