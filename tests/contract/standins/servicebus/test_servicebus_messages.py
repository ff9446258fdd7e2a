"""The Service Bus stand-in, asked by the real SDK: what becomes of messages in a queue."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessageState, ServiceBusReceiveMode
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError, ServiceBusError
from servicebus_namespace import bodies, message, nothing, take

pytestmark = pytest.mark.asyncio(loop_scope="module")


def in_an_hour(namespace):
    """A time by the server's clock, which other tests have moved."""
    return datetime.fromtimestamp(namespace.server.now(), UTC) + timedelta(hours=1)


async def test_a_message_arrives_with_all_that_it_was_sent_with(namespace):
    """Body and properties arrive as they were sent, with a number and times of the broker's."""
    namespace.create()
    sender, receiver = await namespace.pair()
    properties = {"text": "ä", "number": 7, "float": 1.5, "flag": True, "none": None}
    sent = message(
        b"\x00\xff",
        message_id="m1",
        subject="s",
        content_type="application/json",
        correlation_id="c1",
        reply_to="r",
        to="t",
        partition_key="p1",
        application_properties=properties,
    )
    await sender.send_messages(sent)
    (got,) = await take(receiver)
    assert b"".join(got.body) == b"\x00\xff"
    assert (got.message_id, got.subject, got.content_type, got.correlation_id) == (
        "m1",
        "s",
        "application/json",
        "c1",
    )
    assert (got.reply_to, got.to, got.partition_key) == ("r", "t", "p1")
    text = {name.decode(): value for name, value in got.application_properties.items()}
    assert text == {**properties, "text": "ä".encode()}
    assert (got.sequence_number, got.delivery_count, got.state) == (1, 0, ServiceBusMessageState.ACTIVE)
    now = datetime.fromtimestamp(namespace.server.now(), UTC)
    assert abs(got.enqueued_time_utc - now) < timedelta(seconds=30)
    assert timedelta(seconds=30) < got.locked_until_utc - now <= timedelta(seconds=60)


async def test_a_batch_arrives_in_order_and_is_gone_once_completed(namespace):
    """The messages of a batch arrive one by one in its order, and completed ones are gone."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages([message(str(number), message_id=str(number)) for number in range(250)])
    got = await take(receiver, 250)
    assert bodies(got) == [str(number) for number in range(250)]
    await asyncio.gather(*(receiver.complete_message(each) for each in got))
    assert namespace.counts() == (0, 0, 0, 0)


async def test_receive_and_delete_takes_messages_at_once(namespace):
    """A receiver in receive-and-delete mode leaves nothing locked or waiting."""
    namespace.create()
    sender, receiver = await namespace.pair(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    await sender.send_messages([message("a"), message("b")])
    assert bodies(await take(receiver, 2)) == ["a", "b"]
    assert namespace.counts() == (0, 0, 0, 0)


async def test_an_abandoned_message_takes_its_old_place(namespace):
    """Abandoning gives a message back before later ones and counts a delivery."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages([message("a"), message("b")])
    (first,) = await take(receiver)
    await receiver.abandon_message(first)
    again = await take(receiver, 2)
    assert [(str(each), each.delivery_count) for each in again] == [("a", 1), ("b", 0)]


async def test_a_message_that_fails_too_often_is_dead_lettered(namespace):
    """After max_delivery_count failed deliveries a message is in the dead-letter queue with the reason."""
    namespace.create(max_delivery_count=2)
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("bad"))
    for _ in range(2):
        (got,) = await take(receiver)
        await receiver.abandon_message(got)
    (dead,) = await namespace.dead_letters()
    assert (str(dead), dead.dead_letter_reason) == ("bad", "MaxDeliveryCountExceeded")
    assert namespace.counts() == (0, 0, 0, 0)


