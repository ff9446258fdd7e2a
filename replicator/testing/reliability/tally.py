"""What many seeds showed, all together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from replicator.testing.repairs import RepairReport
from replicator.testing.simulator import Report


@dataclass
class Tally:
    """What the seeds of one kind of world showed, all together."""

    seeds: int = 0
    failed: list[int] = field(default_factory=list)
    effects: int = 0
    gate_openings: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count a seed."""
        words = [event.split()[1] for event in report.events]
        self.seeds += 1
        self.failed += [report.seed] if report.violations else []
        self.effects += words.count("sink") + words.count("arrived")
        self.gate_openings += report.gate_openings
        self.faults.update(report.fates)
        self.faults.update(killed=words.count("kill"), stopped=words.count("stop"))
        self.faults.update(limits=words.count("limits"))

    def add_repairs(self, report: RepairReport) -> None:
        """Count a seed of repairs alone."""
        self.seeds += 1
        self.failed += [report.seed] if report.violations else []
        self.effects += report.effects
        self.faults.update(report.fates)

    def merge(self, other: Tally) -> None:
        """Count what another one counted."""
        self.seeds += other.seeds
        self.failed += other.failed
        self.effects += other.effects
        self.gate_openings += other.gate_openings
        self.faults.update(other.faults)
