"""An interrupted trial leaves nothing for long, and nothing that anybody takes for work."""

import pytest
from servicebus_queue import bus, scripted, sent

from connectors.servicebus import trial
from localcloud.servicebus import Fault
from replicator.model.errors import TransientError

pytestmark = pytest.mark.asyncio

LOST = [
    Fault(kind="drop", operation="cancel-scheduled-message"),
    Fault(kind="drop", operation="schedule-message", when="after"),
]


def lose(server, fault):
    """Let it happen once."""
    server.add_fault(fault.model_copy())


@pytest.fixture(params=[False, True], ids=["plain", "sessions"])
async def queue(request, monkeypatch):
    """A scripted namespace with a queue of either kind."""
    async with bus(monkeypatch) as opened:
        scripted(opened)
        await opened.create(requires_session=request.param)
        opened.options = {"sessions": request.param}
        yield opened


@pytest.mark.parametrize("fault", LOST, ids=["number-known", "number-lost"])
async def test_the_next_trial_takes_an_interrupted_one_back(queue, fault):
    """In the same process, whether or not it was told the number of what it scheduled."""
    sink = await queue.connected(**queue.options)
    await sink.try_write()
    lose(queue.server, fault)
    with pytest.raises(TransientError) as caught:
        await sink.try_write()
    assert caught.value.settled is False
    assert queue.counts() == (0, 1, 0)
    await sink.try_write()
    assert queue.counts() == (0, 0, 0)
    assert list(sink.notices()) == []


@pytest.mark.parametrize("fault", LOST, ids=["number-known", "number-lost"])
async def test_the_next_process_takes_an_interrupted_one_back(queue, fault):
    """Another sink finds it by its id and its property among other messages, which stay."""
    sink = await queue.connected(**queue.options)
    group = "g" if queue.options["sessions"] else None
    await sink.write([sent(f"a{number}", group=group) for number in range(130)])
    lose(queue.server, fault)
    with pytest.raises(TransientError):
        await sink.try_write()
    await sink.write([sent("replicator-trial-of-somebody", group=group)])
    await sink.close()
    assert queue.counts() == (131, 1, 0)
    other = await queue.connected(**queue.options)
    for _ in range(2):  # a page of messages with each trial
        await other.try_write()
    assert queue.counts() == (131, 0, 0)
    assert list(other.notices()) == []


async def test_what_is_left_says_that_it_is_no_work(queue):
    """It is scheduled far ahead, empty, short-lived, and named by its id and a property."""
    sink = await queue.connected(**queue.options)
    lose(queue.server, LOST[0])
    with pytest.raises(TransientError):
        await sink.try_write()
    (left,) = await queue.peek(trial.SESSION if queue.options["sessions"] else None)
    assert left.message_id.startswith(trial.ID)
    assert trial.PROPERTY.encode() in left.application_properties
    assert (b"".join(left.body), left.time_to_live.total_seconds()) == (b"", 1.0)
    assert [*sink.notices()] == ["1 scheduled trial messages are still to be cancelled"]


async def test_scheduled_messages_of_others_stay(queue):
    """Only what is a trial by id, property and state is cancelled."""
    sink = await queue.connected(**queue.options)
    async with sink._queue.link() as link:
        session = trial.SESSION if queue.options["sessions"] else None
        message = trial.Outgoing(b"work", {"Replicator.Trial": "no"}, "order-1", session)
        await link.schedule(message, 4e9)
        await link.schedule(message._replace(message_id="replicator-trial-x", properties={}), 4e9)
    await sink.try_write()
    assert queue.counts() == (0, 2, 0)
