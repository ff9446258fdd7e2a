"""The status page: what is known is shown, what is unknown is called so."""

import pytest

from replicator.api.descriptions import pipeline_document
from replicator.cli.page import bar, gate_lines, pipeline_lines, span
from replicator.engine.calls import CallStatus
from replicator.engine.gate import Reason, Verdict
from replicator.engine.lag import Lag
from replicator.engine.retry import Trouble
from replicator.engine.status import BackfillStatus, Failure, PipelineStatus, State
from replicator.engine.verify import Verification

COPYING = BackfillStatus(1, "insert", "rows", 31_200, 50_000, 4_100.0, 4.6, 4, 1, None)
LAG = Lag(0.42, 0.2, 86_000.0, 4, 4, ())


def page(**known):
    """The lines of one pipeline, as text."""
    status = PipelineStatus("orders", "dynamodb", "cosmos", State.RUNNING, healthy=True)
    fields = {name: getattr(status, name) for name in status.__dataclass_fields__} | known
    document = pipeline_document(PipelineStatus(**fields)).model_dump(mode="json")
    return "\n".join(line.plain for line in pipeline_lines(document, at=1000.0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.96, "10.0 s"),
        (42.4, "42 s"),
        (192, "3 min 12 s"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, text):
    """Short spans have a tenth, long ones no false precision."""
    assert span(seconds) == text


def test_a_bar_is_full_at_the_end_and_never_longer():
    """An estimate that was too low does not break the line."""
    assert bar(0) == "░" * 24
    assert bar(1) == bar(1.7) == "█" * 24


def test_a_backfill_has_a_bar_a_rate_and_an_end():
    """While rows are copied all that is known of it is on one line."""
    text = page(backfill=COPYING, lag=LAG)
    assert "62% · 31,200 of about 50,000 rows · 4,100 a second · 4.6 s left" in text
    assert (
        "lag          0.4 s · read 0.2 s ago · 4 of 4 partitions fresh · retention left 23 h 53 min" in text
    )


def test_an_unknown_lag_is_called_unknown():
    """Before the source was connected nothing is known, and nothing is shown as zero."""
    assert "lag          unknown" in page()


def test_failure_and_trouble_come_with_their_hints():
    """An operator sees why, and what to do."""
    failure = Failure("permanent", "the table is missing", "create it", 0.0)
    trouble = Trouble("sink", "throttled", "429", "raise the throughput", 0.0, 4)
    text = page(state=State.FAILED, healthy=False, failure=failure, troubles=(trouble,))
    assert "orders  dynamodb → cosmos  failed (not healthy)" in text
    assert "! the table is missing\n    hint: create it" in text
    assert "! sink waits, throttled (4 attempts): 429\n    hint: raise the throughput" in text


def test_a_throttled_side_says_how_much_is_left_and_why():
    """Fewer calls than the limit, since when, and the words of the service; nothing where all is well."""
    lowered = CallStatus("sink", 7, 32, 988.0, "429: request rate is large")
    text = page(calls=(lowered, CallStatus("source", 4, 4, None, "")))
    assert "  sink         7 of 32 calls at a time, throttled 12 s ago: 429: request rate is large" in text
    assert "  source " not in text
    recovered = CallStatus("sink", 32, 32, 900.0, "429: request rate is large")
    assert "throttled" not in page(calls=(recovered,))


def test_a_verification_is_told_while_it_runs_and_after():
    """Under way with its counts, then with what was found and repaired."""
    running = Verification(0.0, keys={"source": 7, "sink": 0})
    assert "under way: 7 keys at the source, 0 at the sink" in page(verification=running)
    done = Verification(0.0, finished_at=1.0, repaired=1)
    done.found["missing"] = 2
    assert "2 missing, 1 repaired" in page(verification=done)
    broken = Verification(0.0, finished_at=1.0, error="the source went away")
    assert "broke off: the source went away" in page(verification=broken)


def test_the_gate_lists_reasons_and_notes():
    """Closed with each reason; open with what is still to be done before the switch."""
    closed = Verdict(can_cutover=False, reasons=(Reason("lag", "orders", "orders: the lag is 9 s"),))
    opened = Verdict(can_cutover=True, reasons=(), notes=("orders: proved by time",))
    assert [line.plain for line in gate_lines(_plain(closed))] == [
        "gate  closed",
        "  · orders: the lag is 9 s",
    ]
    assert [line.plain for line in gate_lines(_plain(opened))] == [
        "gate  open: cutover is safe",
        "  note: orders: proved by time",
    ]


def _plain(verdict):
    reasons = [{"text": reason.text} for reason in verdict.reasons]
    return {"can_cutover": verdict.can_cutover, "reasons": reasons, "notes": list(verdict.notes)}
