"""What is particular to the memory connector's bucket, store, queue and bus, and how they are chosen."""

import asyncio
import random
from contextlib import closing

import pytest

from connectors.memory import (
    MarkedMemoryMessageSource,
    MarkedMemoryObjectSource,
    MarkedMemorySource,
    MemoryBucket,
    MemoryBus,
    MemoryMessageSink,
    MemoryMessageSource,
    MemoryObjectSink,
    MemoryObjectSource,
    MemoryObjectStore,
    MemoryQueue,
    MemorySink,
    MemorySourceSettings,
    Unrest,
    connector,
    open_sink,
    open_source,
)
from connectors.memory.messages.bus import Posted
from connectors.memory.objects.errors import StoreError
from replicator.config.load import load
from replicator.connector import Context
from replicator.model.errors import ConfigError
from replicator.model.record import Object
from replicator.testing.loop import VirtualClock, VirtualLoop


class SetClock:
    """A clock that is set by hand."""

    now = 1_000.0

    def wall(self):
        return self.now

    def monotonic(self):
        return self.now


def bodies(received):
    """What was received, as text."""
    return [each.message.body for each in received]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("table", MarkedMemorySource),
        ("bucket", MarkedMemoryObjectSource),
        ("queue", MarkedMemoryMessageSource),
    ],
)
def test_a_source_is_what_it_names(name, kind):
    """One connector serves three shapes of state, and the settings say which."""
    settings = connector.source_settings.model_validate({name: "test-shape"})
    assert isinstance(open_source(settings, Context("p")), kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("container", MemorySink), ("storage", MemoryObjectSink), ("bus", MemoryMessageSink)],
)
def test_a_sink_is_what_it_names(name, kind):
    """The sink's settings say the shape as the source's do."""
    settings = connector.sink_settings.model_validate({name: "test-shape"})
    assert isinstance(open_sink(settings, Context("p")), kind)


CONFIGURATION = """
migration: {{name: m}}
pipelines:
  - name: p
    source: {{connector: memory{source}}}
    sink: {{connector: memory{sink}}}
"""


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("", ", container: c"),
        (", table: t, queue: q", ", container: c"),
        (", table: t", ""),
        (", table: t", ", storage: s, bus: b"),
    ],
)
def test_exactly_one_shape_is_named(source, sink, tmp_path):
    """A configuration that names none, or two, is refused in words, with its place in the file."""
    path = tmp_path / "replicator.yaml"
    path.write_text(CONFIGURATION.format(source=source, sink=sink))
    with pytest.raises(ConfigError, match="exactly one of"):
        load(path, {}, {"memory": connector})


async def test_a_position_of_another_connection_deletes_nothing():
    """After connecting again only what came since can be committed."""
    bucket = MemoryBucket()
    source = MemoryObjectSource(bucket, MemorySourceSettings(bucket="b", poll_seconds=0.01))
    await source.connect(None)
    bucket.put("a", b"")
    old = await source.read()
    await source.connect({old.partition: old.position})
    await source.commit({old.partition: old.position})
    assert sum(bucket.events.counts()) == 1
    assert [change.key for change in (await source.read()).changes] == [("a",)]
    await source.close()


async def test_a_stranger_among_the_events_is_left_and_said():
    """A message that is no event is not deleted by a commit, is not read again and again, and is told."""
    bucket = MemoryBucket()
    source = MemoryObjectSource(bucket, MemorySourceSettings(bucket="b", poll_seconds=0.01))
    await source.connect(None)
    assert source.notices() == ()
    bucket.events.send("not yours")
    bucket.put("a", b"")
    batch = await source.read()
    assert [change.key for change in batch.changes] == [("a",)]
    await source.commit({batch.partition: batch.position})
    assert not (await source.read()).changes
    assert len(source.notices()) == 1
    await source.close()
    assert bodies(bucket.events.receive(10)) == ["not yours"]


def test_unrest_is_the_same_for_the_same_seed():
    """What happens to messages is chosen by the seed alone, and all of it happens."""

    def run(seed):
        clock = SetClock()
        unrest = Unrest(random.Random(seed), repeat=0.2, delay=0.2, lose=0.2, reorder=1.0)
        queue = MemoryQueue(clock, unrest=unrest)
        for number in range(40):
            queue.send(str(number))
        at_once = bodies(queue.receive(100))
        clock.now += 1.0
        return at_once, bodies(queue.receive(100))

    at_once, later = run(1)
    came = at_once + later
    assert run(1) == (at_once, later) != run(2)
    assert later
    assert len(set(came)) < len(came)
    assert len(set(came)) < 40
    assert at_once != sorted(at_once, key=int)


def test_what_is_not_deleted_in_time_comes_again():
    """After its time a message shows again, with one more receive, and its old receipt is worth nothing."""
    clock = SetClock()
    queue = MemoryQueue(clock, visibility_seconds=30)
    queue.send("a")
    (first,) = queue.receive(10)
    clock.now += 29
    assert queue.receive(10) == []
    clock.now += 1
    (second,) = queue.receive(10)
    queue.delete([first.receipt])
    assert (first.receives, second.receives, queue.counts()) == (1, 2, (0, 1))
    queue.delete([second.receipt])
    assert queue.counts() == (0, 0)


