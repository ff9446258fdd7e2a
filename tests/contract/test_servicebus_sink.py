"""The Service Bus sink keeps messages whole, in order and apart from their duplicates."""

import time

import pytest
from servicebus_queue import bus, message, scripted, sent

from connectors.servicebus import decode
from localcloud.servicebus import Fault
from replicator.connector import Inserts, Notices, Probes, Scans, Trials, Uploads, Writes
from replicator.model.change import Change, Kind
from replicator.model.errors import (
    BatchError,
    ChangeError,
    NotConnectedError,
    PermanentError,
    TransientError,
)
from replicator.model.record import Attribute, Item

KIB = 1024


@pytest.fixture
async def queue(monkeypatch):
    """A namespace with a queue without sessions."""
    async with bus(monkeypatch) as opened:
        await opened.create()
        yield opened


@pytest.fixture
async def grouped(monkeypatch):
    """A namespace with a queue that requires sessions."""
    async with bus(monkeypatch) as opened:
        await opened.create(requires_session=True)
        yield opened


async def test_it_is_a_sink_of_messages(queue):
    """It writes, tries and probes, and has nothing by which it would pass for another shape."""
    sink = queue.sink()
    assert all(isinstance(sink, ability) for ability in (Writes, Trials, Probes, Notices))
    assert not any(isinstance(sink, ability) for ability in (Inserts, Scans, Uploads))


async def test_a_message_arrives_as_it_was(queue):
    """Body, attributes of every type and what the source said come back from a received message."""
    sink = await queue.connected()
    now = time.time()
    whole = message(
        "2f1c8a0e-5f43-4d7f-9d0f-0a4fd7a5c0de",
        "καλημέρα\r\n\t{}",
        attributes={
            "text": "naïve",
            "empty": "",
            "digits": Attribute("Number.int", "123456789012345678901234567890"),
            "bytes": Attribute("Binary.png", bytes(range(256))),
            "custom": Attribute("String.order", "x"),
            "Replicator": "ours",
            "DeadLetterReason": "theirs",
        },
        sent_at=1_700_000_000.123,
        expires_at=now + 86_400.5,
        properties={"SenderId": "AIDA", "SequenceNumber": "18849496460467696128", "ReceiveCount": "3"},
    )
    # The first message of a call is encoded by the SDK, the others are by us.
    second = whole._replace(id="0b0b8e0c-57d0-4f5c-9a52-3d1a1f3c7c11")
    await sink.write([Change(Kind.UPSERT, (each.id,), each, 0.0) for each in (whole, second)])
    received, other = await queue.take(2)
    assert b"".join(received.body) == whole.body.encode()
    assert received.message_id == whole.id
    assert received.content_type == "text/plain; charset=utf-8"
    assert 86_300 < received.time_to_live.total_seconds() <= 86_401
    assert received.application_properties[b"digits"] == b"123456789012345678901234567890"
    assert (decode(received), decode(other)) == (whole, second)
    for name in ("content_type", "session_id", "partition_key", "subject", "correlation_id", "body_type"):
        assert getattr(other, name) == getattr(received, name)
    assert abs(other.time_to_live - received.time_to_live).total_seconds() <= 1


async def test_messages_of_a_call_arrive_in_order(queue):
    """Several parcels that one call needs, and several calls, land one behind the other."""
    sink = await queue.connected()
    changes = [sent(f"m{number:03}", str(number) + "x" * 3000) for number in range(200)]
    await sink.write(changes[:150])
    await sink.write(changes[150:])
    assert [each.id for each in await queue.messages(200)] == [change.key[0] for change in changes]


async def test_the_same_message_again_changes_nothing(queue):
    """A write that is repeated is dropped by its message id; an equal body under another id is not."""
    sink = await queue.connected()
    await sink.write([sent("a"), sent("b")])
    await sink.write([sent("a"), sent("b"), sent("c")])
    assert [each.id for each in await queue.messages(3)] == ["a", "b", "c"]


