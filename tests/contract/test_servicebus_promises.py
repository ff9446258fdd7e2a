"""The Service Bus sink keeps what every sink of messages promises, with sessions and without."""

import pytest
from servicebus_queue import bus

from connectors.servicebus import decode
from replicator.model.record import Attribute
from replicator.testing import message_sink_contract
from replicator.testing.message_sink_contract import Landed, MessageSinkHarness

TOO_LARGE = {"large": Attribute("String", "x" * 40_000)}


@pytest.mark.parametrize("grouped", [False, True], ids=["plain", "sessions"])
@pytest.mark.parametrize("check", message_sink_contract.CHECKS, ids=lambda check: check.__name__)
async def test_message_sink(check, grouped, monkeypatch):
    """The sink keeps this promise."""
    async with bus(monkeypatch) as opened:
        await opened.create(requires_session=grouped)

        async def open_sink():
            return opened.sink(sessions=grouped)

        async def contents():
            found = []
            for session in await opened.sessions() if grouped else [None]:
                found += [decode(each) for each in await opened.peek(session)]
            return [Landed(each.group, each.body) for each in found]

        def refused(message):
            return message._replace(attributes=TOO_LARGE)

        await check(MessageSinkHarness(open_sink, contents, grouped, refused))
