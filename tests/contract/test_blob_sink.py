"""What the Blob Storage sink makes is what the vendor's own client reads, and the reverse."""

import asyncio
import hashlib
import os

import pytest
from azure.storage.blob import ContentSettings
from blob_account import Body, container

from replicator.model.errors import ChangeError, PermanentError, TransientError

MIB = 1 << 20
SMALL_BLOCKS = {"single_put_bytes_max": MIB, "block_bytes": 2 * MIB, "blocks_in_flight_max": 3}


@pytest.fixture
async def account(storage, monkeypatch):
    """An empty container."""
    async with container(storage, monkeypatch) as opened:
        yield opened


def md5_of(data):
    """The digest as the SDK shows it."""
    return bytearray(hashlib.md5(data, usedforsecurity=False).digest())


async def etag_of(sink, key):
    """The ETag of an object that is there."""
    return (await sink.fetch([(key,)]))[key,].etag


async def rows_of(sink):
    """Everything the sink lists, by name."""
    rows, cursor, more = {}, None, True
    while more:
        page = await sink.scan("blobs", cursor)
        rows |= {row.key[0]: row for row in page.rows}
        cursor = page.cursor
        more = cursor is not None
    return rows


async def test_an_object_is_what_the_sdk_reads(account):
    """Body, headers, metadata, tags, tier and MD5 are there for every client of Azure."""
    sink = await account.connected()
    body = Body(
        b"amount;currency",
        headers={"content-type": "text/csv", "content-language": "de", "cache-control": "no-cache"},
        metadata={"customer": "4711", "order-id": "é"},
        tags={"team": "billing", "größe": "1"},
        storage_class="STANDARD_IA",
    )
    assert await sink.upload(("in/1.csv",), body, None)
    blob = account.sdk.get_blob_client("in/1.csv")
    properties = await blob.get_blob_properties()
    settings = properties.content_settings
    assert await (await blob.download_blob()).readall() == body.data
    assert (settings.content_type, settings.content_language, settings.cache_control) == (
        "text/csv",
        "de",
        "no-cache",
    )
    assert settings.content_md5 == md5_of(body.data)
    assert {name: value for name, value in properties.metadata.items() if name != "replicator"} == {
        "customer": "4711"
    }
    assert await blob.get_blob_tags() == {"team": "billing"}
    assert properties.blob_tier == "Cool"


