"""What is said at the end: what was copied, how fast, and that nothing is missing."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from replicator.demo.comparison import Comparison
from replicator.demo.scene import Scene
from replicator.demo.story import Outcome, Story

_COLUMNS = ("expected", "equal", "missing", "different", "extra")


def summarize(story: Story, outcome: Outcome, console: Console) -> None:
    """Print the result of a story that was told to its end."""
    console.print()
    console.print(_figures(story.scene))
    console.print(_compared(outcome))
    for comparison in outcome.comparisons:
        for example in comparison.examples:
            console.print(f"  {example}", style="red", markup=False)
    console.print(_verdict(outcome))


def _figures(scene: Scene) -> Table:
    done = scene.workload
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    writes = ", ".join(f"{done.get(kind, 0):,} {kind}" for kind in ("created", "updated", "deleted"))
    table.add_row("the writer", f"{done.get('loaded', 0):,} loaded, then {writes}")
    table.add_row("backfill", f"{scene.rows:,} rows{_rate(scene.rows_per_second)}, over a kill -9")
    table.add_row("delta", f"{scene.pipeline.get('changes_read', 0):,} changes read since the second start")
    if scene.lag_median is not None:
        table.add_row("lag", f"{scene.lag_median:.1f} s in the median, {max(scene.lags):.1f} s at most")
    table.add_row("gate", scene.gate_text)
    table.add_row("all in all", f"{scene.seconds:.0f} s")
    return table


def _rate(rows_per_second: float | None) -> str:
    return "" if rows_per_second is None else f" at {rows_per_second:,.0f} a second"


def _compared(outcome: Outcome) -> Table:
    table = Table("", *_COLUMNS, title="item by item against the writer's ledger", title_justify="left")
    for comparison in outcome.comparisons:
        table.add_row(comparison.side, *_counts(comparison))
    return table


def _counts(comparison: Comparison) -> list[str]:
    found = (comparison.missing, comparison.different, comparison.extra)
    counts = (comparison.expected, comparison.equal, *map(len, found))
    return [f"{count:,}" for count in counts]


def _verdict(outcome: Outcome) -> Text:
    if outcome.clean:
        return Text("Nothing is missing, nothing differs, nothing is extra.", style="bold green")
    return Text("The two sides differ: this is a fault, please report it.", style="bold red")
