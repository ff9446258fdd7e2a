"""The S3 source makes dirty keys of events, deletes them when told, and proves what it has read."""

import asyncio
import time

import pytest
from s3_bucket import Reading, aws, bucket, eventually

from replicator.connector import Backlogs, Checks, Downloads, Marks, Notices, Reads, Retains, Scans
from replicator.model.errors import NotConnectedError, PermanentError, PositionLostError

__all__ = ["aws", "bucket"]


async def test_the_abilities_are_those_of_a_source_of_objects(bucket):
    """A source has marks only where markers are allowed, and everything else always."""
    bucket.create()
    source = bucket.source()
    for ability in (Backlogs, Checks, Downloads, Notices, Reads, Retains, Scans):
        assert isinstance(source, ability)
    assert not isinstance(source, Marks)
    assert isinstance(bucket.source(markers=True), Marks)


async def test_puts_and_deletes_make_keys_dirty(bucket):
    """Every event names its key exactly, with its own time, and creation and removal look the same."""
    bucket.create()
    keys = ["plain", "a b+c/ü%20.txt", "a/../b", "..", "x%2Fy", "back\\slash"]
    began = time.time() - 5
    reading = await Reading(bucket.source()).connect()
    bucket.put(*keys)
    bucket.delete("plain")
    await reading.until(lambda: reading.dirty.count("plain") == 2 or len(set(reading.dirty)) == len(keys))
    assert set(reading.dirty) == set(keys)
    changes = [change for batch in reading.batches for change in batch.changes]
    assert all(began < change.committed_at < time.time() + 5 for change in changes)


async def test_events_of_one_key_in_a_batch_are_one_change(bucket):
    """Ten events that wait together make one dirty key, of the oldest one's time."""
    bucket.create()
    for _ in range(9):
        bucket.put("a")
    bucket.delete("a")
    reading = await Reading(bucket.source()).connect()
    await reading.until(lambda: reading.read_to > 0)
    assert len(reading.dirty) < 9
    assert set(reading.dirty) == {"a"}


async def test_events_are_deleted_only_when_told(bucket):
    """Until a commit the events are kept from others, afterwards they are gone."""
    bucket.create()
    bucket.put("a", "b", "c")
    reading = await Reading(bucket.source()).connect()
    await reading.until(lambda: set(reading.dirty) == {"a", "b", "c"})
    assert bucket.left() >= 3
    await reading.forget()
    await eventually(lambda: bucket.left() == 0)
    await reading.forget()


async def test_many_events_are_all_read_and_deleted(bucket):
    """More events than one call takes are read by several at once, each once, and positions grow."""
    bucket.create()
    keys = {f"key-{number:03d}" for number in range(150)}
    bucket.put(*keys)
    reading = await Reading(bucket.source(messages_max=40)).connect()
    async with asyncio.timeout(30):
        while set(reading.dirty) != keys:
            batches = len(reading.batches) + 1
            await reading.until(lambda wanted=batches: len(reading.batches) >= wanted)
            await reading.forget()
    positions = [int(batch.position) for batch in reading.batches]
    assert positions == sorted(set(positions))
    assert len(reading.dirty) == len(keys)
    await eventually(lambda: bucket.left() == 0)


async def test_no_more_events_are_taken_than_may_be_in_hand(bucket):
    """While nothing is committed, a full hand takes no more."""
    bucket.create()
    bucket.put(*(f"key-{number:03d}" for number in range(60)))
    reading = await Reading(bucket.source(messages_max=10, receivers_max=1)).connect()
    await reading.until(lambda: len(reading.dirty) >= 10)
    with pytest.raises(TimeoutError):
        await reading.until(lambda: False, seconds=1.5)
    assert len(reading.dirty) <= 20
    await reading.forget()
    await reading.until(lambda: len(reading.dirty) > 20)


async def test_what_was_not_committed_comes_back_at_once(bucket):
    """A source that is closed gives its messages back, for the next one to receive without waiting."""
    bucket.create()
    bucket.put("a", "b")
    first = await Reading(bucket.source(hidden_seconds=3600)).connect()
    await first.until(lambda: set(first.dirty) == {"a", "b"})
    await first.source.close()
    second = await Reading(bucket.source()).connect(first.positions)
    await second.until(lambda: set(second.dirty) == {"a", "b"}, seconds=10)
    assert min(int(batch.position) for batch in second.batches) > int(first.positions["events"])


