"""The reference connector keeps every promise about messages, over calm queues and a restless one."""

import random

import pytest

from connectors.memory import (
    MarkedMemoryMessageSource,
    MemoryBus,
    MemoryMessageSink,
    MemoryMessageSource,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
    Unrest,
)
from replicator.model.record import record_from_json
from replicator.testing import message_sink_contract, message_source_contract
from replicator.testing.message_sink_contract import Landed

NAME = "events"
MESSAGE_BYTES_MAX = 1000


def source_harness(kind=MarkedMemoryMessageSource, **options):
    """A source of an empty queue that shows what is not kept hidden after a third of a second."""
    queue = MemoryQueue(visibility_seconds=0.3, **options)
    settings = MemorySourceSettings(queue=NAME, poll_seconds=0.01, page_changes_max=3)

    async def open_source():
        return kind(queue, settings)

    async def send(body, attributes, group):
        queue.send(body, attributes, group)

    async def count():
        return sum(queue.counts())

    return message_source_contract.MessageSourceHarness(open_source, send, count, queue.fifo, 0.3)


def sink_harness(sessions):
    """A sink onto an empty bus that takes messages of at most 1 KB."""
    bus = MemoryBus(sessions=sessions, message_bytes_max=MESSAGE_BYTES_MAX)

    async def open_sink():
        return MemoryMessageSink(bus, MemorySinkSettings(bus=NAME, batch_changes_max=10))

    async def contents():
        return [Landed(each.session, record_from_json(each.body).body) for each in bus.messages]

    def refused(message):
        return message._replace(body="x" * MESSAGE_BYTES_MAX)

    return message_sink_contract.MessageSinkHarness(open_sink, contents, sessions, refused)


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("kind", [MemoryMessageSource, MarkedMemoryMessageSource])
@pytest.mark.parametrize("check", message_source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source(check, kind, fifo):
    """The memory source keeps this promise, with and without marks, of either kind of queue."""
    await check(source_harness(kind, fifo=fifo))


@pytest.mark.parametrize("check", message_source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source_of_a_restless_queue(check):
    """The promises hold where messages are late and come in any order."""
    chance = random.Random(1)
    await check(source_harness(unrest=Unrest(chance, delay=0.5, delay_seconds_max=0.05, reorder=0.5)))


@pytest.mark.parametrize("sessions", [False, True], ids=["plain", "sessions"])
@pytest.mark.parametrize("check", message_sink_contract.CHECKS, ids=lambda check: check.__name__)
async def test_sink(check, sessions):
    """The memory sink keeps this promise, with and without sessions."""
    await check(sink_harness(sessions))