@pytest.mark.parametrize("size", [MIB + 1, 2 * MIB, 2 * MIB + 1, 7 * MIB + 5])
async def test_a_large_object_is_staged_in_blocks(account, size):
    """It arrives whole, in as many blocks as it takes, with the MD5 that the source knows."""
    sink = await account.connected(**SMALL_BLOCKS)
    data = os.urandom(size)
    body = Body(
        data,
        chunk_bytes=700_001,
        headers={"content-type": "video/mp4"},
        checksums={"md5": hashlib.md5(data, usedforsecurity=False).hexdigest()},
    )
    assert await sink.upload(("big",), body, None)
    blob = account.sdk.get_blob_client("big")
    properties = await blob.get_blob_properties()
    committed, uncommitted = await blob.get_block_list("all")
    assert await (await blob.download_blob()).readall() == data
    assert properties.content_settings.content_type == "video/mp4"
    assert properties.content_settings.content_md5 == md5_of(data)
    assert (len(committed), uncommitted) == (-(-size // (2 * MIB)), [])
    assert (await sink.fetch([("big",)]))["big",].record.version == "v1"


async def test_a_block_larger_than_the_buffer_is_streamed(account):
    """Where blocks do not fit into memory they go through it, and arrive whole all the same."""
    sink = await account.connected(
        single_put_bytes_max=0, buffer_bytes_max=4 * MIB, block_bytes=5 * MIB, blocks_in_flight_max=2
    )
    data = os.urandom(11 * MIB)
    assert await sink.upload(("big",), Body(data), None)
    row = await sink.check(("big",), ["sha256"])
    assert row.record.checksums == {"sha256": hashlib.sha256(data).hexdigest()}
    committed, _ = await account.sdk.get_blob_client("big").get_block_list("all")
    assert [block.size for block in committed] == [5 * MIB, 5 * MIB, MIB]


async def test_what_a_streamed_body_raises_comes_through(account):
    """Also where the HTTP client was the one that read it, and nothing is to be seen."""
    sink = await account.connected(single_put_bytes_max=0, buffer_bytes_max=4 * MIB, block_bytes=5 * MIB)
    fault = TransientError("the object was replaced", settled=True, reason="changed")
    with pytest.raises(TransientError) as caught:
        await sink.upload(("big",), Body(bytes(8 * MIB), fault=fault, fault_after=6 * MIB), None)
    assert caught.value is fault
    assert await sink.is_empty()


async def test_a_small_object_follows_a_large_attempt_that_was_given_up(account):
    """Blocks that lie about uncommitted are no object, and do not keep one from being made."""
    sink = await account.connected(**SMALL_BLOCKS)
    fault = TransientError("stopped", settled=True)
    for data in (b"small", b""):
        with pytest.raises(TransientError):
            await sink.upload(("k",), Body(bytes(5 * MIB), fault=fault, fault_after=4 * MIB), None)
        assert await sink.fetch([("k",)]) == {}
        assert await sink.upload(("k",), Body(data), None)
        assert not await sink.upload(("k",), Body(b"other"), None)
        assert (await sink.fetch([("k",)]))["k",].record.size == len(data)
        assert await sink.remove(("k",), await etag_of(sink, "k"))


async def test_memory_is_shared_by_all_uploads(account):
    """Many large uploads at once take turns within one bound, and all end."""
    sink = await account.connected(**SMALL_BLOCKS, buffer_bytes_max=4 * MIB)
    uploads = [sink.upload((f"k{number}",), Body(os.urandom(5 * MIB)), None) for number in range(6)]
    uploads += [sink.upload((f"s{number}",), Body(os.urandom(MIB)), None) for number in range(6)]
    async with asyncio.timeout(60):
        assert all(await asyncio.gather(*uploads))
    assert {row.record.size for row in (await rows_of(sink)).values()} == {5 * MIB, MIB}


async def test_no_more_large_bodies_are_read_at_once_than_hold_a_block_each(account):
    """The others are not even begun, as what they had read would only lie in memory."""
    sink = await account.connected(**SMALL_BLOCKS, buffer_bytes_max=4 * MIB)
    begun, go_on = [], asyncio.Event()

    class Waiting(Body):
        async def chunks(self):
            begun.append(self)
            await go_on.wait()
            async for chunk in super().chunks():
                yield chunk

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(sink.upload((f"k{number}",), Waiting(bytes(3 * MIB)), None))
        while len(begun) < 2:
            await asyncio.sleep(0)
        assert await sink.check(("none",), ["md5"]) is None  # long enough for others to begin
        assert len(begun) == 2
        go_on.set()
    assert len(await rows_of(sink)) == len(begun) == 6


async def test_an_upload_that_is_cancelled_gives_its_memory_back(account):
    """However it ends, the next one finds room."""
    sink = await account.connected(**SMALL_BLOCKS, buffer_bytes_max=4 * MIB)

    class Endless(Body):
        async def chunks(self):
            yield bytes(MIB)
            yield bytes(MIB)
            reached.set()
            await asyncio.Event().wait()

    for _ in range(4):
        reached = asyncio.Event()
        upload = asyncio.create_task(sink.upload(("k",), Endless(bytes(5 * MIB)), None))
        await reached.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
    async with asyncio.timeout(20):
        assert await sink.upload(("k",), Body(bytes(5 * MIB)), None)


async def test_blobs_of_others_are_listed_without_a_version(account):
    """What the vendor's client wrote is an object that no source state corresponds to."""
    sink = await account.connected()
    await account.sdk.upload_blob(
        "theirs/é",
        b"x",
        metadata={"Own": "1"},
        tags={"t": "1"},
        content_settings=ContentSettings(content_type="text/plain"),
    )
    rows = await rows_of(sink)
    assert (rows["theirs/é"].record.version, rows["theirs/é"].record.size) == ("", 1)
    record = (await sink.fetch([("theirs/é",)]))["theirs/é",].record
    assert (record.version, record.headers, record.metadata, record.tags) == (
        "",
        {"content-type": "text/plain"},
        {"own": "1"},
        {"t": "1"},
    )
    assert not await sink.is_empty()
    assert await sink.upload(("theirs/é",), Body(b"ours"), rows["theirs/é"].etag)


async def test_a_blob_whose_name_is_no_key_s_stops_the_listing(account):
    """It cannot be compared or removed by any key, and is not passed over."""
    sink = await account.connected()
    await account.sdk.upload_blob("~7E", b"x")
    with pytest.raises(PermanentError, match="~7E") as caught:
        await rows_of(sink)
    assert caught.value.hint


async def test_a_listing_goes_on_from_its_cursor(account):
    """Pages are as small as asked, cursors are never empty, and another sink can go on from one."""
    sink = await account.connected(page_rows=2)
    for number in range(5):
        await sink.upload((f"k{number}",), Body(b"x", version=f"v{number}"), None)
    (piece,) = await sink.pieces()
    first = await sink.scan(piece, None)
    assert len(first.rows) == 2
    assert first.cursor
    other = await account.connected(page_rows=5)
    rest = await other.scan(piece, first.cursor)
    assert [row.record.version for row in (*first.rows, *rest.rows)] == [
        f"v{number}" for number in range(5)
    ]
    assert rest.cursor is None


async def test_an_object_without_a_content_type_has_none_again(account):
    """The type that Azure puts by itself is not taken for the source's."""
    sink = await account.connected()
    await sink.upload(("bare",), Body(b""), None)
    await sink.upload(("binary",), Body(b"", headers={"content-type": "application/octet-stream"}), None)
    rows = await sink.fetch([("bare",), ("binary",)])
    assert rows["bare",].record.headers == {}
    assert rows["binary",].record.headers == {"content-type": "application/octet-stream"}


@pytest.mark.parametrize(
    "metadata",
    [{f"m{number}": "v" for number in range(600)}, {"a": "x" * 7900}, {"note": "é" * 2900}],
    ids=["many", "one large", "one large in the entry"],
)
async def test_as_much_metadata_as_there_may_be_comes_back(account, metadata):
    """Neither many names nor a long value is more than a client can read."""
    sink = await account.connected()
    assert await sink.upload(("k",), Body(b"1", metadata=metadata), None)
    assert (await sink.fetch([("k",)]))["k",].record.metadata == metadata
    assert (await sink.check(("k",), ["md5"])).record.metadata == metadata


async def test_tiers_and_tags_can_be_off(account):
    """The blob has neither, and the object still comes back with its class and its tags."""
    sink = await account.connected(tiers=False, blob_tags=False)
    await sink.upload(("k",), Body(b"", tags={"a": "1"}, storage_class="STANDARD_IA"), None)
    blob = account.sdk.get_blob_client("k")
    assert await blob.get_blob_tags() == {}
    assert (await blob.get_blob_properties()).blob_tier == "Hot"
    record = (await sink.fetch([("k",)]))["k",].record
    assert (record.tags, record.storage_class) == ({"a": "1"}, "STANDARD_IA")


async def test_checksums_are_of_the_bytes(account):
    """A stored MD5 that is wrong is not repeated; the bytes are read."""
    sink = await account.connected()
    blob = await account.sdk.upload_blob("k", b"123456789")
    await blob.set_http_headers(ContentSettings(content_md5=bytearray(16)))
    row = await sink.check(("k",), ["md5", "crc64nvme", "crc32c", "crc32", "sha1", "sha256"])
    assert row.record.checksums["crc64nvme"] == "ae8b14860a799888"
    assert row.record.checksums["md5"] == "25f9e794323b453885f5181f1b624d0b"
    assert len(row.record.checksums) == 6
    assert (await sink.fetch([("k",)]))["k",].record.checksums == {}


async def test_a_leased_blob_is_refused_for_good(account):
    """Neither overwritten nor removed; the change says who is in the way, and is not taken for a race."""
    sink = await account.connected()
    await sink.upload(("k",), Body(b"1"), None)
    etag = await etag_of(sink, "k")
    lease = await account.sdk.get_blob_client("k").acquire_lease()
    with pytest.raises(ChangeError, match="Lease") as caught:
        await sink.upload(("k",), Body(b"2"), etag)
    assert "lease" in caught.value.hint
    with pytest.raises(ChangeError, match="Lease"):
        await sink.remove(("k",), etag)
    await lease.release()
    assert await sink.remove(("k",), etag)


async def test_a_blob_with_snapshots_is_not_removed(account):
    """Snapshots are somebody's; the change says so."""
    sink = await account.connected()
    await sink.upload(("k",), Body(b"1"), None)
    await account.sdk.get_blob_client("k").create_snapshot()
    with pytest.raises(ChangeError, match="Snapshots") as caught:
        await sink.remove(("k",), await etag_of(sink, "k"))
    assert "snapshots" in caught.value.hint


async def test_a_key_that_is_none_of_an_object_is_refused(account):
    """A key of two parts, or a number, has no blob."""
    sink = await account.connected()
    for key in (("a", "b"), (b"a",)):
        with pytest.raises(ChangeError):
            await sink.upload(key, Body(b""), None)


async def test_a_body_of_wrong_checksum_is_a_change_error(account):
    """The bytes that came are not those that the source vouches for: nothing is visible, small or large."""
    sink = await account.connected(**SMALL_BLOCKS)
    for size in (10, 5 * MIB):
        with pytest.raises(ChangeError, match="crc64nvme"):
            await sink.upload(("k",), Body(bytes(size), checksums={"crc64nvme": "0" * 16}), None)
    assert await sink.is_empty()


async def test_the_identity_names_account_and_container(account):
    """A checkpoint that names another container is not about this one."""
    sink = await account.connected()
    assert (await sink.identity()).endswith(f"/{account.name}")
