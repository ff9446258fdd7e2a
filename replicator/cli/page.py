"""The status document as a page for people. Pure, but for ``show``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

BAR_CELLS = 24
THROTTLED_SECONDS = 60.0
"""So long after a side was throttled it is told, even if it is back at its limit."""

_STYLES = {
    "running": "bold green",
    "paused": "bold yellow",
    "starting": "bold cyan",
    "stopping": "bold cyan",
    "stopped": "bold",
    "failed": "bold red",
}


def show(lines: Iterable[Text]) -> None:
    """Print the lines, coloured on a terminal, never wrapped elsewhere."""
    console = Console(highlight=False)
    for line in lines:
        console.print(line, soft_wrap=not console.is_terminal)


def status_lines(document: Mapping[str, Any]) -> Iterator[Text]:
    """The whole page: migration, pipelines, gate."""
    service, migration = document["service"], document["migration"]
    yield Text.assemble(
        (migration["name"], "bold"),
        f"  {migration['strategy']} · Replicator {service['version']}",
        f" · up {span(service['uptime_seconds'])}",
    )
    for pipeline in document["pipelines"]:
        yield Text()
        yield from pipeline_lines(pipeline, service["started_at"] + service["uptime_seconds"])
    yield Text()
    yield from gate_lines(document["gate"])


def pipeline_lines(pipeline: Mapping[str, Any], at: float) -> Iterator[Text]:
    """One pipeline, as it was at this time, in seconds since the epoch."""
    yield Text.assemble(
        (pipeline["name"], "bold"),
        f"  {pipeline['source']} → {pipeline['sink']}  ",
        (pipeline["state"], _STYLES.get(pipeline["state"], "bold")),
        "" if pipeline["healthy"] else (" (not healthy)", "red"),
    )
    if pipeline["failure"]:
        yield from _complaint(pipeline["failure"]["message"], pipeline["failure"]["hint"], "red")
    if pipeline["backfill"]:
        yield _row("backfill", _backfill(pipeline["backfill"]))
    if pipeline["queue"]:
        yield _row("queue", _queue(pipeline["queue"]))
    if not pipeline["queue"] or pipeline["queue"]["mode"] == "bridge":
        yield _row("lag", _lag(pipeline))
        yield _row("changes", _changes(pipeline))
    if pipeline["listing"]:
        yield _row("list", _listing(pipeline["listing"]))
    if pipeline["dead_letters_open"]:
        count = pipeline["dead_letters_open"]
        yield _row("dead letters", f"{count:,} open; `replicator dead-letters list` shows them", "red")
    if pipeline["verification"] or (pipeline["backfill"] or {}).get("mismatches") is not None:
        yield _row("verified", _verification(pipeline))
    yield from _remarks(pipeline, at)


def gate_lines(gate: Mapping[str, Any]) -> Iterator[Text]:
    """The gate, with every reason."""
    is_open = gate["can_cutover"]
    word = ("open: cutover is safe", "bold green") if is_open else ("closed", "bold yellow")
    yield Text.assemble(("gate", "bold"), "  ", word)
    for reason in gate["reasons"]:
        yield Text(f"  · {reason['text']}")
    for note in gate["notes"]:
        yield Text(f"  note: {note}")


def span(seconds: float) -> str:
    """A length of time as people say it: ``0.4 s``, ``3 min 12 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, lower, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{whole} s"


def bar(share: float) -> str:
    """A bar of ``BAR_CELLS`` cells."""
    full = round(min(1.0, max(0.0, share)) * BAR_CELLS)
    return "█" * full + "░" * (BAR_CELLS - full)


def _remarks(pipeline: Mapping[str, Any], at: float) -> Iterator[Text]:
    """What is out of the ordinary."""
    for calls in pipeline["calls"]:
        if (said := _calls(calls, at)) is not None:
            yield _row(calls["side"], said, "yellow")
    for notice in pipeline["notices"]:
        yield Text(f"  · {notice}", "yellow")
    for trouble in pipeline["troubles"]:
        attempts = f"{trouble['attempts']} attempt{'s' if trouble['attempts'] > 1 else ''}"
        said = f"{trouble['side']} waits, {trouble['reason']} ({attempts}): {trouble['message']}"
        yield from _complaint(said, trouble["hint"], "yellow")


def _row(name: str, said: str, style: str = "") -> Text:
    return Text.assemble(f"  {name:<13}", (said, style))


def _complaint(message: str, hint: str, style: str) -> Iterator[Text]:
    yield Text(f"  ! {message}", style)
    if hint:
        yield Text(f"    hint: {hint}")


