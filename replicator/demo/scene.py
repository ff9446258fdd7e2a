"""What is shown at a moment: steps, figures, and what was measured on the way. Pure data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass
class Step:
    """One line of the story; ``seconds`` once it is done."""

    text: str
    began: float
    seconds: float | None = None


@dataclass
class Scene:
    """The demonstration so far.

    Attributes:
        items: how many orders are loaded at first.
        steps: what was done and what is being done.
        workload: what the writer told last.
        pipeline: the pipeline in the newest status document; empty while the service does not answer.
        gate: the gate in it.
        lags: the lag at every look, in seconds, once the backfill's rows are copied.
        copying: looks at the backfill while it copies: (time, rows).
    """

    items: int
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    workload: Mapping[str, int] = field(default_factory=dict)
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    copying: list[tuple[float, int]] = field(default_factory=list)

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
        self.pipeline = status["pipelines"][0] if status and status["pipelines"] else {}
        self.gate = status["gate"] if status else {}
        if self.phase == "rows":
            self.copying.append((time.monotonic(), self.rows))
        elif self.phase and self.lag is not None:
            self.lags.append(self.lag)

    @property
    def backfill(self) -> Mapping[str, Any]:
        """The backfill's progress; empty while unknown."""
        return self.pipeline.get("backfill") or {}

    @property
    def phase(self) -> str:
        """Of the backfill."""
        return str(self.backfill.get("phase", ""))

    @property
    def rows(self) -> int:
        """Rows that the backfill has copied."""
        return int(self.backfill.get("rows", 0))

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