async def test_an_idle_source_that_is_closed_swallows_nothing(bucket):
    """An event of right after the close goes to the next source at once."""
    bucket.create()
    first = await Reading(bucket.source(hidden_seconds=3600)).connect()
    await first.until(lambda: first.read_to > 0)
    await first.source.close()
    bucket.put("a")
    second = await Reading(bucket.source()).connect()
    await second.until(lambda: second.dirty == ["a"], seconds=10)


async def test_messages_in_hand_stay_hidden(bucket):
    """What waits for its commit longer than the queue would hide it is not delivered again."""
    bucket.create()
    bucket.put("a")
    reading = await Reading(bucket.source(hidden_seconds=10)).connect()
    await reading.until(lambda: reading.dirty == ["a"])
    until = time.time() + 13
    await reading.until(lambda: reading.read_to > until, seconds=30)
    assert reading.dirty == ["a"]
    await reading.forget()
    await eventually(lambda: bucket.left() == 0)


async def test_connecting_again_keeps_what_is_in_hand(bucket):
    """An engine that goes on from what it has read can still commit it."""
    bucket.create()
    bucket.put("a")
    reading = await Reading(bucket.source()).connect()
    await reading.until(lambda: reading.dirty == ["a"])
    await reading.connect(dict(reading.positions))
    await reading.forget()
    await eventually(lambda: bucket.left() == 0)
    bucket.put("b")
    await reading.until(lambda: reading.dirty == ["a", "b"])


async def test_going_back_delivers_again(bucket):
    """An engine that begins anew on the same source gets what it had not committed."""
    bucket.create()
    bucket.put("a")
    reading = await Reading(bucket.source(hidden_seconds=3600)).connect()
    await reading.until(lambda: reading.dirty == ["a"])
    await reading.connect(None)
    await reading.until(lambda: reading.dirty == ["a", "a"], seconds=10)


async def test_a_cancelled_read_loses_nothing(bucket):
    """What a cancelled read did not return comes with the next one."""
    bucket.create()
    reading = await Reading(bucket.source()).connect()
    keys = [f"key-{number:02d}" for number in range(30)]
    writing = asyncio.create_task(asyncio.to_thread(bucket.put, *keys))
    for attempt in range(60):
        try:
            async with asyncio.timeout(0.001 * (attempt % 5)):
                reading.batches.append(await reading.source.read())
        except TimeoutError:
            await asyncio.sleep(0.005)
    await writing
    await reading.until(lambda: len(reading.dirty) == 30)
    assert sorted(reading.dirty) == keys


async def test_a_closed_source_is_not_connected(bucket):
    """Reading needs a connection; closing twice is harmless; a foreign position is refused."""
    bucket.create()
    source = bucket.source()
    with pytest.raises(NotConnectedError):
        await source.read()
    await source.connect(None)
    await source.close()
    await source.close()
    with pytest.raises(NotConnectedError):
        await source.read()
    with pytest.raises(PositionLostError):
        await source.connect({"events": "shard-1"})


async def test_an_empty_queue_proves_itself_read(bucket):
    """Without markers a call that waited in vain proves what was committed before it."""
    bucket.create()
    reading = await Reading(bucket.source()).connect()
    bucket.put("a")
    moment = time.time()
    await reading.until(lambda: reading.read_to > moment)
    assert reading.dirty == ["a"]
    assert reading.read_to <= time.time()


async def test_a_mark_comes_out_behind_what_was_before_it(bucket):
    """A mark's name comes when all earlier events have been delivered, and canaries are no changes."""
    bucket.create()
    reading = await Reading(bucket.source(markers=True, heartbeat_seconds=300)).connect()
    for number in range(3):
        keys = {f"{number}-{each}" for each in range(12)}
        bucket.put(*keys)
        first, second = await reading.source.mark(), await reading.source.mark()
        await reading.until(lambda first=first: first in reading.marks)
        assert keys <= set(reading.dirty)
        await reading.until(lambda second=second: second in reading.marks)
    assert not any(".replicator" in key for key in reading.dirty)
    assert {row.key[0] for row in (await reading.source.scan('["", null]', None)).rows} == set(
        reading.dirty
    )


