"""The reference connector keeps every promise that connectors are held to."""

import random

import pytest

from connectors.memory import (
    MarkedMemorySource,
    MemoryContainer,
    MemorySink,
    MemorySinkSettings,
    MemorySource,
    MemorySourceSettings,
    MemoryTable,
)
from replicator.model.change import Change, Kind
from replicator.model.record import Item
from replicator.testing import sink_contract, source_contract
from replicator.testing.faults import faulty_sink, faulty_source
from replicator.testing.network import QUIET, Network

NAME = "orders"


def calm():
    """A network without faults: the decorators alone must not break a promise."""
    return Network(random.Random(0), QUIET, 1.0, 0.0001)


def sink_harness(decorated=False):
    """A sink into an empty container that takes documents of at most 1 KB."""
    container = MemoryContainer(document_bytes_max=1000)

    async def open_sink():
        sink = MemorySink(container, MemorySinkSettings(container=NAME, page_rows_max=3))
        return faulty_sink(sink, calm()) if decorated else sink

    def refused(key):
        return Change(Kind.UPSERT, key, Item({"large": {"S": "x" * 1000}}), 0.0)

    return sink_contract.SinkHarness(open_sink, refused)


def source_harness(kind, decorated=False, **options):
    """A source of an empty table."""
    table = MemoryTable(**options)
    settings = MemorySourceSettings(table=NAME, poll_seconds=0.01, page_changes_max=3, page_rows_max=3)

    async def open_source():
        source = kind(table, settings)
        return faulty_source(source, calm()) if decorated else source

    async def put(key, attributes):
        table.put(key, attributes)

    async def delete(key):
        table.delete(key)

    async def split():
        for shard in table.open_shards():
            table.split(shard.name)

    return source_contract.SourceHarness(open_source, put, delete, split)


@pytest.mark.parametrize("decorated", [False, True], ids=["bare", "behind a network"])
@pytest.mark.parametrize("check", sink_contract.CHECKS, ids=lambda check: check.__name__)
async def test_sink(check, decorated):
    """The memory sink keeps this promise, also behind a decorator without faults."""
    await check(sink_harness(decorated))


@pytest.mark.parametrize("check", source_contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [MemorySource, MarkedMemorySource])
async def test_source(check, kind):
    """The memory source keeps this promise, with and without marks."""
    await check(source_harness(kind))


@pytest.mark.parametrize("check", source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source_of_a_slow_and_forgetful_log(check):
    """The promises hold where changes show late, the log forgets, and a network lies between."""
    await check(
        source_harness(MarkedMemorySource, decorated=True, delay_seconds=0.05, forgets_committed=True)
    )
