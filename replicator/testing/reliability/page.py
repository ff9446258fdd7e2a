"""The page, from what the runs showed. Pure, but for the date."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import replicator
from replicator.testing.bugs import SEEDS_FOR_A_BUG
from replicator.testing.reliability.tally import Tally

PICTURE_NAME = "reliability.svg"

FATES: Mapping[str, str] = {
    "refused": "refused, nothing done",
    "lost": "lost, nothing done",
    "late": "given up, done later",
    "reset": "done, answer lost",
    "slow": "done and answered late",
    "disconnected": "connection lost",
    "expired": "iterators expired",
    "killed": "process killed",
    "stopped": "process stopped",
    "limits": "limits changed as it ran",
}
"""What befell calls and processes, in the order of the table."""

_HEAD = """\
# Reliability

What was done to Replicator, and what it lost. Written by `make reliability` from real runs: version
{version}, {date}. Numbers are counts, and no estimates.

- *Lost*: what the source has and the sink has not. *Changed*: what differs at the sink. *Doubled*: what is
  there too often, or should not be there.
- Checkers share no code with the engine: in the simulator they are ledgers that watch both systems; in a
  soak, ledgers of writers that are processes of their own, compared with what the vendors' SDKs read back.
"""
_SIMULATED = """\
## Simulated worlds

The unmodified engine between simulated systems, on virtual time; a seed decides everything. While a world
is busy nothing unsafe may happen; then it heals, and the sink has to have exactly what the source has.
`make sim SEEDS=10000` runs more of them. In *repairs* two processes bring changes of the same keys to the
sink by conditional writes alone, with no delta that would mend behind them what they got wrong.
"""
_CAUGHT = """\
## Planted bugs

A checker that never fails proves nothing. Each of these bugs, put into the engine on purpose, is caught by
a seed that passes without it; told is the first one of {seeds} of its kind of world (of pipelines every
third seed, of repairs every one).
"""
_SOAKED = """\
## Soaks

All pipelines in one service, a process, between the local clouds, while faults strike at random. Each line
is a run of `make soak`.
"""
_GROWTH = """\
Growth is told by the slope of Theil and Sen: the median of the slopes between all pairs of samples of one
process, its first minute left out; times its longest life it is the rise. What rises by more than is
allowed, and in most pairs, grows.
"""
_TAGS = """\
Some events of S3 are lost on purpose, which S3 promises not to do. The reconciling list finds what they
told of, but for changes of tags alone, which show in no list; a verification found and repaired {count}.
"""

Soak = Mapping[str, Any]


def page(tallies: Mapping[str, Tally], caught: Mapping[str, int | None], soaks: Sequence[Soak]) -> str:
    """The page; the same for the same runs of the same day."""
    date = time.strftime("%Y-%m-%d", time.gmtime())
    parts = [_HEAD.format(version=replicator.__version__, date=date)]
    parts += [_SIMULATED, _simulated(tallies), _CAUGHT.format(seeds=SEEDS_FOR_A_BUG), _caught(caught)]
    parts += [_SOAKED, _soaks(soaks), *_newest(soaks[-1])] if soaks else []
    return "\n".join(parts)


def _simulated(tallies: Mapping[str, Tally]) -> str:
    kinds = sorted(tallies)
    counts: list[tuple[str, Callable[[Tally], int]]] = [
        ("seeds", lambda tally: tally.seeds),
        ("effects at the sink", lambda tally: tally.effects),
        *((f"fault: {text}", lambda tally, name=name: tally.faults[name]) for name, text in FATES.items()),
        ("times the gate opened", lambda tally: tally.gate_openings),
        ("**seeds with anything lost, changed, doubled or unsafe**", lambda tally: len(tally.failed)),
    ]
    return _table(
        ("", *kinds), ((label, *(_told(count(tallies[kind])) for kind in kinds)) for label, count in counts)
    )


def _caught(caught: Mapping[str, int | None]) -> str:
    return _table(
        ("bug", "caught by seed"),
        ((f"`{bug}`", "**none**" if seed is None else seed) for bug, seed in sorted(caught.items())),
    )


def _soaks(soaks: Sequence[Soak]) -> str:
    columns = (
        "date",
        "version",
        "seed",
        "minutes",
        "writes",
        "faults",
        "lost",
        "changed",
        "doubled",
        "grows",
    )
    return _table(columns, map(_soak, soaks))


def _soak(soak: Soak) -> tuple[object, ...]:
    found = [sum(each[name] for each in _sinks(soak)) for name in ("missing", "different", "extra")]
    writes = sum(sum(done.values()) for done in soak["written"].values())
    grown = ", ".join(each["name"] for each in soak["growths"] if each["grows"])
    if not grown:
        grown = "nothing" if any(each["seconds"] for each in soak["growths"]) else "too short to tell"
    counts = map(_told, (writes, len(soak["strikes"]), *found))
    return (soak["date"], soak["version"], soak["seed"], f"{soak['minutes']:g}", *counts, grown)


def _newest(soak: Soak) -> list[str]:
    struck = Counter(strike["kind"] for strike in soak["strikes"])
    return [
        "The newest one, by sink:\n",
        _table(("sink", "expected", "equal", "lost", "changed", "doubled"), map(_sink, _sinks(soak))),
        _TAGS.format(count=soak.get("tags_repaired", 0)),
        "By kind of fault:\n",
        _table(("fault", "times"), sorted(struck.items())),
        _GROWTH,
        _table(("figure", "median", "rise", "allowed", "rising pairs"), map(_growth, soak["growths"])),
        f"![What the service took, and what struck when]({PICTURE_NAME})\n",
    ]


def _sinks(soak: Soak) -> Sequence[Mapping[str, Any]]:
    sinks: Sequence[Mapping[str, Any]] = soak["comparisons"][1::2]  # both sides of each pair, in turn
    return sinks


def _sink(sink: Mapping[str, Any]) -> tuple[object, ...]:
    counts = (sink[name] for name in ("expected", "equal", "missing", "different", "extra"))
    return (sink["side"], *map(_told, counts))


def _growth(growth: Mapping[str, Any]) -> tuple[object, ...]:
    level, rise, allowed = growth["level"], growth["rise"], growth["rise_max"]
    share = f"{growth['rising_share']:.0%}"
    return (f"`{growth['name']}`", f"{level:,.0f}", f"{rise:+,.0f}", f"{allowed:,.0f}", share)


def _told(count: int) -> str:
    return f"{count:,}"


def _table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose columns but the first stand right."""
    lines = [columns, ("---", *["---:"] * (len(columns) - 1)), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
