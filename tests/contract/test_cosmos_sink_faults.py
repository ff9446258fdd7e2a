"""What the Cosmos DB sink makes of a service that refuses, stalls, breaks off or is not there."""

import asyncio
import socket

import pytest
from cosmos_account import account, delete, rows_of, scripted, upsert

from localcloud.cosmos import Fault
from replicator.model.change import Change, Kind
from replicator.model.errors import (
    BatchError,
    ChangeError,
    NotConnectedError,
    PermanentError,
    TransientError,
)
from replicator.model.record import Item


@pytest.fixture
async def cosmos(monkeypatch):
    """A scripted account with an empty container."""
    async with account(monkeypatch) as opened:
        scripted(opened)
        await opened.create()
        yield opened


@pytest.fixture
async def sink(cosmos):
    """A sink that is connected and has made its first calls, so that its caches are warm."""
    sink = await cosmos.connected()
    await sink.write([upsert("warm", v="1")])
    await sink.write([delete("warm")])
    return sink


def calls(cosmos, operation):
    """How many calls of an operation the service has answered so far, whatever the answer."""
    return sum(count for name, count in cosmos.server.counts.items() if name.split()[0] == operation)


CALLS = {
    "upsert": lambda sink: sink.write([upsert("h", "a", v="1")]),
    "batch": lambda sink: sink.write([upsert("h", "a", v="1"), upsert("h", "b", v="1")]),
    "create": lambda sink: sink.insert([upsert("h", "a", v="1")]),
    "delete": lambda sink: sink.write([delete("h", "a")]),
    "replace": lambda sink: sink.write_if(upsert("h", "a", v="1"), '"etag"'),
    "read": lambda sink: sink.fetch([("h", "a")]),
    "query": lambda sink: rows_of(sink),
}


@pytest.mark.parametrize(
    ("status", "substatus", "settled", "reason"),
    [
        (429, 3200, True, "throttled"),
        (449, 0, True, "contended"),
        (403, 3, True, "failover"),
        (408, 0, False, "unavailable"),
        (410, 1002, True, "moved"),
        (500, 0, False, "unavailable"),
        (503, 0, False, "unavailable"),
    ],
)
async def test_trouble_is_told_at_once_and_not_repeated(cosmos, sink, status, substatus, settled, reason):
    """One call is sent, the SDK repeats nothing, and the error says whether it may still land."""
    for operation, call in CALLS.items():
        if operation == "query" and status == 410:
            continue  # the SDK follows the moved ranges of a query itself, which is a read
        fault = Fault(
            operation=operation,
            status=status,
            substatus=substatus,
            retry_after_milliseconds=1250,
            count=100,
        )
        kept = cosmos.server.add_fault(fault)
        with pytest.raises(TransientError) as caught:
            await call(sink)
        assert (operation, kept.count) == (operation, 99)
        assert (caught.value.settled, caught.value.reason) == (settled, reason)
        assert status != 429 or caught.value.retry_after_seconds == 1.25
        cosmos.server.clear_faults()
        await call(sink)


@pytest.mark.parametrize("operation", CALLS)
async def test_a_broken_connection_leaves_the_outcome_open(cosmos, sink, operation):
    """After a reset the call may have landed; it is not sent again by the SDK."""
    kept = cosmos.server.add_fault(Fault(kind="reset", when="after", operation=operation, count=100))
    with pytest.raises(TransientError) as caught:
        await CALLS[operation](sink)
    assert kept.count == 99
    assert not caught.value.settled
    cosmos.server.clear_faults()


@pytest.mark.parametrize("operation", ["upsert", "batch"])
async def test_a_stalled_call_is_given_up_in_time(cosmos, operation):
    """A call without an answer is given up within the longest time of a call, its outcome open."""
    sink = await cosmos.connected(call_seconds_max=0.5)
    cosmos.server.add_fault(Fault(kind="delay", when="after", operation=operation, delay_seconds=30))
    async with asyncio.timeout(0.75):
        with pytest.raises(TransientError) as caught:
            await CALLS[operation](sink)
    assert not caught.value.settled


