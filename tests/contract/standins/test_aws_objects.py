"""Objects of S3 as its users meet them: checksums, tags, metadata, conditions, keys and lists."""

import os
from base64 import b64encode
from http import HTTPStatus

import aiohttp
import boto3
import psutil
import pytest
from awscrt.checksums import crc64nvme
from botocore.config import Config
from botocore.exceptions import ClientError

MEGABYTE = 1024 * 1024
ODD_KEYS = [
    *("./a", "a//b", "a b+c", "é", "x/", "/x", "\\", "a\x01b", "a\tb", "a\nb", "..", "../x", "x/..", "a?b"),
    *(
        "a#b",
        "a%2Fb",
        "%",
        "&<>'\"",
        "\u2028",
        "\U0001f600",
        "\ufffe",
        "*",
        "=",
        ";",
        "//",
        "\r",
        "\x7f",
        " ",
    ),
]


@pytest.fixture
def bucket(s3, name):
    """A bucket that is emptied and deleted afterwards."""
    s3.create_bucket(Bucket=name)
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def plain(environment):
    """A client that sends no checksums, as older SDKs do."""
    client = boto3.client("s3", config=Config(request_checksum_calculation="when_required"))
    yield client
    client.close()


def crc64(body):
    """Return the checksum of a body as S3 writes it."""
    return b64encode(crc64nvme(body).to_bytes(8, "big")).decode()


def put_parts(client, bucket, key, *bodies, **more):
    """Put an object in parts."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = client.create_multipart_upload(**upload, **more)["UploadId"]
    etags = [
        client.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
        for number, body in enumerate(bodies, 1)
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    return client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("body", [b"", b"123456789", os.urandom(3 * MEGABYTE)])
def test_an_object_without_a_checksum_gets_one(bucket, plain, body):
    """S3 gives it a CRC-64/NVME, answers with it, and shows it only to who asks."""
    put = plain.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ChecksumCRC64NVME"] == crc64(body)
    head = plain.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (crc64(body), "FULL_OBJECT")
    assert "ChecksumCRC64NVME" not in plain.head_object(Bucket=bucket, Key="k")
    got = plain.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["ChecksumCRC64NVME"] == crc64(body)
    assert got["Body"].read() == body


def test_a_chosen_checksum_is_kept(s3, bucket):
    """What today's SDKs send by default is answered and shown, and no other is added."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put["ChecksumCRC32"] == head["ChecksumCRC32"] == "y/Q5Jg=="
    assert "ChecksumCRC64NVME" not in head


@pytest.mark.parametrize("client", ["s3", "plain"])
def test_an_object_made_of_parts_has_one_checksum_and_its_tags(client, bucket, request):
    """The checksum is that of the whole, by default; tags are those that the upload began with."""
    client = request.getfixturevalue(client)
    bodies = [os.urandom(5 * MEGABYTE), os.urandom(1000)]
    put_parts(client, bucket, "k", *bodies, Tagging="a=b&c=d%26e", Metadata={"x": "y"})
    head = client.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == crc64(b"".join(bodies))
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert head["TagCount"] == 2
    tags = client.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d&e"}]
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})


def test_parts_named_out_of_order_have_the_checksum_of_the_whole(plain, bucket):
    """The object is put together by the numbers of its parts, and so is its checksum."""
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = plain.create_multipart_upload(**upload)["UploadId"]
    bodies = {2: os.urandom(5 * MEGABYTE), 4: b"end"}
    etags = {n: plain.upload_part(**upload, PartNumber=n, Body=body)["ETag"] for n, body in bodies.items()}
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (4, 2)]
    plain.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    got = plain.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["ChecksumCRC64NVME"] == crc64(got["Body"].read()) == crc64(bodies[2] + bodies[4])


async def test_a_body_in_signed_chunks_has_no_checksum_of_its_frames(plain, bucket, environment):
    """The chunks are taken apart also where Content-Encoding does not say that there are any."""
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "7",
    }
    framed = b"7;chunk-signature=ab\r\nCONTENT\r\n0;chunk-signature=cd\r\n\r\n"
    address = f"{environment['AWS_ENDPOINT_URL']}/{bucket}/k"
    async with aiohttp.ClientSession() as session:
        put = await session.put(address, data=framed, headers=headers)
    assert put.status == HTTPStatus.OK
    got = plain.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"CONTENT"
    assert got.get("ChecksumCRC64NVME") in {None, crc64(b"CONTENT")}


