"""The S3 source reads an object whole: body, headers, metadata and tags, verified, whatever happens."""

import asyncio
import base64
import hashlib
import os

import pytest
from s3_bucket import aws, bucket
from s3_meddler import Meddler, alters, breaks_after

from replicator.connector import CHUNK_BYTES_MAX, FETCH_KEYS_MAX
from replicator.model.errors import ChangeError, PermanentError, TransientError
from replicator.model.record import describe_alike

__all__ = ["aws", "bucket"]

ODD_KEYS = [
    "a/../b",
    "..",
    ".",
    "./x",
    "a//b/",
    "/lead",
    "back\\slash",
    "x%2Fy",
    "q?a=b&c#d",
    "sp ace+plus",
    "ünï/日本",
]


async def whole(source, key, *, after_the_first_chunk=None):
    """The record and the bytes of an object; something may happen while it is read."""
    chunks = []
    async with source.download((key,)) as body:
        async for chunk in body.chunks():
            chunks.append(chunk)
            if after_the_first_chunk and len(chunks) == 1:
                after_the_first_chunk()
        return body.record, b"".join(chunks)


def md5(data):
    """The MD5 of these bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


async def test_an_object_comes_with_everything(bucket):
    """Headers, metadata, tags, storage class and checksums are those of the put, and the bytes too."""
    bucket.create()
    data = os.urandom(3 * CHUNK_BYTES_MAX + 17)
    bucket.put(
        "a",
        body=data,
        ContentType="text/x-odd; charset=utf-8",
        ContentEncoding="gzip",
        ContentLanguage="de, en",
        ContentDisposition='attachment; filename="a b.txt"',
        CacheControl="max-age=60",
        Expires="Wed, 21 Oct 2065 07:28:00 GMT",
        Metadata={"with-hyphen": "v", "accents": "=?UTF-8?B?Z3LDvG4=?="},
        Tagging="team=a%40b&empty=",
        StorageClass="STANDARD_IA",
    )
    record, read = await whole(bucket.source(), "a")
    assert read == data
    assert record.headers == {
        "content-type": "text/x-odd; charset=utf-8",
        "content-encoding": "gzip",
        "content-language": "de, en",
        "content-disposition": 'attachment; filename="a b.txt"',
        "cache-control": "max-age=60",
        "expires": "Wed, 21 Oct 2065 07:28:00 GMT",
    }
    assert record.metadata == {"with-hyphen": "v", "accents": "grün"}
    assert record.tags == {"team": "a@b", "empty": ""}
    assert (record.size, record.storage_class) == (len(data), "STANDARD_IA")
    assert record.checksums["md5"] == md5(data)


@pytest.mark.parametrize("size", [0, 1, 4096, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1])
async def test_bodies_of_every_size(bucket, size):
    """The chunks are the body, none larger than allowed; an empty object has none."""
    bucket.create()
    data = os.urandom(size)
    bucket.put("a", body=data)
    async with bucket.source().download(("a",)) as body:
        chunks = [chunk async for chunk in body.chunks()]
    assert b"".join(chunks) == data
    assert all(0 < len(chunk) <= CHUNK_BYTES_MAX for chunk in chunks)


async def test_odd_keys_are_read_exactly(bucket):
    """Dots, slashes, backslashes, percent signs and other scripts name their own object and no other."""
    bucket.create()
    for key in [*ODD_KEYS, "b", "x", "x/y"]:
        bucket.put(key, body=key.encode(), Tagging="length=" + str(len(key)))
    source = bucket.source()
    for key in ODD_KEYS:
        record, read = await whole(source, key)
        assert (read, record.tags) == (key.encode(), {"length": str(len(key))})
        assert (await source.fetch([(key,)]))[key,].record == record


async def test_an_absent_object_is_none(bucket):
    """So is one below the prefix of canaries, and one outside of the source's prefix."""
    bucket.create()
    bucket.put(".replicator/x", "b")
    source = bucket.source()
    for key in ("absent", ".replicator/x"):
        async with source.download((key,)) as body:
            assert body is None
    assert await source.check(("absent",), ["md5"]) is None
    async with bucket.source(prefix="c").download(("b",)) as body:
        assert body is None


async def test_a_missing_bucket_is_not_a_missing_object(bucket):
    """What would delete every copy is an error instead."""
    source = bucket.create().source(bucket=f"{bucket.name}-absent")
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        await source.fetch([("a",)])
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        await whole(source, "a")


