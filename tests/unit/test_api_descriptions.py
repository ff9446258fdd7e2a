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


@pytest.mark.parametrize(
    ("backfill", "waiting"),
    [
        (None, None),
        (COPYING, 700),
        (replace(COPYING, rows=1200), 0),
        (replace(COPYING, rows_estimated=None), None),
        (replace(COPYING, phase="complete"), None),
    ],
)
def test_the_rest_of_a_backfill_is_what_waits(backfill, waiting):
    """By the source's estimate, never less than nothing; unknown where there is no estimate."""
    assert backlog_changes(replace(STATUS, backfill=backfill)) == waiting


def test_no_secret_of_a_message_is_shown():
    """What a vendor's library put into an error is masked as it is in the log."""
    secret = "AccountEndpoint=https://a;AccountKey=c2VjcmV0"
    failure = Failure("permanent", f"refused: {secret}", "", 0.0)
    trouble = Trouble("sink", "unreachable", secret, "", 0.0, 1)
    document = pipeline_document(replace(STATUS, failure=failure, troubles=(trouble,)))
    assert "c2VjcmV0" not in document.model_dump_json()
    assert "AccountEndpoint=https://a" in document.model_dump_json()
