"""The SQS source over a real socket: what the contract cannot know."""

import asyncio

import pytest
from sqs_queue import SPARE, queue

from connectors.sqs import SqsSourceSettings, connector
from replicator.connector import Context, Describes, Marks, Severity
from replicator.model.errors import PermanentError, TransientError


async def read(source, count, *, commits=True):
    """So many changes, and what was proved on the way."""
    changes, marks, read_to = [], [], None
    async with asyncio.timeout(30):
        while len(changes) < count:
            batch = await source.read()
            changes += batch.changes
            marks += batch.marks
            read_to = batch.read_to or read_to
            if commits:
                await source.commit({batch.partition: batch.position})
    return changes, marks, read_to


async def test_marks_are_an_ability_of_the_settings(environment, name):
    """Without permission nothing is ever sent into the queue."""
    async with queue(name) as opened:
        assert not isinstance(opened.source(), Marks)
        assert isinstance(opened.source(markers=True), Marks)


async def test_everything_that_sqs_says_of_a_message_is_kept(environment, name):
    """Receive count, sender and sequence number are properties under SQS's own names."""
    async with queue(name, **SPARE["fifo"]) as opened:
        await opened.send("1", group="g")
        source = opened.source()
        await source.connect(None)
        ((change,), _, _) = await read(source, 1)
        message = change.record
        assert change.key == ("g", message.id)
        assert (message.group, message.deduplication_id) == ("g", "1")
        assert message.properties["ApproximateReceiveCount"] == "1"
        assert {"SenderId", "SequenceNumber"} <= message.properties.keys()
        assert message.expires_at == message.sent_at + 345_600
        assert change.committed_at == message.sent_at


async def test_a_restless_queue_loses_nothing(local_clouds, environment, name):
    """Shuffled, late and repeated messages all come; what comes again while in hand is swallowed."""
    async with queue(name) as opened:
        await local_clouds.aws.disorder_queue(
            opened.name, seed=5, shuffle=True, repeat=0.3, late=0.3, late_seconds=1
        )
        for number in range(60):
            await opened.send(str(number))
        source = opened.source()
        await source.connect(None)
        bodies = set()
        async with asyncio.timeout(30):
            while len(bodies) < 60:
                batch = await source.read()
                bodies |= {change.record.body for change in batch.changes}
                await source.commit({batch.partition: batch.position})


async def test_throttling_is_told_and_passes(local_clouds, environment, name):
    """A throttled call is a settled trouble with its own reason; the messages come after it."""
    async with queue(name) as opened:
        await opened.send("1")
        await local_clouds.aws.add_fault(
            kind="throttle", service="sqs", operation="ReceiveMessage", queue=opened.name, count=2
        )
        source = opened.source()
        await source.connect(None)
        with pytest.raises(TransientError) as caught:
            await source.read()
        assert (caught.value.reason, caught.value.settled) == ("throttled", True)
        async with asyncio.timeout(30):
            while True:
                try:
                    batch = await source.read()
                except TransientError:
                    continue
                if batch.changes:
                    break


async def test_a_missing_queue_is_permanent_and_found_before_the_start(environment, name):
    """Its name and what to check are in the words."""
    url = "http://127.0.0.1:9/000000000000/missing"
    async with queue(name) as opened:
        settings = SqsSourceSettings(queue_url=opened.url.replace(opened.name, "missing"))
        source = connector.open_source(settings, Context("events"))
        with pytest.raises(PermanentError, match=r"NonExistentQueue|QueueDoesNotExist"):
            await source.connect(None)
        (finding,) = await source.probe()
        assert (finding.severity, finding.passing) == (Severity.ERROR, False)
        assert "queue_url" in finding.hint
        await source.close()
    gone = connector.open_source(
        SqsSourceSettings(queue_url=url, endpoint_url="http://127.0.0.1:9"), Context("e")
    )
    (finding,) = await gone.probe()
    assert finding.passing
    await gone.close()


async def test_a_queue_describes_itself(environment, name):
    """Its settings and what waits in it, and nothing is received for that."""
    async with queue(name) as opened:
        await opened.send("1")
        source = opened.source()
        assert isinstance(source, Describes)
        traits = await source.describe()
        assert (traits.ordered, traits.deliveries_max) == (False, None)
        assert (traits.visibility_seconds, traits.retention_seconds) == (30.0, 345_600.0)
        assert traits.message_bytes_max in (256 * 1024, 1024 * 1024)
        assert traits.backlog_messages == 1
        assert await opened.received() == ["1"]


async def test_a_sound_queue_has_no_findings(environment, name):
    """Looking at it changes nothing and takes nothing."""
    async with queue(name) as opened:
        await opened.send("1")
        assert list(await opened.source().probe()) == []
        assert await opened.received() == ["1"]
