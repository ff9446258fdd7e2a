"""The log of a running service: changes once, a backfill every ten seconds, troubles as warnings."""

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from replicator.app.progress import PROGRESS_SECONDS, Progress
from replicator.engine.gate import Reason, Verdict
from replicator.engine.retry import Trouble
from replicator.engine.status import BackfillStatus, PipelineStatus, State

CLOSED = Verdict(can_cutover=False, reasons=(Reason("lag", "orders", "orders: the lag is 9 s"),))
OPEN = Verdict(can_cutover=True, reasons=())


@dataclass
class Seen:
    """What a service would say of itself."""

    state: State = State.RUNNING
    phase: str = "rows"
    rows: int = 0
    troubles: tuple = ()
    verdict: Verdict = field(default=CLOSED)

    def statuses(self):
        """One pipeline."""
        backfill = BackfillStatus(1, "insert", self.phase, self.rows, 1000, 123.456, 7.89, 4, 0, None)
        return [
            PipelineStatus(
                "orders",
                "memory",
                "memory",
                self.state,
                healthy=True,
                backfill=backfill,
                troubles=self.troubles,
            )
        ]


def events(progress, now):
    """What one look says."""
    with capture_logs() as lines:
        progress.look(now)
    return lines


def test_a_steady_state_is_silent():
    """What was said once is not said again."""
    progress = Progress(Seen(phase="complete"))
    first = [line["event"] for line in events(progress, 0.0)]
    assert first == ["pipeline.state_entered", "backfill.phase_entered"]
    assert events(progress, 100.0) == []


def test_a_backfill_is_told_every_ten_seconds():
    """Rows, rate and the time that is left, rounded; and each phase when it is entered."""
    seen = Seen()
    progress = Progress(seen)
    events(progress, 0.0)
    seen.rows = 500
    assert events(progress, PROGRESS_SECONDS - 0.1) == []
    (line,) = events(progress, PROGRESS_SECONDS)
    assert line == {
        "event": "backfill.progressed",
        "log_level": "info",
        "pipeline": "orders",
        "rows": 500,
        "rows_estimated": 1000,
        "rows_per_second": 123.5,
        "eta_seconds": 7.9,
    }
    seen.phase = "sweep"
    (line,) = events(progress, PROGRESS_SECONDS + 0.1)
    assert (line["event"], line["stage"]) == ("backfill.phase_entered", "sweep")


def test_the_gate_is_told_when_it_moves():
    """Opened once, and closed with the first reason."""
    seen = Seen()
    progress = Progress(seen)
    events(progress, 0.0)
    seen.verdict = OPEN
    assert [line["event"] for line in events(progress, 1.0)] == ["gate.opened"]
    assert events(progress, 2.0) == []
    seen.verdict = CLOSED
    (line,) = events(progress, 3.0)
    assert (line["event"], line["reason"]) == ("gate.closed", "lag")


def test_troubles_are_warnings_with_their_hints():
    """While a side waits, the log says for what."""
    trouble = Trouble("sink", "throttled", "429", "raise the throughput", 0.0, 4)
    progress = Progress(Seen(troubles=(trouble,)))
    (line,) = [line for line in events(progress, 0.0) if line["log_level"] == "warning"]
    assert (line["event"], line["reason"], line["attempt"]) == ("call.repeated", "throttled", 4)
    assert line["hint"] == "raise the throughput"
