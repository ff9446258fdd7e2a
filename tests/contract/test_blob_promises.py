"""The Blob Storage sink keeps every promise that sinks of objects are held to."""

import pytest
from blob_account import Body, container

from replicator.testing.object_sink_contract import CHECKS, ObjectSinkHarness


def refused():
    """An object whose tags fit neither Azure's tags nor, together, a blob's metadata."""
    return ("refused",), Body(b"", tags={f"é{number}": "é" * 256 for number in range(16)})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_blob(check, storage, monkeypatch):
    """The sink keeps this promise over real sockets."""
    async with container(storage, monkeypatch) as opened:

        async def open_sink():
            return opened.sink()

        # Four blocks of 8 MiB, and what is on its way into and out of them.
        await check(ObjectSinkHarness(open_sink, refused=refused, held_bytes_max=42 * 1024 * 1024))
