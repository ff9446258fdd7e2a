"""The SQS source keeps every promise about sources of messages, over both kinds of queue."""

import pytest
from sqs_queue import SPARE, queue

from replicator.testing import message_source_contract


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize("check", message_source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_promises(environment, name, kind, check):
    """With end messages allowed."""
    async with queue(name, VisibilityTimeout="2", **SPARE[kind]) as opened:

        async def open_source():
            return opened.source(markers=True)

        harness = message_source_contract.MessageSourceHarness(
            open_source, opened.send, opened.count, opened.fifo, visibility_seconds=2.0
        )
        await check(harness)