def _backfill(backfill: Mapping[str, Any]) -> str:
    rows, estimated = backfill["rows"], backfill["rows_estimated"]
    if backfill["phase"] == "complete":
        return f"complete, {rows:,} rows"
    if backfill["phase"] != "rows":
        return f"{rows:,} rows copied; {_PHASES.get(backfill['phase'], backfill['phase'])}"
    said = [f"{rows:,} rows"]
    if estimated:
        share = min(1.0, rows / estimated)
        said = [f"{bar(share)} {share:4.0%}", f"{rows:,} of about {estimated:,} rows"]
    if backfill["rows_per_second"] is not None:
        said.append(f"{backfill['rows_per_second']:,.0f} a second")
    if backfill["eta_seconds"] is not None:
        said.append(f"{span(backfill['eta_seconds'])} left")
    return " · ".join(said)


_PHASES = {
    "end_mark": "waiting for the changes made meanwhile",
    "sweep": "removing what was deleted meanwhile",
}


def _lag(pipeline: Mapping[str, Any]) -> str:
    lag = span(pipeline["lag_seconds"]) if pipeline["lag_known"] else "unknown"
    said = [lag]
    if pipeline["freshness_known"]:
        said.append(f"read {span(pipeline['freshness_seconds'])} ago")
    if pipeline["partitions_open"] is not None:
        fresh, total = pipeline["partitions_fresh"], pipeline["partitions_open"]
        said.append(f"{fresh} of {total} partitions fresh")
    if pipeline["retention_left_known"]:
        said.append(f"retention left {span(pipeline['retention_left_seconds'])}")
    return " · ".join(said)


def _changes(pipeline: Mapping[str, Any]) -> str:
    written = sum(pipeline["changes_written"].get(name, 0) for name in ("apply", "copy", "move"))
    said = f"{pipeline['changes_read']:,} read · {written:,} written"
    flying, waiting = pipeline["changes_in_flight"], pipeline["backlog_changes"]
    if pipeline["shape"] == "objects" and waiting:
        return f"{said} · {waiting:,} keys to copy"
    return f"{said} · {flying:,} in flight" if flying else said


def _queue(queue: Mapping[str, Any]) -> str:
    waiting = queue["backlog_changes"]
    said = "what waits is unknown" if waiting is None else f"{waiting:,} messages wait"
    if queue["mode"] == "bridge":
        return f"bridge: moved all the time · {said}"
    tested = "the sink takes messages" if queue["write_tested"] else "the sink is not write-tested"
    return f"hold: nothing is moved · {said} · {tested}"


def _listing(listing: Mapping[str, Any]) -> str:
    age = listing["age_seconds"]
    said = ["none complete yet" if age is None else f"both sides listed {span(age)} ago"]
    if listing["keys"]:
        keys = listing["keys"]
        said.append(f"{keys['source']:,} objects at the source, {keys['sink']:,} at the sink")
        said.append(f"{listing['differences']:,} differed")
    if listing["under_way"]:
        said.append("another is under way")
    return " · ".join(said)


def _calls(calls: Mapping[str, Any], at: float) -> str | None:
    """Why fewer calls are made than the limit allows; None where as many are, and were lately."""
    allowed, most, throttled_at = calls["calls_allowed"], calls["calls_max"], calls["throttled_at"]
    if throttled_at is None or (allowed == most and at - throttled_at > THROTTLED_SECONDS):
        return None
    ago = span(max(0.0, at - throttled_at))
    return f"{allowed} of {most} calls at a time, throttled {ago} ago: {calls['message']}"


def _verification(pipeline: Mapping[str, Any]) -> str:
    verification = pipeline["verification"]
    if verification is None:
        left = pipeline["backfill"]["mismatches"]
        return "clean, before the restart" if not left else f"{left:,} mismatches left, before the restart"
    if verification["error"]:
        return f"broke off: {verification['error']}"
    return verification_text(verification)


def verification_text(verification: Mapping[str, Any]) -> str:
    """How a verification stands, in one line."""
    keys = verification["keys"]
    compared = f"{keys['source']:,} keys at the source, {keys['sink']:,} at the sink"
    if verification["finished_at"] is None:
        return f"under way: {compared}"
    at = datetime.fromtimestamp(verification["finished_at"]).astimezone().strftime("%H:%M:%S")
    found = ", ".join(f"{count:,} {kind}" for kind, count in verification["found"].items() if count)
    settled = "".join(
        f", {verification[how]:,} {how}" for how in ("repaired", "waived") if verification[how]
    )
    return f"at {at}: {found or 'clean'}{settled} ({compared})"
