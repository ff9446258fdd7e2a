"""What the Blob Storage sink makes of a service that refuses, stalls, breaks off or is not there."""

import asyncio
import socket

import pytest
from blob_account import Body, container

from replicator.model.errors import ChangeError, NotConnectedError, PermanentError, TransientError

MIB = 1 << 20
LARGE = {"single_put_bytes_max": 0, "block_bytes": MIB}


@pytest.fixture
async def account(storage, monkeypatch):
    """An empty container."""
    async with container(storage, monkeypatch) as opened:
        yield opened


@pytest.fixture
async def front(account):
    """A front before the service of ``account``."""
    return await account.front()


def put(sink):
    """A small upload."""
    return sink.upload(("k",), Body(b"1"), None)


def put_blocks(sink):
    """An upload in blocks."""
    return sink.upload(("k",), Body(bytes(3 * MIB)), None)


CALLS = {
    "put": put,
    "block": put_blocks,
    "commit": put_blocks,
    "delete": lambda sink: sink.remove(("k",), '"0x1"'),
    "head": lambda sink: sink.fetch([("k",)]),
    "get": lambda sink: sink.check(("k",), ["md5"]),
    "list": lambda sink: sink.scan("blobs", None),
}

LASTING = {"put", "commit", "delete"}
"""Calls that have an effect; reading has none, and staging none that can be seen."""


def settings_of(operation):
    """Settings under which an upload makes this call."""
    return LARGE if operation in {"block", "commit"} else {}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("status", "code", "settled", "reason"),
    [
        (503, "ServerBusy", True, "throttled"),
        (429, "TooManyRequests", True, "throttled"),
        (500, "OperationTimedOut", False, "unavailable"),
        (500, "InternalError", False, "unavailable"),
        (502, "", False, "unavailable"),
    ],
)
async def test_trouble_is_told_at_once_and_not_repeated(
    account, front, operation, status, code, settled, reason
):
    """Nothing is sent twice, the service's wish is passed on, and only lasting calls have open outcomes."""
    sink = await account.connected(**settings_of(operation), blocks_in_flight_max=1)
    before = front.calls[operation]
    front.add(operation, status=status, code=code, headers={"Retry-After": "7"}, count=100)
    with pytest.raises(TransientError) as caught:
        await CALLS[operation](sink)
    assert front.calls[operation] == before + 1
    assert (caught.value.settled, caught.value.reason) == (settled or operation not in LASTING, reason)
    assert caught.value.retry_after_seconds == 7


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("after", [False, True])
async def test_a_broken_connection_leaves_the_outcome_open(account, front, operation, after):
    """After a reset the call may have landed; it is not sent again, though aiohttp does that by itself."""
    sink = await account.connected(**settings_of(operation), blocks_in_flight_max=1)
    await sink.fetch([("warm",)])  # so that a kept connection is used
    before = front.calls[operation]
    front.add(operation, kind="reset", after=after, count=100)
    with pytest.raises(TransientError) as caught:
        await CALLS[operation](sink)
    assert front.calls[operation] == before + 1
    assert caught.value.settled == (operation not in LASTING)


@pytest.mark.parametrize("operation", ["put", "commit", "delete"])
async def test_a_stalled_call_is_given_up_in_time(account, front, operation):
    """A call without an answer is given up within the longest time of a call, its outcome open."""
    sink = await account.connected(**settings_of(operation), call_seconds_max=0.5)
    front.add(operation, kind="stall")
    async with asyncio.timeout(2):
        with pytest.raises(TransientError, match=r"0\.45 s") as caught:
            await CALLS[operation](sink)
    assert not caught.value.settled