async def test_a_service_that_is_gone_is_unreachable(cosmos, sink):
    """A refused connection had no effect, and connecting to nothing is the same error."""
    await cosmos.server.stop()
    with pytest.raises(TransientError):  # perhaps over a kept connection, which only breaks in use
        await sink.write([upsert("k", v="1")])
    with pytest.raises(TransientError) as caught:
        await sink.write([upsert("k", v="1")])
    assert (caught.value.settled, caught.value.reason) == (True, "unreachable")
    await cosmos.server.start()
    await sink.write([upsert("k", v="1")])


async def test_connecting_to_nothing_is_unreachable(cosmos):
    """A sink whose endpoint nobody listens on says so, and can be closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sink = cosmos.sink(endpoint=f"http://127.0.0.1:{port}/")
    with pytest.raises(TransientError) as caught:
        await sink.connect()
    assert (caught.value.settled, caught.value.reason) == (True, "unreachable")
    (finding,) = await sink.probe()
    assert "cannot be reached" in finding.message


async def test_a_wrong_key_stops_the_pipeline(cosmos, monkeypatch):
    """A refused credential is permanent, with a hint, and never shows the key."""
    monkeypatch.setenv("OTHER_KEY", "d3Jvbmcga2V5")
    sink = cosmos.sink(key_env="OTHER_KEY")
    with pytest.raises(PermanentError, match="credential") as caught:
        await sink.connect()
    assert caught.value.hint
    assert "d3Jvbmcga2V5" not in str(caught.value)


@pytest.mark.parametrize("missing", ["database", "container"])
async def test_a_missing_container_stops_the_pipeline(cosmos, missing):
    """Neither a missing database nor a missing container is created or waited for."""
    with pytest.raises(PermanentError, match="not there"):
        await cosmos.sink(**{missing: "elsewhere"}).connect()


async def test_a_container_that_vanishes_stops_the_pipeline(cosmos, sink):
    """Writes into a container that was deleted meanwhile are not lost silently."""
    await cosmos.client.get_database_client(cosmos.database).delete_container("orders")
    for operation in ("upsert", "batch", "create", "read", "query"):
        with pytest.raises(PermanentError, match="not there"):
            await CALLS[operation](sink)


async def test_a_document_that_the_service_refuses_is_named(cosmos, sink):
    """A 413 or 400 for one change is that change's own error."""
    for status in (400, 413):
        cosmos.server.add_fault(Fault(operation="upsert", status=status))
        with pytest.raises(ChangeError):
            await sink.write([upsert("h", "a", v="1")])


async def test_a_batch_refused_as_a_whole_is_halved_until_the_culprit_is_alone(cosmos, sink):
    """The service does not say which document it cannot take; the others are written all the same."""
    cosmos.server.add_fault(Fault(operation="batch", status=413, count=2))
    cosmos.server.add_fault(Fault(operation="upsert", status=413, count=1))
    changes = [upsert("h", str(number), v="1") for number in range(4)]
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    (refused,) = caught.value.failures
    assert set(await rows_of(sink)) == {change.key for change in changes} - {refused}


async def test_a_full_partition_is_the_changes_error(cosmos, sink):
    """A logical partition at its limit refuses the change, not the pipeline."""
    cosmos.server.add_fault(Fault(operation="upsert", status=403, substatus=1014))
    with pytest.raises(ChangeError, match="partition is full"):
        await sink.write([upsert("h", "a", v="1")])


async def test_a_throttled_batch_fails_whole_and_settled(cosmos, sink):
    """Every change of a throttled batch fails with the one error, and nothing was applied."""
    cosmos.server.add_fault(Fault(operation="batch", status=429, retry_after_milliseconds=10))
    with pytest.raises(TransientError) as caught:
        await sink.write([upsert("h", "a", v="1"), upsert("h", "b", v="1")])
    assert caught.value.settled
    assert await sink.is_empty()


async def test_trouble_after_the_first_batch_names_only_the_rest(cosmos, sink):
    """Where a call needs several batches and one fails, the changes of the others are durable."""
    cosmos.server.add_fault(Fault(operation="batch", status=503, skip=1))
    changes = [upsert("h", str(number), v="x" * 150_000) for number in range(20)]
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    failed = set(caught.value.failures)
    assert failed
    assert all(isinstance(error, TransientError) for error in caught.value.failures.values())
    assert set(await rows_of(sink)) == {change.key for change in changes} - failed


