"""What is said at the end: what was copied, how fast, and that nothing is missing."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from replicator.demo.comparison import Comparison
from replicator.demo.scene import Scene, Track
from replicator.demo.story import Outcome, Story

_COLUMNS = ("expected", "equal", "missing", "different", "extra")


def summarize(story: Story, outcome: Outcome, console: Console) -> None:
    """Print the result of a story that was told to its end."""
    console.print()
    console.print(_figures(story.scene))
    console.print(_compared(outcome))
    for source, sink in outcome.comparisons:
        for example in (*source.examples, *sink.examples):
            console.print(f"  {example}", style="red", markup=False)
    console.print(_verdict(outcome))


def _figures(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    for name, track in scene.tracks.items():
        table.add_row(name, "; ".join(_told(track)))
    table.add_row("gate", scene.gate_text)
    table.add_row("all in all", f"{scene.seconds:.0f} s")
    return table


def _told(track: Track) -> list[str]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in track.written.items() if kind != "loaded")
    told = [f"{track.written.get('loaded', 0):,} at first, then {kinds or 'none'}"]
    if track.rows_per_second is not None:
        told.append(f"copied at {track.rows_per_second:,.0f} a second")
    if track.lag_median is not None:
        told.append(f"lag {track.lag_median:.1f} s in the median, {max(track.lags):.1f} s at most")
    return told


def _compared(outcome: Outcome) -> Table:
    table = Table("", *_COLUMNS, title="one by one against the writers' ledgers", title_justify="left")
    for source, sink in outcome.comparisons:
        table.add_row(source.side, *_counts(source))
        table.add_row(sink.side, *_counts(sink), end_section=True)
    return table


def _counts(comparison: Comparison) -> list[str]:
    found = (comparison.missing, comparison.different, comparison.extra)
    counts = (comparison.expected, comparison.equal, *map(len, found))
    return [f"{count:,}" for count in counts]


def _verdict(outcome: Outcome) -> Text:
    if outcome.clean:
        return Text("Nothing is missing, nothing differs, nothing is extra.", style="bold green")
    return Text("The two sides differ: this is a fault, please report it.", style="bold red")