async def test_what_the_source_took_for_the_same_stays_apart(grouped):
    """A deduplication id that is used again, or in two groups, swallows nothing at the sink."""
    sink = await grouped.connected(sessions=True)
    await sink.write(
        [sent("1", group="g", deduplication_id="d"), sent("2", group="h", deduplication_id="d")]
    )
    await sink.write([sent("3", group="g", deduplication_id="d")])
    assert [each.id for each in await grouped.messages(2, session="g")] == ["1", "3"]
    (other,) = await grouped.messages(1, session="h")
    assert (other.group, other.deduplication_id) == ("h", "d")


async def test_groups_are_sessions_and_keep_their_order(grouped):
    """One call may mix groups; each comes out of its session in the order in which it was written."""
    sink = await grouped.connected(sessions=True)
    assert sink.group(("g", "1")) == sink.group(("h", "2"))
    await sink.write([sent(f"{number}", group=f"g{number % 3}") for number in range(30)])
    for group in range(3):
        got = await grouped.messages(10, session=f"g{group}")
        assert [each.id for each in got] == [f"{number}" for number in range(group, 30, 3)]


async def test_of_a_partitioned_queue_a_call_holds_one_partition(queue):
    """There the group is the session, or, without sessions, what the message id hashes to, and stays so."""
    sessions = queue.sink(partitioned=True, sessions=True)
    assert sessions.group(("g", "1")) == sessions.group(("g", "2")) != sessions.group(("h", "1"))
    sink = await queue.connected(partitioned=True)
    assert 1 < len({sink.group((f"m{number}",)) for number in range(100)}) <= 16
    await sink.write([sent("a")])
    (received,) = await queue.take(1)
    assert received.partition_key == sink.group(("a",))


@pytest.mark.parametrize(
    "unfit",
    [
        sent("wrong", attributes={"large": "x" * 33 * KIB}),
        sent("wrong", attributes={f"a{number}": "x" * 30 * KIB for number in range(3)}),
        sent("wrong", attributes={"odd": Attribute("Binary", "text")}),
        sent("wrong", "x" * 300 * KIB),
        sent("wrong", "x" * (256 * KIB - 20)),
        sent("wrong", "x" * (256 * KIB - 100)),
        sent("wrong", "\ud800"),
    ],
    ids=["property", "properties", "type", "body", "just-too-large", "nearly", "no-text"],
)
async def test_a_message_that_does_not_fit_is_named_and_holds_up_no_other(queue, unfit):
    """What the queue cannot carry is that change's own error, and of no group nothing waits for it."""
    sink = await queue.connected()
    with pytest.raises(ChangeError):
        await sink.write([unfit])
    with pytest.raises(BatchError) as caught:
        await sink.write([sent("a"), unfit, sent("b")])
    assert {key: type(error) for key, error in caught.value.failures.items()} == {("wrong",): ChangeError}
    assert [each.id for each in await queue.messages(2)] == ["a", "b"]


async def test_a_message_of_nearly_the_limit_is_carried(queue):
    """What a batch has no room for is sent alone."""
    sink = await queue.connected()
    large = "x" * (254 * KIB + 512)
    await sink.write([sent("a"), sent("large", large), sent("b")])
    assert [len(each.body) for each in await queue.messages(3)] == [5, len(large), 5]


async def test_premium_takes_a_message_that_no_batch_takes(monkeypatch):
    """There a message may be larger than a batch; the link says how large."""
    async with bus(monkeypatch, tier="premium") as opened:
        scripted(opened)
        await opened.create(message_bytes_max=5 * KIB * KIB)
        sink = await opened.connected(tier="premium")
        await sink.write([sent("a"), sent("large", "x" * (4 * KIB * KIB)), sent("b")])
        assert [len(each.body) for each in await opened.messages(3)] == [5, 4 * KIB * KIB, 5]
        with pytest.raises(ChangeError, match="at most"):
            await sink.write([sent("c", "x" * (6 * KIB * KIB))])


