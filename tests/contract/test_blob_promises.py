"""The Blob Storage sink keeps every promise that sinks of objects are held to."""

import pytest
from blob_account import Body, container

from replicator.testing.object_sink_contract import CHECKS, ObjectSinkHarness


def refused():
    """An object whose metadata is more than a blob's may be, however it is written."""
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4000))
    return ("refused",), Body(b"", metadata={"note": noise})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_blob(check, storage, monkeypatch):
    """The sink keeps this promise over real sockets."""
    async with container(storage, monkeypatch) as opened:

        async def open_sink():
            return opened.sink()

        # Four blocks of 8 MiB, and what is on its way into and out of them.
        await check(ObjectSinkHarness(open_sink, refused=refused, held_bytes_max=42 * 1024 * 1024))