async def test_fetch_tells_all_but_the_body(bucket):
    """A hundred keys at once: those that exist come complete, with the version that a listing shows."""
    bucket.create()
    keys = {(f"key-{number:03d}",) for number in range(FETCH_KEYS_MAX - 1)}
    bucket.put(*(key for (key,) in keys), Metadata={"m": "v"}, Tagging="t=v", ContentType="a/b")
    source = bucket.source()
    found = await source.fetch([*keys, ("absent",)])
    assert found.keys() == keys
    listed = {row.key: row.record for row in (await source.scan('["", null]', None)).rows}
    for key, row in found.items():
        assert (row.record.size, row.record.version) == (listed[key].size, listed[key].version)
        assert (row.record.metadata, row.record.tags) == ({"m": "v"}, {"t": "v"})
        assert row.record.checksums["md5"] == md5(b"body")
    (one,) = list(keys)[:1]
    record, _ = await whole(source, one[0])
    assert record == found[one].record
    assert describe_alike(record, found[one].record)


async def test_tags_that_change_are_seen(bucket):
    """Tags are read as they are now, although they change neither ETag nor time."""
    bucket.create()
    bucket.put("a")
    source = bucket.source()
    before, _ = await whole(source, "a")
    bucket.api.put_object_tagging(
        Bucket=bucket.name, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "ü @"}]}
    )
    after, _ = await whole(source, "a")
    assert (before.tags, after.tags) == ({}, {"k": "ü @"})
    assert before.version == after.version


async def test_checksums_that_the_service_keeps_are_given(bucket):
    """A full-object checksum comes as hexadecimal digits, and check computes the same from the bytes."""
    bucket.create()
    data = b"123456789" * 1000
    digest = hashlib.sha256(data)
    bucket.put("a", body=data, ChecksumSHA256=base64.b64encode(digest.digest()).decode())
    source = bucket.source()
    record, _ = await whole(source, "a")
    assert record.checksums["sha256"] == digest.hexdigest()
    computed = await source.check(("a",), ["sha256", "md5", "crc64nvme"])
    assert computed.record.checksums == {
        "sha256": digest.hexdigest(),
        "md5": md5(data),
        "crc64nvme": computed.record.checksums["crc64nvme"],
    }
    assert len(computed.record.checksums["crc64nvme"]) == 16


async def test_an_object_of_several_parts(bucket):
    """Its ETag is not taken for an MD5, and its bytes come whole."""
    bucket.create()
    parts = [os.urandom(5 * 1024 * 1024), os.urandom(1000)]
    upload = bucket.api.create_multipart_upload(Bucket=bucket.name, Key="a")["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        answer = bucket.api.upload_part(
            Bucket=bucket.name, Key="a", UploadId=upload, PartNumber=number, Body=part
        )
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    bucket.api.complete_multipart_upload(
        Bucket=bucket.name, Key="a", UploadId=upload, MultipartUpload={"Parts": done}
    )
    record, read = await whole(bucket.source(), "a")
    assert read == b"".join(parts)
    assert record.version.partition("@")[0].endswith("-2")
    assert "md5" not in record.checksums


async def test_what_no_copy_can_hold_is_refused(bucket):
    """A redirect is a change that is refused, with a hint; looking at it is not."""
    bucket.create()
    bucket.put("redirect", WebsiteRedirectLocation="/elsewhere")
    source = bucket.source()
    with pytest.raises(ChangeError, match="redirect") as caught:
        await whole(source, "redirect")
    assert caught.value.hint
    assert (await source.fetch([("redirect",)]))["redirect",].record.size == 4


async def test_an_archived_object_is_refused(bucket):
    """It has to be restored first, and the hint says so; the class is named."""
    bucket.create()
    bucket.put("cold", StorageClass="GLACIER")
    with pytest.raises(ChangeError, match=r"archived \(GLACIER\)") as caught:
        await whole(bucket.source(), "cold")
    assert "Restore" in caught.value.hint


