"""The reference connector keeps every promise about objects, over a calm event queue and a restless one."""

import random

import pytest

from connectors.memory import (
    MarkedMemoryObjectSource,
    MemoryBucket,
    MemoryObjectSink,
    MemoryObjectSource,
    MemoryObjectStore,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
    Unrest,
)
from replicator.testing import object_sink_contract, object_source_contract
from replicator.testing.bodies import MIB, Content, body_of

NAME = "photos"


def source_harness(kind=MarkedMemoryObjectSource, unrest=None, **options):
    """A source of an empty bucket."""
    events = MemoryQueue(visibility_seconds=1.0, unrest=unrest) if unrest else None
    bucket = MemoryBucket(events=events)
    settings = MemorySourceSettings(
        bucket=NAME, poll_seconds=0.01, page_changes_max=3, page_rows_max=3, **options
    )

    async def open_source():
        return kind(bucket, settings)

    async def put(name, content):
        bucket.put(name, content.data, content.headers, content.metadata, content.tags)

    async def delete(name):
        bucket.delete(name)

    async def tag(name, tags):
        bucket.tag(name, tags)

    return object_source_contract.ObjectSourceHarness(open_source, put, delete, tag)


def sink_harness():
    """A sink into an empty store that takes objects of less than 100 MiB, in small blocks."""
    store = MemoryObjectStore(object_bytes_max=100 * MIB)
    settings = MemorySinkSettings(storage=NAME, page_rows_max=3, block_bytes=MIB + 1)

    async def open_sink():
        return MemoryObjectSink(store, settings)

    def refused():
        return ("large",), body_of(Content(bytes(100 * MIB + 1)), "large")

    return object_sink_contract.ObjectSinkHarness(
        open_sink, refused=refused, held_bytes_max=4 * MIB, stored_bytes=lambda: store.staged_bytes
    )


@pytest.mark.parametrize("replaced", ["kept", "changed"])
@pytest.mark.parametrize("check", object_source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source(check, replaced):
    """The memory source keeps this promise, whichever way it treats a body that is replaced."""
    await check(source_harness(replaced=replaced))


@pytest.mark.parametrize("check", object_source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source_without_marks(check):
    """The promises hold where nothing of ours may be put into the bucket."""
    await check(source_harness(MemoryObjectSource))


RESTLESS = Unrest(random.Random(1), repeat=0.5, delay=0.5, delay_seconds_max=0.05, reorder=0.5)
BY_REPEATS = "committed_hints_are_forgotten"


@pytest.mark.parametrize(
    "check",
    [check for check in object_source_contract.CHECKS if check.__name__ != BY_REPEATS],
    ids=lambda check: check.__name__,
)
async def test_source_of_restless_events(check):
    """The promises hold where events repeat, are late and come in any order."""
    await check(source_harness(unrest=RESTLESS))


@pytest.mark.parametrize("check", object_sink_contract.CHECKS, ids=lambda check: check.__name__)
async def test_sink(check):
    """The memory sink keeps this promise."""
    await check(sink_harness())