async def test_canaries_beat_by_themselves(bucket):
    """With markers an idle source proves itself read again and again, and keeps no message."""
    bucket.create()
    reading = await Reading(bucket.source(markers=True, heartbeat_seconds=0.2)).connect()
    proofs = set()

    def have_come():
        proofs.add(reading.read_to)
        return len(proofs) > 4

    await reading.until(have_come)
    assert max(proofs) <= time.time()
    await reading.source.close()
    await eventually(lambda: bucket.left() <= 1)


async def test_a_put_that_fails_delays_the_mark(bucket, aws):
    """A canary that was refused is followed by another, which proves the mark as well."""
    bucket.create()
    reading = await Reading(bucket.source(markers=True, heartbeat_seconds=300)).connect()
    await reading.until(lambda: reading.read_to > 0)
    await aws.add_fault("throttle", service="s3", operation="PUT", count=1)
    mark = await reading.source.mark()
    await reading.until(lambda: mark in reading.marks)
    assert {(error.reason, error.settled) for error in reading.troubles} <= {("throttled", True)}


async def test_other_peoples_messages_are_left_alone(bucket):
    """What is no event of this bucket and prefix stays, is not received all the time, and is told of."""
    bucket.create()
    bucket.send("just text")
    bucket.send({"Records": [{"eventSource": "aws:ses"}]})
    bucket.send({"order": 12})
    bucket.put("other/a", "mine/b")
    source = bucket.source(prefix="mine/")
    reading = await Reading(source).connect()
    await reading.until(lambda: "mine/b" in reading.dirty and reading.read_to > 0)
    assert reading.dirty == ["mine/b"]
    await reading.forget()
    await eventually(lambda: bucket.left() == 4)
    (notice,) = source.notices()
    assert notice.startswith("4 messages")
    assert bucket.name in notice
    await source.close()
    found = bucket.sqs.receive_message(QueueUrl=bucket.queue_url, MaxNumberOfMessages=10)
    assert len(found["Messages"]) == 4


async def test_a_test_event_is_deleted_silently(bucket):
    """What S3 sends when a notification is set up is no message of anybody."""
    bucket.create()
    source = bucket.source()
    reading = await Reading(source).connect()
    await reading.until(lambda: reading.read_to > 0)
    await eventually(lambda: bucket.left() == 0)
    assert source.notices() == ()
    assert reading.dirty == []


async def test_the_backlog_counts_what_waits(bucket):
    """Messages in the queue are counted, those in hand are not."""
    bucket.create()
    bucket.put("a", "b", "c")
    source = bucket.source()
    assert (await source.backlog()).changes >= 3
    reading = await Reading(source).connect()
    await reading.until(lambda: set(reading.dirty) == {"a", "b", "c"} and reading.read_to > 0)
    assert (await source.backlog()).changes == 0
    assert source.retention_seconds > 3600


async def test_troubles_of_the_queue_come_out_of_read(bucket, aws):
    """A throttled or broken receive is told, and costs no event."""
    bucket.create()
    reading = await Reading(bucket.source()).connect()
    await aws.add_fault("throttle", service="sqs", operation="ReceiveMessage", count=2)
    await aws.add_fault("error", service="sqs", operation="ReceiveMessage", count=1)
    bucket.put("a", "b")
    await reading.until(lambda: set(reading.dirty) == {"a", "b"} and reading.troubles)
    assert "throttled" in {error.reason for error in reading.troubles}


async def test_a_commit_that_fails_can_be_repeated(bucket, aws):
    """Messages whose deletion failed stay in hand until it succeeds."""
    bucket.create()
    bucket.put("a")
    reading = await Reading(bucket.source()).connect()
    await reading.until(lambda: reading.dirty == ["a"])
    await aws.add_fault("throttle", service="sqs", operation="DeleteMessageBatch", count=1)
    with pytest.raises(Exception, match="Throttled"):
        await reading.forget()
    await reading.forget()
    await eventually(lambda: bucket.left() == 0)


async def test_a_queue_that_is_deleted_stops_the_source(bucket):
    """Reading says so for good, with a hint, until the source is connected again to one that is there."""
    bucket.create()
    reading = await Reading(bucket.source()).connect()
    await reading.until(lambda: reading.read_to > 0)
    bucket.sqs.delete_queue(QueueUrl=bucket.queue_url)
    with pytest.raises(PermanentError, match="ReceiveMessage") as caught:
        await reading.until(lambda: False)
    assert "queue_url" in caught.value.hint
    with pytest.raises(PermanentError):
        await reading.connect(reading.positions)
    await reading.source.close()
    bucket.queue_url = ""
