"""The S3 source keeps every promise that sources of objects are held to."""

import asyncio
from email.header import Header
from urllib.parse import urlencode

import pytest
from s3_bucket import bucket

from replicator.testing.object_source_contract import CHECKS, ObjectSourceHarness

__all__ = ["bucket"]


def options_of(content):
    """What boto3 is given to put such an object; metadata outside of ASCII encoded, as S3 returns it."""
    names = {name: "".join(part.title() for part in name.split("-")) for name in content.headers}
    return {
        "Body": content.data,
        "Metadata": {name: ascii_text(value) for name, value in content.metadata.items()},
        **({"Tagging": urlencode(content.tags)} if content.tags else {}),
        **{names[name]: value for name, value in content.headers.items()},
    }


def ascii_text(value):
    """The value, or where it has other characters, its form of RFC 2047."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=4000).encode()


@pytest.mark.parametrize("markers", [False, True], ids=["by an empty queue", "with markers"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_s3(check, markers, bucket, clouds):
    """The source keeps this promise over real sockets."""
    bucket.create()

    async def open_source():
        return bucket.source(markers=markers, heartbeat_seconds=0.5, page_rows_max=10, pieces_max=4)

    async def put(name, content):
        await asyncio.to_thread(bucket.api.put_object, Bucket=bucket.name, Key=name, **options_of(content))

    async def delete(name):
        await asyncio.to_thread(bucket.delete, name)

    await check(ObjectSourceHarness(open_source, put, delete))
