"""What is shown at a moment: steps, figures, and what was measured on the way. Pure data."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from replicator.demo.pairs import Pair
from replicator.demo.workload import Amount


@dataclass
class Step:
    """One line of the story; ``seconds`` once it is done."""

    text: str
    began: float
    seconds: float | None = None


@dataclass
class Track:
    """One pair so far.

    Attributes:
        pair: which one.
        amount: how much is written to it.
        written: what its writer told last.
        pipeline: its part of the newest status document; empty while the service does not answer.
        lags: the lag at every look, in seconds, once what was there at first is copied.
        copying: looks at the backfill while it copies: (time, rows).
    """

    pair: Pair
    amount: Amount
    written: Mapping[str, int] = field(default_factory=dict)
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    copying: list[tuple[float, int]] = field(default_factory=list)

    def look(self, pipeline: Mapping[str, Any]) -> None:
        """Take in what the service says of it."""
        self.pipeline = pipeline
        if self.phase == "rows":
            self.copying.append((time.monotonic(), self.copied))
        elif pipeline and self.lag is not None:
            self.lags.append(self.lag)

    @property
    def backfill(self) -> Mapping[str, Any]:
        """The backfill's progress; empty while unknown, and for messages, which have none."""
        return self.pipeline.get("backfill") or {}

    @property
    def phase(self) -> str:
        """Of the backfill."""
        return str(self.backfill.get("phase", ""))

    @property
    def is_connected(self) -> bool:
        """Whether the service has begun with it."""
        return self.phase != "" or (self.pair.empties and self.pipeline.get("state") == "running")

    @property
    def is_copied(self) -> bool:
        """Whether what was there at first is copied."""
        return self.phase == "complete" or (self.pair.empties and bool(self.pipeline))

    @property
    def copied(self) -> int:
        """Rows that the backfill has copied; of messages, what this life of the service has moved."""
        if self.pair.empties:
            return sum(self.pipeline.get("changes_written", {}).values())
        return int(self.backfill.get("rows", 0))

    @property
    def changes(self) -> int:
        """Changes that were read since the service was started last."""
        return int(self.pipeline.get("changes_read", 0))

    @property
    def writes(self) -> int:
        """What was written beside what was there at first."""
        return sum(count for kind, count in self.written.items() if kind != "loaded")

    @property
    def lag(self) -> float | None:
        """In seconds; None while unknown."""
        return self.pipeline.get("lag_seconds")

    @property
    def lag_median(self) -> float | None:
        """Of all looks; None where there was none."""
        return median(self.lags) if self.lags else None

    @property
    def rows_per_second(self) -> float | None:
        """Of the backfill, without the time in which the service was dead or waiting."""
        pairs = zip(self.copying, self.copying[1:], strict=False)
        moves = [(t2 - t1, r2 - r1) for (t1, r1), (t2, r2) in pairs if r2 > r1]
        seconds = sum(move[0] for move in moves)
        return sum(move[1] for move in moves) / seconds if seconds else None


@dataclass
class Scene:
    """The demonstration so far.

    Attributes:
        tracks: name of each pair to how it goes.
        steps: what was done and what is being done.
        gate: the gate in the newest status document; empty while the service does not answer.
    """

    tracks: Mapping[str, Track]
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    gate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Sequence[Pair], amounts: Mapping[str, Amount]) -> Scene:
        """The beginning."""
        return cls({pair.name: Track(pair, amounts[pair.name]) for pair in pairs})

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def step(self, text: str) -> None:
        """The step before is done, and this one begins."""
        self.finish()
        self.steps.append(Step(text, time.monotonic()))

    def finish(self) -> None:
        """The step under way is done."""
        if self.steps and self.steps[-1].seconds is None:
            self.steps[-1].seconds = time.monotonic() - self.steps[-1].began

    def look(self, status: Mapping[str, Any] | None) -> None:
        """Take in a status document, or that there is none."""
        self.gate = status["gate"] if status else {}
        pipelines = {each["name"]: each for each in status["pipelines"]} if status else {}
        for name, track in self.tracks.items():
            track.look(pipelines.get(name, {}))

    @property
    def gate_text(self) -> str:
        """Open, or the first reason why not."""
        if not self.gate:
            return "unknown"
        if self.gate["can_cutover"]:
            return "open: cutover is safe"
        reasons = [reason["text"] for reason in self.gate["reasons"]]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"closed: {reasons[0] if reasons else 'no reason given'}{more}"
