"""The documents of the API: unknown is null and says so, and no secret is shown."""

from dataclasses import replace

import pytest

from replicator.api.descriptions import backlog_changes, pipeline_document
from replicator.engine.lag import Lag
from replicator.engine.retry import Trouble
from replicator.engine.status import BackfillStatus, Failure, PipelineStatus, State

STATUS = PipelineStatus("orders", "dynamodb", "cosmos", State.RUNNING, healthy=True)
COPYING = BackfillStatus(1, "insert", "rows", 300, 1000, 100.0, 7.0, 4, 1, None)


def test_what_was_never_observed_is_unknown():
    """Before the source was connected every figure is null, and its ``_known`` false."""
    document = pipeline_document(STATUS).model_dump()
    assert [name for name, value in document.items() if name.endswith("_known") and value] == []
    assert document["lag_seconds"] is None


def test_zero_is_known():
    """A lag of nothing is a figure, not the absence of one."""
    lag = Lag(0.0, 0.0, None, 4, 4, ())
    document = pipeline_document(replace(STATUS, lag=lag))
    assert (document.lag_seconds, document.lag_known) == (0.0, True)
    assert (document.retention_left_seconds, document.retention_left_known) == (None, False)


FRESH = Lag(0.0, 0.0, None, 4, 4, ())


@pytest.mark.parametrize(
    ("backfill", "lag", "waiting"),
    [
        (None, FRESH, None),
        (COPYING, FRESH, 705),
        (replace(COPYING, rows=1200), FRESH, 5),
        (replace(COPYING, rows_estimated=None), FRESH, None),
        (replace(COPYING, phase="complete"), FRESH, 5),
        (replace(COPYING, phase="complete"), replace(FRESH, lag_seconds=None, stale=("s",)), None),
    ],
)
def test_what_is_in_flight_and_the_rest_of_a_backfill_wait(backfill, lag, waiting):
    """Unknown where nobody can know: no estimate of the rows, or a partition that is not read."""
    status = replace(STATUS, backfill=backfill, lag=lag, changes_in_flight=5)
    assert backlog_changes(status) == waiting


def test_no_secret_of_a_message_is_shown():
    """What a vendor's library put into an error is masked as it is in the log."""
    secret = "AccountEndpoint=https://a;AccountKey=c2VjcmV0"
    failure = Failure("permanent", f"refused: {secret}", "", 0.0)
    trouble = Trouble("sink", "unreachable", secret, "", 0.0, 1)
    document = pipeline_document(replace(STATUS, failure=failure, troubles=(trouble,)))
    assert "c2VjcmV0" not in document.model_dump_json()
    assert "AccountEndpoint=https://a" in document.model_dump_json()