async def test_a_dead_lettered_message_keeps_its_properties_and_has_the_reason(namespace):
    """Dead-lettering adds reason and description to the properties and keeps the others."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("bad", application_properties={"n": 3, "DeadLetterReason": "old"}))
    (got,) = await take(receiver)
    await receiver.dead_letter_message(got, reason="poison", error_description="it is bad")
    assert namespace.counts() == (0, 0, 0, 1)
    (dead,) = await namespace.dead_letters()
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("poison", "it is bad")
    assert (dead.application_properties[b"n"], dead.enqueued_sequence_number) == (3, 1)


async def test_a_deferred_message_comes_by_its_number_only(namespace):
    """A deferred message is not delivered, is received by number, and an unknown number is not found."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("later"))
    (got,) = await take(receiver)
    await receiver.defer_message(got)
    assert namespace.counts() == (0, 1, 0, 0)
    await nothing(receiver)
    (peeked,) = await receiver.peek_messages(sequence_number=1)
    assert peeked.state == ServiceBusMessageState.DEFERRED
    with pytest.raises(MessageNotFoundError):
        await receiver.receive_deferred_messages([got.sequence_number, 99])
    (deferred,) = await receiver.receive_deferred_messages(got.sequence_number)
    await receiver.complete_message(deferred)
    assert namespace.counts() == (0, 0, 0, 0)


async def test_a_deferred_message_that_is_abandoned_stays_deferred(namespace):
    """Abandoning, dead-lettering and completing work over the management link too."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages([message("a"), message("b")])
    for got in await take(receiver, 2):
        await receiver.defer_message(got)
    first, second = await receiver.receive_deferred_messages([1, 2])
    await receiver.abandon_message(first)
    await receiver.dead_letter_message(second, reason="poison")
    assert namespace.counts() == (0, 1, 0, 1)


async def test_a_scheduled_message_comes_at_its_time_under_a_new_number(namespace):
    """A scheduled message waits for its time, then goes behind the others; a cancelled one never comes."""
    namespace.create()
    sender, receiver = await namespace.pair()
    at = in_an_hour(namespace)
    numbers = await sender.schedule_messages([message("a"), message("b")], at)
    await sender.send_messages(message("c", scheduled_enqueue_time_utc=at))
    await sender.cancel_scheduled_messages(numbers[1])
    with pytest.raises(MessageNotFoundError):
        await sender.cancel_scheduled_messages(numbers[1])
    assert namespace.counts() == (0, 0, 2, 0)
    await nothing(receiver)
    namespace.server.advance_clock(3601)
    got = await take(receiver, 2)
    assert bodies(got) == ["a", "c"]
    assert min(each.sequence_number for each in got) > max(numbers)


async def test_a_lock_that_expires_gives_the_message_back(namespace):
    """After its lock expired a message comes again, counted, and its first receiver cannot settle it."""
    namespace.create(lock_seconds=30)
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("a"))
    (first,) = await take(receiver)
    namespace.server.advance_clock(31)
    (second,) = await take(receiver)
    assert second.delivery_count == 1
    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(first)
    await receiver.complete_message(second)
    assert namespace.counts() == (0, 0, 0, 0)


async def test_a_renewed_lock_lasts_longer(namespace):
    """A renewed lock holds past its first end, and a lost one cannot be renewed."""
    namespace.create(lock_seconds=30)
    sender, receiver = await namespace.pair()
    await sender.send_messages([message("a"), message("b")])
    first, second = await take(receiver, 2)
    namespace.server.advance_clock(20)
    until = await receiver.renew_message_lock(first)
    assert until - first.enqueued_time_utc > timedelta(seconds=49)
    namespace.server.advance_clock(20)
    await receiver.complete_message(first)
    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(second)


async def test_messages_live_no_longer_than_the_queue_lets_them(namespace):
    """The header's life is honoured, clamped by the queue's, and expired messages are dead-lettered."""
    namespace.create(default_ttl_seconds=100, dead_letter_on_expiration=True)
    sender, receiver = await namespace.pair()
    await sender.send_messages(
        [
            message("short", time_to_live=timedelta(seconds=10)),
            message("long", time_to_live=timedelta(days=10)),
            message("default"),
        ]
    )
    peeked = await receiver.peek_messages(3)
    assert [each.time_to_live.total_seconds() for each in peeked] == [10, 100, 100]
    namespace.server.advance_clock(50)
    assert namespace.counts() == (2, 0, 0, 1)
    got = await take(receiver, 2)
    namespace.server.advance_clock(55)
    # A locked message does not expire before its lock does.
    assert namespace.counts() == (2, 0, 0, 1)
    await receiver.complete_message(got[0])
    await receiver.abandon_message(got[1])
    dead = await namespace.dead_letters()
    assert [(str(each), each.dead_letter_reason) for each in dead] == [
        ("short", "TTLExpiredException"),
        ("default", "TTLExpiredException"),
    ]


async def test_expired_messages_vanish_where_they_are_not_dead_lettered(namespace):
    """Without dead-lettering an expired message is gone."""
    namespace.create()
    sender = await namespace.sender()
    await sender.send_messages(message("a", time_to_live=timedelta(seconds=5)))
    namespace.server.advance_clock(6)
    assert namespace.counts() == (0, 0, 0, 0)


async def test_duplicates_vanish_within_the_window(namespace):
    """An id is taken once within the window, also where its message was cancelled or completed."""
    namespace.create(duplicate_detection_seconds=60)
    sender, receiver = await namespace.pair()
    await sender.send_messages([message("a", message_id="1"), message("again", message_id="1")])
    await sender.send_messages(message("again", message_id="1"))
    (number,) = await sender.schedule_messages(message("b", message_id="2"), in_an_hour(namespace))
    await sender.cancel_scheduled_messages(number)
    await sender.send_messages(message("b", message_id="2"))
    (got,) = await take(receiver)
    await receiver.complete_message(got)
    assert namespace.counts() == (0, 0, 0, 0)
    namespace.server.advance_clock(61)
    await sender.send_messages([message("a", message_id="1"), message("b", message_id="2")])
    assert namespace.counts() == (2, 0, 0, 0)


async def test_peeking_changes_nothing_and_goes_on_from_a_number(namespace):
    """Peeking shows messages from a number on, locked ones too, and locks none."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages([message(str(number)) for number in range(5)])
    await take(receiver)
    assert bodies(await receiver.peek_messages(2, sequence_number=1)) == ["0", "1"]
    assert bodies(await receiver.peek_messages(9, sequence_number=4)) == ["3", "4"]
    assert await receiver.peek_messages(1, sequence_number=6) == []
    with pytest.raises(ValueError, match="not supported for peeked"):
        await receiver.complete_message((await receiver.peek_messages(1, sequence_number=1))[0])


