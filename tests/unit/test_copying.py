"""Copying an object that is refused: the error tells what was refused, and never more than that."""

from contextlib import asynccontextmanager

import pytest

from connectors.memory import (
    MemoryBucket,
    MemoryObjectSink,
    MemoryObjectSource,
    MemoryObjectStore,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
    Unrest,
)
from replicator.engine.objects.copying import copy
from replicator.model.errors import ChangeError

KEY = ("cold",)


class Archive(MemoryObjectSource):
    """A bucket whose objects cannot be read; ``meanwhile`` is done at each try."""

    def __init__(self, bucket, meanwhile):
        super().__init__(bucket, MemorySourceSettings(bucket="archive"))
        self._meanwhile = meanwhile

    @asynccontextmanager
    async def download(self, key):
        self._meanwhile()
        if key in await self.fetch([key]):
            raise ChangeError("it is archived")
        yield None


class Immutable(MemoryObjectSink):
    """A store that lets nothing be removed."""

    async def remove(self, key, etag):
        raise ChangeError("it is under a policy")


def new_bucket():
    bucket = MemoryBucket(events=MemoryQueue(unrest=Unrest()))
    bucket.put("cold", b"body")
    return bucket


def sink(kind=MemoryObjectSink, **limits):
    return kind(MemoryObjectStore(**limits), MemorySinkSettings(storage="archive"))


def source(bucket):
    return MemoryObjectSource(bucket, MemorySourceSettings(bucket="archive"))


async def refusal_of(source, sink):
    with pytest.raises(ChangeError) as refused:
        await copy(source, sink, KEY)
    return refused.value


async def test_what_the_sink_refuses_is_told():
    """The record is that of the body that was opened."""
    bucket = new_bucket()
    refused = await refusal_of(source(bucket), sink(object_bytes_max=3))
    assert refused.record == bucket.objects.get("cold").record


async def test_what_cannot_be_read_is_told():
    """A refusal without a body has the record that the source shows of the object."""
    bucket = new_bucket()
    refused = await refusal_of(Archive(bucket, lambda: None), sink())
    assert refused.record == bucket.objects.get("cold").record


async def test_a_version_that_was_not_tried_is_not_told():
    """Where the object changes with every try, the record is older than the last that was refused."""
    bucket, versions = new_bucket(), []

    def change():
        bucket.put("cold", b"body %d" % len(versions))
        versions.append(bucket.objects.get("cold").record.version)

    refused = await refusal_of(Archive(bucket, change), sink())
    assert versions.index(refused.record.version) == len(versions) - 2


async def test_a_refused_removal_has_no_record():
    """Nothing is what the source has, and nothing is what the letter will hold."""
    bucket, target = new_bucket(), sink(Immutable)
    await copy(source(bucket), target, KEY)
    bucket.delete("cold")
    assert (await refusal_of(source(bucket), target)).record is None