async def test_a_lost_answer_is_no_second_object(account, front):
    """An upload that landed without an answer is found by the next one's condition."""
    sink = await account.connected()
    front.add("put", kind="reset", after=True)
    with pytest.raises(TransientError):
        await put(sink)
    assert not await put(sink)
    assert len((await sink.scan("blobs", None)).rows) == 1


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "Md5Mismatch", "damaged"),
        (400, "InvalidBlockList", "contended"),
        (409, "PendingCopyOperation", "contended"),
    ],
)
async def test_passing_refusals_had_no_effect(account, front, status, code, reason):
    """They are repeated without waiting the call out."""
    sink = await account.connected()
    front.add("put", status=status, code=code)
    with pytest.raises(TransientError) as caught:
        await put(sink)
    assert (caught.value.settled, caught.value.reason) == (True, reason)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "BlobImmutableDueToPolicy"),
        (409, "BlobArchived"),
        (412, "LeaseIdMissing"),
        (400, "InvalidMetadata"),
        (413, "RequestBodyTooLarge"),
        (409, "InvalidBlobType"),
    ],
)
@pytest.mark.parametrize("operation", ["put", "block", "commit"])
async def test_what_the_service_refuses_for_good_is_the_change_s_error(
    account, front, operation, status, code
):
    """One object is refused, not the pipeline, and it is not taken for a lost race."""
    sink = await account.connected(**settings_of(operation))
    front.add(operation, status=status, code=code, count=9)
    with pytest.raises(ChangeError, match=code):
        await CALLS[operation](sink)


@pytest.mark.parametrize("operation", ["put", "commit"])
@pytest.mark.parametrize(
    ("status", "code"),
    [(409, "BlobAlreadyExists"), (412, "ConditionNotMet"), (412, "TargetConditionNotMet")],
)
async def test_an_unmet_condition_is_false(account, front, operation, status, code):
    """Whatever the service calls it; nothing was changed."""
    sink = await account.connected(**settings_of(operation))
    front.add(operation, status=status, code=code)
    body = Body(bytes(2 * MIB))
    assert not await sink.upload(("k",), body, '"0x1"')


@pytest.mark.parametrize("operation", CALLS)
async def test_a_refused_right_stops_the_pipeline(account, front, operation):
    """A 403 is permanent and says which role is needed."""
    sink = await account.connected(**settings_of(operation))
    front.add(operation, status=403, code="AuthorizationPermissionMismatch", count=9)
    with pytest.raises(PermanentError, match="AuthorizationPermissionMismatch") as caught:
        await CALLS[operation](sink)
    assert "Storage Blob Data Owner" in caught.value.hint


@pytest.mark.parametrize("operation", CALLS)
async def test_a_container_that_vanishes_stops_the_pipeline(account, operation):
    """What is sent to a container that was deleted meanwhile is not lost silently."""
    sink = await account.connected(**settings_of(operation))
    await account.sdk.delete_container()
    with pytest.raises(PermanentError, match="container is not there"):
        await CALLS[operation](sink)


async def test_a_wrong_key_stops_the_pipeline(account, monkeypatch):
    """A refused credential is permanent, with a hint, and never shows the key."""
    text = account.connection_string
    key = text.partition("AccountKey=")[2].partition(";")[0]
    monkeypatch.setenv("WRONG", text.replace(key, "d3Jvbmcga2V5"))
    sink = account.sink(connection_string_env="WRONG")
    with pytest.raises(PermanentError, match="credential") as caught:
        await sink.connect()
    assert caught.value.hint
    assert "d3Jvbmcga2V5" not in str(caught.value)


async def test_a_missing_container_stops_the_pipeline(account):
    """It is neither created nor waited for."""
    with pytest.raises(PermanentError, match="not there") as caught:
        await account.sink(container="elsewhere-1").connect()
    assert caught.value.hint


