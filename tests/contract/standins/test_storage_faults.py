"""Faults before Azurite, as azure-storage-blob sees them, and what passes through unharmed."""

import asyncio
import os
import time
from uuid import uuid4

import psutil
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.storage.blob.aio import BlobServiceClient

from localcloud import LocalClouds
from localcloud.node import azurite_command
from localcloud.storage import Fault, StorageControl, StorageServer

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def azurite():
    """The connection string of Azurite, which is started once for this file."""
    try:
        azurite_command()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    clouds = asyncio.run(LocalClouds.start(azurite=True))
    yield clouds.environment()["AZURE_STORAGE_CONNECTION_STRING"]
    asyncio.run(clouds.stop())


@pytest.fixture
async def server(azurite):
    """The proxy on a free port."""
    parts = dict(part.split("=", 1) for part in azurite.split(";"))
    async with StorageServer(parts["BlobEndpoint"].rpartition("/")[0]) as started:
        yield started


@pytest.fixture
async def container(server, azurite):
    """A client of a new container, through the proxy, that retries nothing."""
    original = server.connection_string(azurite)
    async with BlobServiceClient.from_connection_string(original, retry_total=0) as service:
        made = await service.create_container(f"c{uuid4().hex[:12]}")
        yield made
        server.clear_faults()
        await made.delete_container()


async def test_a_busy_server_is_named_and_says_when_to_come_back(server, container):
    """503 and 429 carry the code and Retry-After, and leave nothing done."""
    blob = container.get_blob_client("a/b")
    for status in (503, 429):
        server.add_fault(Fault(method="PUT", path="a/b", status=status, retry_after_seconds=7))
        with pytest.raises(HttpResponseError) as caught:
            await blob.upload_blob(b"x", overwrite=True)
        assert caught.value.status_code == status
        assert caught.value.error_code == "ServerBusy"
        assert caught.value.response.headers["Retry-After"] == "7"
    assert not await blob.exists()
    await blob.upload_blob(b"x")
    assert server.counts["PUT 201"] == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["status", "reset"])
async def test_a_fault_comes_before_or_after_the_effect(kind, when, server, container):
    """A write that fails after its effect has left its blob; the HTTP client tries a broken one again."""
    blob = container.get_blob_client("k")
    server.add_fault(Fault(kind=kind, when=when, method="PUT", count=2, status=500, code="InternalError"))
    with pytest.raises((HttpResponseError, ServiceRequestError, ServiceResponseError)):
        await blob.upload_blob(b"x")
    assert await blob.exists() == (when == "after")


async def test_calls_can_be_slow(server, container):
    """The answer keeps its caller waiting, and comes."""
    server.add_fault(Fault(kind="delay", method="GET", query="comp=list", delay_seconds=0.3))
    started = time.monotonic()
    assert [name async for name in container.list_blob_names()] == []
    assert time.monotonic() - started >= 0.3


async def test_a_body_can_be_cut_in_its_middle(server, container):
    """A reader gets some of it and a broken connection."""
    blob = container.get_blob_client("k")
    await blob.upload_blob(b"x" * MEGABYTE)
    server.add_fault(Fault(kind="cut", method="GET", path="/k", bytes=1000, count=None))
    with pytest.raises((HttpResponseError, ServiceRequestError, ServiceResponseError)):
        await (await blob.download_blob()).readall()


async def test_rules_are_scripted_from_afar(server, container):
    """The control path adds, shows, counts and drops rules, and refuses what is misspelt."""
    control = StorageControl(server.endpoint)
    await control.add_fault(path="other", skip=1, count=2)
    assert [(rule["skip"], rule["count"]) for rule in await control.faults()] == [(1, 2)]
    await container.get_blob_client("mine").upload_blob(b"x")
    assert (await control.counts())["PUT 201"] == 2
    with pytest.raises(ValueError, match="colour"):
        await control.add_fault(colour="red")
    await control.clear_faults()
    assert await control.faults() == []


@pytest.mark.parametrize("name", ["a b+c", "x//y", "é", "a.", "a%2Fb", "&#?"])
async def test_names_arrive_as_they_are(name, server, azurite, container):
    """No path is normalised or decoded on the way, so that signatures hold."""
    await container.get_blob_client(name).upload_blob(name.encode())
    assert await (await container.get_blob_client(name).download_blob()).readall() == name.encode()
    direct = BlobServiceClient.from_connection_string(azurite)
    async with direct, direct.get_container_client(container.container_name) as behind:
        assert [found async for found in behind.list_blob_names()] == [
            found async for found in container.list_blob_names()
        ]


async def test_blocks_stream_through(server, container):
    """Blobs of many blocks come back as they were, and do not stay in memory."""
    body = os.urandom(MEGABYTE) * 32
    before = psutil.Process().memory_info().rss
    blob = container.get_blob_client("large")
    await blob.upload_blob(body, max_concurrency=2)
    got, length = await blob.download_blob(), 0
    async for chunk in got.chunks():
        length += len(chunk)
    assert length == len(body)
    assert psutil.Process().memory_info().rss - before < 128 * MEGABYTE
