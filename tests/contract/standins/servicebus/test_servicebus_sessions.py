"""The Service Bus stand-in, asked by the real SDK: sessions."""

import asyncio
from datetime import timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from servicebus_namespace import bodies, message, nothing, take

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def send(namespace, *texts):
    """Send messages ``session:body`` in one batch."""
    sender = await namespace.sender()
    pairs = [text.split(":") for text in texts]
    await sender.send_messages([message(body, session_id=session) for session, body in pairs])
    return sender


async def test_a_session_holds_its_own_messages_in_order(namespace):
    """A receiver of one session gets its messages only, in order, an abandoned one before the rest."""
    namespace.create(requires_session=True)
    _, receiver = await asyncio.gather(
        send(namespace, "a:1", "b:1", "a:2", "b:2", "a:3"), namespace.receiver(session_id="a")
    )
    (first,) = await take(receiver)
    assert (str(first), first.session_id) == ("1", "a")
    await receiver.abandon_message(first)
    got = await take(receiver, 3)
    assert [(str(each), each.delivery_count) for each in got] == [("1", 1), ("2", 0), ("3", 0)]
    for each in got:
        await receiver.complete_message(each)
    await nothing(receiver)
    assert namespace.counts() == (2, 0, 0, 0)


async def test_a_session_has_one_holder_until_it_closes(namespace):
    """A held session cannot be locked by another; once closed it can, and nothing counts as failed."""
    namespace.create(requires_session=True)
    await send(namespace, "a:1")
    holder = await namespace.receiver(session_id="a")
    await take(holder)
    with pytest.raises(SessionCannotBeLockedError):
        await namespace.receiver(session_id="a")
    await holder.close()
    (got,) = await take(await namespace.receiver(session_id="a"))
    assert got.delivery_count == 0


async def test_the_next_available_session_is_one_with_messages(namespace):
    """Next available gives sessions with messages, each to one holder, and times out where none is left."""
    namespace.create(requires_session=True)
    await send(namespace, "a:1", "b:1")
    first, second = await asyncio.gather(
        *(namespace.receiver(session_id=NEXT_AVAILABLE_SESSION) for _ in range(2))
    )
    assert {first.session.session_id, second.session.session_id} == {"a", "b"}
    with pytest.raises(OperationTimeoutError):
        await namespace.receiver(session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)


async def test_who_waits_for_a_session_gets_the_first_that_comes(namespace):
    """An acceptor that waits gets a session as soon as a message for one is sent."""
    namespace.create(requires_session=True)
    sender = await namespace.sender()
    before = namespace.server.counts["attach ok"]
    waiting = asyncio.create_task(namespace.receiver(session_id=NEXT_AVAILABLE_SESSION, max_wait_time=10))
    while namespace.server.counts["attach ok"] < before + 3:
        # Two links for the token, then the one that waits.
        await asyncio.sleep(0.01)
    assert not waiting.done()
    await sender.send_messages(message("late", session_id="z"))
    assert (await waiting).session.session_id == "z"


async def test_a_session_lock_that_expires_is_lost_with_its_messages(namespace):
    """After expiry the holder's receiver fails, its messages count a delivery and go to the next holder."""
    namespace.create(requires_session=True, lock_seconds=30)
    await send(namespace, "a:1")
    holder = await namespace.receiver(session_id="a")
    (got,) = await take(holder)
    namespace.server.advance_clock(31)
    with pytest.raises((SessionLockLostError, ServiceBusError)):
        await holder.complete_message(got)
    with pytest.raises(SessionLockLostError):
        await holder.receive_messages(1, max_wait_time=1)
    (again,) = await take(await namespace.receiver(session_id="a"))
    assert again.delivery_count == 1


async def test_a_renewed_session_keeps_its_messages(namespace):
    """Renewing a session keeps its lock and those of its messages past their first end."""
    namespace.create(requires_session=True, lock_seconds=30)
    await send(namespace, "a:1")
    holder = await namespace.receiver(session_id="a")
    (got,) = await take(holder)
    before = holder.session.locked_until_utc
    namespace.server.advance_clock(20)
    assert await holder.session.renew_lock() - before >= timedelta(seconds=19)
    namespace.server.advance_clock(20)
    await holder.complete_message(got)
    assert namespace.counts() == (0, 0, 0, 0)


async def test_a_session_keeps_state(namespace):
    """State is stored with a session, outlives its holder and messages, and can be removed."""
    namespace.create(requires_session=True)
    holder = await namespace.receiver(session_id="a")
    assert await holder.session.get_state() is None
    await holder.session.set_state(b"\x00step 2")
    await holder.close()
    later = await namespace.receiver(session_id="a")
    assert await later.session.get_state() == b"\x00step 2"
    await later.session.set_state(None)
    assert await later.session.get_state() is None


async def test_deferred_messages_of_a_session_come_by_number(namespace):
    """A deferred message of a session is received by number in its session and completed."""
    namespace.create(requires_session=True)
    await send(namespace, "a:1", "b:2")
    holder = await namespace.receiver(session_id="a")
    (got,) = await take(holder)
    await holder.defer_message(got)
    (deferred,) = await holder.receive_deferred_messages(got.sequence_number)
    await holder.complete_message(deferred)
    assert bodies(await holder.peek_messages(5)) == []
    assert namespace.counts() == (1, 0, 0, 0)


async def test_kinds_of_queue_and_receiver_must_match(namespace):
    """A queue with sessions wants session ids and sessions, one without refuses them."""
    namespace.create(requires_session=True)
    sender = await namespace.sender()
    with pytest.raises(ServiceBusError, match="not-allowed"):
        await sender.send_messages(message("no session"))
    with pytest.raises(ServiceBusError, match="not-allowed"):
        await namespace.receiver()
    namespace.create()
    with pytest.raises(ServiceBusError, match="not-allowed"):
        await namespace.receiver(session_id="a")


async def test_dead_letters_of_a_session_queue_have_no_sessions(namespace):
    """The dead-letter queue of a session queue is received without a session; messages keep their id."""
    namespace.create(requires_session=True)
    await send(namespace, "a:bad")
    holder = await namespace.receiver(session_id="a")
    (got,) = await take(holder)
    await holder.dead_letter_message(got, reason="poison")
    (dead,) = await namespace.dead_letters()
    assert (str(dead), dead.session_id) == ("bad", "a")


async def test_sessions_go_with_their_last_message(namespace):
    """A session whose messages were taken or expired is listed no more, and is not the next available."""
    namespace.create(requires_session=True)
    sender = await namespace.sender()
    short = timedelta(seconds=5)
    await sender.send_messages(
        [message("1", session_id="a", time_to_live=short), message("2", session_id="a", time_to_live=short)]
    )
    listed = namespace.client().list_queue_sessions(namespace.queue)
    assert [each async for each in listed] == ["a"]
    namespace.server.advance_clock(6)
    listed = namespace.client().list_queue_sessions(namespace.queue)
    assert [each async for each in listed] == []
    with pytest.raises(OperationTimeoutError):
        await namespace.receiver(session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.3)