async def test_what_a_closing_receiver_did_not_take_is_free_again(namespace):
    """Prefetched messages that nobody took are released when a receiver closes, uncounted."""
    namespace.create()
    sender = await namespace.sender()
    await sender.send_messages([message(str(number)) for number in range(5)])
    async with namespace.client().get_queue_receiver(namespace.queue, prefetch_count=10) as prefetching:
        await take(prefetching)
    receiver = await namespace.receiver()
    again = await take(receiver, 4)
    assert [(str(each), each.delivery_count) for each in again] == [
        (str(number), 0) for number in (1, 2, 3, 4)
    ]


async def test_competing_receivers_share_the_messages(namespace):
    """Two receivers get different messages of one queue."""
    namespace.create()
    sender, *receivers = await asyncio.gather(
        namespace.sender(), namespace.receiver(), namespace.receiver()
    )
    await sender.send_messages([message(str(number)) for number in range(20)])
    taken = await asyncio.gather(*(take(each, 10) for each in receivers))
    assert sorted(int(body) for body in bodies(taken[0] + taken[1])) == list(range(20))


async def test_a_dead_letter_queue_takes_no_messages_of_its_own(namespace):
    """Sending to a dead-letter queue is refused."""
    namespace.create()
    with pytest.raises(ServiceBusError, match="not-allowed"):
        await namespace.sender(f"{namespace.queue}/$DeadLetterQueue")


async def test_a_reader_that_is_slow_gets_everything(namespace):
    """More than a connection holds at once is delivered as it is read, in order and complete."""
    namespace.create()
    sender = await namespace.sender()
    for first in range(0, 400, 100):
        numbers = range(first, first + 100)
        await sender.send_messages([message(f"{number} " + "x" * 2000) for number in numbers])
    receiver = await namespace.receiver(
        prefetch_count=1000, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    )
    got = []
    while len(got) < 400:
        got += await receiver.receive_messages(400 - len(got), max_wait_time=5)
    assert [int(str(each).split()[0]) for each in got] == list(range(400))