async def test_an_object_under_a_customers_key_is_refused(bucket):
    """Nobody but its owner can read it; a look tells its size and version all the same."""
    bucket.create()
    bucket.put("secret", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    source = bucket.source()
    with pytest.raises(ChangeError, match="SSE-C"):
        await whole(source, "secret")
    assert (await source.fetch([("secret",)]))["secret",].record.size == 4


async def test_a_body_that_breaks_off_is_read_on(bucket, local_clouds):
    """Connections that break in the middle cost no byte and no repetition."""
    bucket.create()
    data = os.urandom(2_000_000)
    bucket.put("a", body=data)
    meddlings = [breaks_after(500_000), breaks_after(700_000), breaks_after(0)]
    async with Meddler(local_clouds.environment()["AWS_ENDPOINT_URL"], *meddlings) as meddler:
        source = bucket.source(endpoint_url=meddler.url)
        _, read = await whole(source, "a")
        await source.close()
    assert read == data
    assert meddler.connections == 4


async def test_a_body_that_never_ends_well_is_given_up(bucket, local_clouds):
    """After some tries without a byte the read fails, settled, because nothing was changed."""
    bucket.create()
    bucket.put("a", body=bytes(60_000_000))
    async with Meddler(local_clouds.environment()["AWS_ENDPOINT_URL"]) as meddler:

        def cut_the_line():
            meddler.rest = breaks_after(0)

        source = bucket.source(endpoint_url=meddler.url)
        with pytest.raises(TransientError) as caught:
            await whole(source, "a", after_the_first_chunk=cut_the_line)
        await source.close()
    assert (caught.value.reason, caught.value.settled) == ("unreachable", True)


async def test_an_object_replaced_meanwhile_is_told(bucket, local_clouds):
    """The two versions are never mixed."""
    bucket.create()
    bucket.put("a", body=b"old" * 1_000_000)
    async with Meddler(local_clouds.environment()["AWS_ENDPOINT_URL"], breaks_after(900_000)) as meddler:
        source = bucket.source(endpoint_url=meddler.url)
        with pytest.raises(TransientError) as caught:
            await whole(source, "a", after_the_first_chunk=lambda: bucket.put("a", body=b"new" * 1_000_000))
        await source.close()
    assert (caught.value.reason, caught.value.settled) == ("changed", True)


async def test_a_damaged_body_is_refused(bucket, local_clouds):
    """Bytes that were altered on the way do not pass for the object."""
    bucket.create()
    bucket.put("a", body=b"<the truth>")
    meddling = alters(b"<the truth>", b"<the fable>")
    async with Meddler(local_clouds.environment()["AWS_ENDPOINT_URL"], *[meddling] * 3) as meddler:
        source = bucket.source(endpoint_url=meddler.url)
        with pytest.raises(ChangeError, match="does not have the"):
            await whole(source, "a")
        await source.close()


async def test_leaving_early_is_harmless(bucket):
    """A body that is not read to its end leaves a source that works, again and again."""
    bucket.create()
    bucket.put("large", body=bytes(5_000_000))
    bucket.put("small", body=b"s")
    source = bucket.source(bodies_max=2)
    for _ in range(5):
        async with source.download(("large",)) as body:
            await anext(body.chunks())
        async with source.download(("large",)):
            pass
    assert (await whole(source, "small"))[1] == b"s"


async def test_throttles_and_outages_are_told(bucket, aws):
    """SlowDown, 500 and a reset are transient, settled and named; the next try succeeds."""
    bucket.create()
    bucket.put("a")
    source = bucket.source()
    await whole(source, "a")
    for kind, reason in (("throttle", "throttled"), ("error", "unavailable")):
        await aws.add_fault(kind, service="s3", operation="GET", count=1)
        with pytest.raises(TransientError) as caught:
            await whole(source, "a")
        assert (caught.value.reason, caught.value.settled) == (reason, True)
    assert (await whole(source, "a"))[1] == b"body"


async def test_an_unreachable_endpoint_is_transient(bucket):
    """Nobody listening is a reason to wait."""
    source = bucket.create().source(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(TransientError) as caught:
        await whole(source, "a")
    assert (caught.value.reason, caught.value.settled) == ("unreachable", True)


async def test_more_objects_than_connections_are_read(bucket):
    """Readers wait for each other, also where each has to ask for tags while its body is open."""
    bucket.create()
    keys = [f"key-{number}" for number in range(12)]
    bucket.put(*keys, Tagging="t=v")
    source = bucket.source(bodies_max=2)
    found = await asyncio.gather(*(whole(source, key) for key in keys))
    assert [(record.tags, read) for record, read in found] == [({"t": "v"}, b"body")] * 12


async def test_a_content_encoding_is_kept_with_the_token_of_an_sdk(bucket, local_clouds):
    """Some clients leave ``aws-chunked`` on objects; what S3 says of the encoding is told whole."""
    bucket.create()
    given, left = b"xxxxxxxxxxx, gzip", b"aws-chunked, gzip"
    bucket.put("a", body=b"body", ContentEncoding=given.decode())
    async with Meddler(local_clouds.environment()["AWS_ENDPOINT_URL"]) as meddler:
        meddler.rest = alters(given, left)
        source = bucket.source(endpoint_url=meddler.url)
        record, read = await whole(source, "a")
        await source.close()
    assert (record.headers["content-encoding"], read) == (left.decode(), b"body")