async def test_an_unencodable_change_beside_trouble_keeps_its_own_error(cosmos, sink):
    """Each failed change carries its own error, the refused one and the ones in trouble."""
    cosmos.server.add_fault(Fault(operation="batch", status=503))
    wrong = Change(Kind.UPSERT, ("h", "wrong"), Item({"v": {"N": "NaN"}}), 0.0)
    with pytest.raises(BatchError) as caught:
        await sink.write([upsert("h", "a", v="1"), wrong, upsert("h", "b", v="1")])
    kinds = {key[1]: type(error) for key, error in caught.value.failures.items()}
    assert kinds == {"a": TransientError, "wrong": ChangeError, "b": TransientError}


async def test_an_insert_goes_on_after_a_racing_writer(cosmos, sink):
    """A batch of creates that meets a present document is sent again without it, in two calls more."""
    await sink.write([upsert("h", "1", v="old"), upsert("h", "3", v="old")])
    before = calls(cosmos, "batch"), calls(cosmos, "query")
    await sink.insert([upsert("h", str(number), v="new") for number in range(5)])
    assert (calls(cosmos, "batch") - before[0], calls(cosmos, "query") - before[1]) == (2, 1)


async def test_trouble_while_asking_what_is_present_fails_the_rest(cosmos, sink):
    """Where the question after a refused batch fails, its changes do, and nothing was applied."""
    await sink.write([upsert("h", "1", v="old")])
    cosmos.server.add_fault(Fault(operation="query", status=429))
    with pytest.raises(TransientError) as caught:
        await sink.insert([upsert("h", str(number), v="new") for number in range(3)])
    assert caught.value.reason == "throttled"
    assert set(await rows_of(sink)) == {("h", "1")}


async def test_a_refused_operation_of_a_batch_is_named(cosmos, sink):
    """Several refused changes among others are each named, and each once."""
    wrong = [
        Change(Kind.UPSERT, ("h", f"wrong{number}"), Item({"v": {"N": "x"}}), 0.0) for number in range(2)
    ]
    with pytest.raises(BatchError) as caught:
        await sink.write(
            [wrong[0], upsert("h", "a", v="1"), wrong[1], delete("h", "none"), upsert("h", "b", v="1")]
        )
    assert set(caught.value.failures) == {change.key for change in wrong}
    assert set(await rows_of(sink)) == {("h", "a"), ("h", "b")}


async def test_a_key_that_is_no_key_is_refused_before_any_call(cosmos, monkeypatch):
    """An account key that is not base64 is told in our words, not by a traceback at the first call."""
    monkeypatch.setenv("OTHER_KEY", "not base64!")
    with pytest.raises(PermanentError, match="base64"):
        await cosmos.sink(key_env="OTHER_KEY").connect()


async def test_no_key_for_a_plain_http_endpoint_is_refused(cosmos, monkeypatch):
    """The default credential sends tokens, and never in the clear; the message says what is missing."""
    monkeypatch.delenv("COSMOS_KEY")
    with pytest.raises(PermanentError, match="no account key"):
        await cosmos.sink().connect()


async def test_a_key_that_has_no_place_is_refused_when_it_is_written(sink):
    """It has a group of its own, so that its write, and nothing else, fails."""
    odd = upsert("a", "b", "c", v="1")
    assert sink.group(odd.key) == odd.key
    with pytest.raises(ChangeError, match="3 parts"):
        await sink.write([odd])


async def test_a_sink_that_is_not_connected_says_so(cosmos):
    """Calls before connect and after close are NotConnectedError."""
    sink = cosmos.sink()
    with pytest.raises(NotConnectedError):
        await sink.write([upsert("k", v="1")])
    await sink.connect()
    await sink.close()
    with pytest.raises(NotConnectedError):
        await sink.fetch([("k",)])


async def test_sixty_four_calls_run_at_once(cosmos, sink):
    """Concurrent single writes neither wait for each other nor open more connections than allowed."""
    cosmos.server.add_fault(Fault(kind="delay", operation="upsert", delay_seconds=0.2, count=64))
    async with asyncio.timeout(2.0):
        await asyncio.gather(*(sink.write([upsert(str(number), v="1")]) for number in range(64)))
    assert len(await rows_of(sink)) == 64