def test_a_group_waits_for_what_is_out():
    """A FIFO queue gives nothing of a group while some of it is hidden, and other groups go on."""
    queue = MemoryQueue(SetClock(), fifo=True)
    for number, group in enumerate("abab"):
        queue.send(str(number), group=group)
    (first,) = queue.receive(1)
    assert bodies(queue.receive(10)) == ["1", "3"]
    assert queue.receive(10) == []
    queue.delete([first.receipt])
    assert bodies(queue.receive(10)) == ["2"]


def test_a_send_that_is_repeated_is_one_message():
    """A FIFO queue knows a deduplication id for five minutes, also after the message was deleted."""
    clock = SetClock()
    queue = MemoryQueue(clock, fifo=True)
    first = queue.send("a", group="g", deduplication_id="d")
    queue.delete([each.receipt for each in queue.receive(1)])
    assert queue.send("a", group="g", deduplication_id="d") == first
    assert sum(queue.counts()) == 0
    clock.now += 300
    assert queue.send("a", group="g", deduplication_id="d") != first


def test_a_message_expires():
    """What is older than the retention is gone."""
    clock = SetClock()
    queue = MemoryQueue(clock, retention_seconds=60)
    queue.send("a")
    clock.now += 60
    assert queue.receive(1) == []
    assert queue.counts() == (0, 0)


def test_the_bus_forgets_ids_after_its_window():
    """A message of a known id vanishes within the window and lands again after it."""
    clock = SetClock()
    bus = MemoryBus(clock, duplicates_seconds=20)
    for _ in range(2):
        bus.send([Posted("a", b"1")])
    assert len(bus.messages) == 1
    clock.now += 20
    bus.send([Posted("a", b"1")])
    assert len(bus.messages) == 2


def test_a_commit_drops_the_blocks_of_other_attempts():
    """Who was overtaken cannot commit any more, whatever the condition: its blocks are gone."""
    store = MemoryObjectStore()
    store.stage("a", "1", b"one")
    store.stage("a", "2", b"two")
    etag = store.commit("a", ["2"], Object(3, "v"), None)
    with pytest.raises(StoreError):
        store.commit("a", ["1"], Object(3, "v"), etag)
    assert store.objects.get("a").body == b"two"


async def test_a_mark_waits_for_what_was_sent_before():
    """An end message that overtakes others is out only when they have been delivered."""
    chance = random.Random(3)
    queue = MemoryQueue(unrest=Unrest(chance, reorder=1.0))
    source = MarkedMemoryMessageSource(queue, MemorySourceSettings(queue="q", page_changes_max=1))
    await source.connect(None)
    for number in range(9):
        queue.send(str(number))
    mark, read = await source.mark(), 0
    while mark not in (batch := await source.read()).marks:
        read += len(batch.changes)
    assert read + len(batch.changes) == 9
    await source.close()


async def test_a_lost_event_leaves_the_rest():
    """What a queue lost is never told; only a list finds it, and the bucket still has it."""
    bucket = MemoryBucket(events=MemoryQueue(unrest=Unrest(lose=1.0)))
    source = MemoryObjectSource(bucket, MemorySourceSettings(bucket="b", poll_seconds=0.01))
    await source.connect(None)
    bucket.put("a", b"1")
    assert not (await source.read()).changes
    (page,) = [await source.scan(piece, None) for piece in await source.pieces()]
    assert [row.key for row in page.rows] == [("a",)]
    await source.close()


async def test_closing_ends_the_task_that_hides():
    """No task is left when a source was closed, and closing gives back."""
    queue = MemoryQueue()
    source = MemoryMessageSource(queue, MemorySourceSettings(queue="q"))
    await source.connect(None)
    queue.send("a")
    await source.read()
    await source.close()
    assert queue.counts() == (1, 0)


def batches_of(seed):
    """What a source delivers of a restless bucket on a loop of virtual time, with when it did."""

    async def run():
        clock = VirtualClock(asyncio.get_running_loop())
        unrest = Unrest(random.Random(seed), repeat=0.3, delay=0.3, lose=0.1, reorder=0.5)
        bucket = MemoryBucket(clock, MemoryQueue(clock, visibility_seconds=5, unrest=unrest))
        source = MarkedMemoryObjectSource(bucket, MemorySourceSettings(bucket="b", page_changes_max=3))
        await source.connect(None)
        for number in range(20):
            bucket.put(str(number), b"")
        seen = []
        while clock.wall() < 1_750_000_030:
            batch = await source.read()
            seen.append((clock.wall(), [change.key for change in batch.changes], batch.read_to))
            if len(seen) % 3 == 0:
                await source.commit({batch.partition: batch.position})
        await source.close()
        return seen

    with closing(VirtualLoop(seed)) as loop:
        return loop.run_until_complete(run())


def test_a_run_on_virtual_time_is_the_same_for_the_same_seed():
    """Nothing but clock and seed decides what comes and when."""
    assert batches_of(1) == batches_of(1) != batches_of(2)