async def test_behind_a_refused_message_nothing_of_its_group_lands(grouped):
    """Later messages of the group fail too, settled, to be written again; other groups go on."""
    sink = await grouped.connected(sessions=True)
    changes = [
        sent("1", group="g"),
        sent("2", "x" * 300 * KIB, group="g"),
        sent("3", group="h"),
        sent("4", group="g"),
    ]
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    failures = caught.value.failures
    assert {key[1]: type(error) for key, error in failures.items()} == {
        "2": ChangeError,
        "4": TransientError,
    }
    assert failures["g", "4"].settled
    assert [each.id for each in await grouped.messages(1, session="g")] == ["1"]
    assert [each.id for each in await grouped.messages(1, session="h")] == ["3"]


async def test_a_life_goes_on_where_it_was(queue):
    """An expired message gets a second, and then does what the queue does with expired ones."""
    server = scripted(queue)
    sink = await queue.connected()
    now = time.time()
    await sink.write([sent("old", expires_at=now - 100), sent("new", expires_at=now + 5000), sent("ever")])
    server.advance_clock(2)
    (dead,) = await queue.take(1, dead=True)
    assert (dead.message_id, dead.dead_letter_reason) == ("old", "TTLExpiredException")
    new, ever = await queue.take(2)
    assert (new.message_id, ever.time_to_live) == ("new", None)


async def test_the_other_kind_of_message_stops_the_pipeline(queue, monkeypatch):
    """A group needs sessions, and a queue with sessions needs groups; both say so and send nothing."""
    sink = await queue.connected()
    with pytest.raises(PermanentError, match="has a group") as caught:
        await sink.write([sent("a"), sent("b", group="g")])
    assert caught.value.hint
    with pytest.raises(PermanentError, match="no message"):
        await sink.write([Change(Kind.UPSERT, ("a",), Item({}), 0.0)])
    async with bus(monkeypatch) as other:
        await other.create(requires_session=True)
        sink = await other.connected(sessions=True)
        with pytest.raises(PermanentError, match="has no group"):
            await sink.write([sent("a")])


@pytest.mark.parametrize("sessions", [False, True])
async def test_connecting_to_the_other_kind_of_queue_is_refused(monkeypatch, sessions):
    """A session queue for a standard source, and the reverse, are refused before anything is sent."""
    async with bus(monkeypatch) as opened:
        await opened.create(requires_session=not sessions)
        with pytest.raises(PermanentError, match="sessions") as caught:
            await opened.connected(sessions=sessions)
        assert caught.value.hint
        (finding,) = await opened.sink(sessions=sessions).probe()
        assert "sessions" in finding.message


@pytest.mark.parametrize("sessions", [False, True])
async def test_a_trial_is_seen_by_nobody(monkeypatch, sessions):
    """It can be repeated, leaves nothing in the queue, and takes no message for a duplicate."""
    async with bus(monkeypatch) as opened:
        await opened.create(requires_session=sessions)
        sink = await opened.connected(sessions=sessions)
        for _ in range(3):
            await sink.try_write()
        if opened.server is not None:
            assert opened.counts() == (0, 0, 0)
        assert list(sink.notices()) == []


async def test_a_lost_cancelling_is_made_up_for(queue):
    """A trial whose cancelling fails is told in the notices, and the next trial takes it back."""
    server = scripted(queue)
    sink = await queue.connected()
    server.add_fault(Fault(kind="drop", operation="cancel-scheduled-message"))
    with pytest.raises(TransientError):
        await sink.try_write()
    assert queue.counts() == (0, 1, 0)
    assert ["trial" in each for each in sink.notices()] == [True]
    await sink.try_write()
    assert queue.counts() == (0, 0, 0)
    assert list(sink.notices()) == []


async def test_writing_needs_a_connection(queue):
    """Before connect and after close there is none; connect makes one again."""
    sink = queue.sink()
    with pytest.raises(NotConnectedError):
        await sink.write([sent("a")])
    await sink.connect()
    await sink.write([sent("a")])
    await sink.close()
    await sink.close()
    with pytest.raises(NotConnectedError):
        await sink.write([sent("b")])
    await sink.connect()
    await sink.write([sent("b")])
    assert [each.id for each in await queue.messages(2)] == ["a", "b"]


async def test_nothing_is_written_by_nothing(queue):
    """An empty call is a success."""
    sink = await queue.connected()
    await sink.write([])