async def test_a_service_that_is_gone_is_unreachable(account, monkeypatch):
    """A refused connection had no effect; probing tells the same as a finding that may pass."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("OTHER_KEY", "c2VjcmV0")
    sink = account.sink(endpoint=f"http://127.0.0.1:{port}/shop", key_env="OTHER_KEY")
    with pytest.raises(TransientError) as caught:
        await sink.connect()
    (finding,) = await sink.probe()
    assert (caught.value.settled, caught.value.reason) == (True, "unreachable")
    assert "cannot be reached" in finding.message
    assert finding.passing


async def test_an_object_replaced_while_it_is_checked_is_told(account, front):
    """Bytes of two versions are never added up."""
    sink = await account.connected()
    body = Body(bytes(9 * MIB))
    assert await sink.upload(("k",), body, None)
    fault = front.add("get", kind="hold", after=True)
    checking = asyncio.create_task(sink.check(("k",), ["md5"]))
    await front.wait_for("get", 1)
    await account.sdk.upload_blob("k", bytes(9 * MIB), overwrite=True)
    fault.release.set()
    with pytest.raises(TransientError) as caught:
        await checking
    assert (caught.value.settled, caught.value.reason) == (True, "changed")


async def test_attempts_have_block_ids_of_their_own(account, front):
    """Two uploads of one key at once share no block, and all ids are equally long."""
    sink = await account.connected(**LARGE)
    won = await asyncio.gather(put_blocks(sink), put_blocks(sink))
    assert sorted(won) == [False, True]
    ids = [query["blockid"] for operation, _, query in front.seen if operation == "block"]
    assert len(ids) == len(set(ids)) == 6
    assert {len(each) for each in ids} == {24}


async def test_blocks_in_flight_are_bounded(account, front):
    """No more blocks of one object are on their way than configured."""
    sink = await account.connected(**LARGE, blocks_in_flight_max=2)
    faults = [front.add("block", kind="hold") for _ in range(2)]
    uploading = asyncio.create_task(sink.upload(("k",), Body(bytes(5 * MIB)), None))
    await front.wait_for("block", 2)
    await sink.fetch([("meanwhile",)])
    assert front.calls["block"] == 2
    for fault in faults:
        fault.release.set()
    assert await uploading


@pytest.mark.parametrize(("kind", "header"), [("md5", "content-md5"), ("crc64", "x-ms-content-crc64")])
async def test_every_byte_is_checked_by_the_service(account, front, kind, header):
    """Each call that carries bytes carries their checksum, which the service compares."""
    sink = await account.connected(**LARGE, transfer_checksum=kind)
    await put_blocks(sink)
    other = await account.connected(transfer_checksum=kind)
    await other.upload(("small",), Body(b"1"), None)
    carried = [headers for operation, headers, _ in front.seen if operation in {"block", "put"}]
    assert len(carried) == 4
    assert all(header in {name.lower() for name in headers} for headers in carried)


@pytest.mark.parametrize(
    ("operation", "settings"),
    [
        ("put", {"transfer_checksum": "md5"}),
        ("put", {"transfer_checksum": "crc64"}),
        ("block", {"transfer_checksum": "md5", **LARGE}),
        ("block", {"transfer_checksum": "crc64", **LARGE}),
        ("block", {"single_put_bytes_max": 0, "buffer_bytes_max": 4 * MIB, "block_bytes": 5 * MIB}),
    ],
    ids=["put, MD5", "put, CRC-64", "block, MD5", "block, CRC-64", "streamed block"],
)
async def test_damage_on_the_way_is_noticed(account, front, operation, settings):
    """A byte that changes between here and there costs a repetition and is never to be seen."""
    sink = await account.connected(**settings)
    front.add(operation, kind="damage")
    with pytest.raises(TransientError) as caught:
        await CALLS[operation](sink)
    assert (caught.value.settled, caught.value.reason) == (True, "damaged")
    assert await sink.is_empty()
    assert await CALLS[operation](sink)


async def test_tags_are_asked_for_only_where_there_are_some(account, front):
    """A fetch of an object without tags is one call."""
    sink = await account.connected()
    await put(sink)
    await sink.upload(("tagged",), Body(b"", tags={"a": "1"}), None)
    await sink.fetch([("k",)])
    assert (front.calls["head"], front.calls["tags"]) == (1, 0)
    await sink.fetch([("tagged",)])
    assert (front.calls["head"], front.calls["tags"]) == (2, 1)


async def test_a_sink_that_is_not_connected_says_so(account):
    """Calls before connect and after close are NotConnectedError."""
    sink = account.sink()
    with pytest.raises(NotConnectedError):
        await put(sink)
    await sink.connect()
    await sink.close()
    with pytest.raises(NotConnectedError):
        await sink.fetch([("k",)])