def test_a_put_without_tags_takes_the_old_ones_away(s3, bucket):
    """Tags belong to what was written with them."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", Tagging="a=b")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_tags_are_counted(s3, bucket):
    """HEAD and GET tell how many there are, and nothing where there are none."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b&c=d")
    s3.put_object(Bucket=bucket, Key="none", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    assert "TagCount" not in s3.head_object(Bucket=bucket, Key="none")
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert "TagCount" not in s3.head_object(Bucket=bucket, Key="k")


async def test_metadata_beyond_ascii_come_back_encoded(s3, bucket, environment):
    """UTF-8 on the way in is RFC 2047 on the way out, and what was so encoded stays so."""
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request",
        "x-amz-meta-raw": "é日",
    }
    url = f"{environment['AWS_ENDPOINT_URL']}/{bucket}/raw"
    async with aiohttp.ClientSession() as session, session.put(url, headers=headers, data=b"x") as reply:
        assert reply.status == HTTPStatus.OK
    assert s3.head_object(Bucket=bucket, Key="raw")["Metadata"] == {"raw": "=?UTF-8?B?w6nml6U=?="}
    metadata = {"a": "=?UTF-8?B?w6k=?=", "b": "=?UTF-8?Q?plain?=", "c": "as it is"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata)
    expected = {"a": "=?UTF-8?B?w6k=?=", "b": "plain", "c": "as it is"}
    assert s3.get_object(Bucket=bucket, Key="k")["Metadata"] == expected


def test_unprintable_metadata_are_withheld_and_counted(s3, bucket):
    """S3 does not return what it cannot print, but says how many there are."""
    metadata = {"a": "=?UTF-8?B?AQ==?=", "b": "=?UTF-8?B?/w==?=", "c": "seen"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata)
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert answer["MissingMeta"] == 2
        assert answer["Metadata"] == {"c": "seen"}


def test_conditions_hold_with_and_without_a_range(s3, bucket):
    """If-Match is 412 where another object is there, else 200, or 206 with a range."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    part = s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, Range="bytes=2-4")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.PARTIAL_CONTENT
    assert part["ContentRange"] == "bytes 2-4/10"
    assert part["Body"].read() == b"234"
    for more in ({}, {"Range": "bytes=2-4"}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"', **more)


def test_odd_keys_are_listed_in_the_order_of_their_bytes(s3, bucket):
    """Every key that S3 allows is stored, listed page by page, and found after any other."""
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    wanted = sorted(ODD_KEYS, key=str.encode)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
    assert [found["Key"] for page in pages for found in page["Contents"]] == wanted
    for start in ("./a", "a b+c", "é", "%"):
        listed = s3.list_objects_v2(Bucket=bucket, StartAfter=start).get("Contents", [])
        assert [found["Key"] for found in listed] == wanted[wanted.index(start) + 1 :]
    encoded = s3.list_objects_v2(Bucket=bucket, EncodingType="url", Prefix="a b")["Contents"]
    assert [found["Key"] for found in encoded] in (["a%20b%2Bc"], ["a+b%2Bc"])


def test_lists_and_heads_agree_on_the_time(s3, bucket):
    """Both tell when an object was changed to the second."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    (listed,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert listed["LastModified"] == head["LastModified"]
    assert listed["ETag"] == head["ETag"]


async def test_large_bodies_do_not_stay_in_memory(bucket, environment, local_clouds):
    """An object of 128 MB goes through, both ways, and the proxy grows by a fraction of that."""
    size = 128 * MEGABYTE
    proxy = psutil.Process(local_clouds.pid("aws"))
    before = peak = proxy.memory_info().rss

    async def body():
        nonlocal peak
        for _ in range(size // MEGABYTE):
            yield bytes(MEGABYTE)
            peak = max(peak, proxy.memory_info().rss)

    url = f"{environment['AWS_ENDPOINT_URL']}/{bucket}/large"
    async with aiohttp.ClientSession() as session:
        async with session.put(url, data=body(), headers={"Content-Length": str(size)}) as reply:
            assert reply.status == HTTPStatus.OK
        got = 0
        async with session.get(url) as reply:
            async for chunk in reply.content.iter_chunked(MEGABYTE):
                got += len(chunk)
                peak = max(peak, proxy.memory_info().rss)
    assert got == size
    assert peak - before < 32 * MEGABYTE
