"""A namespace of Service Bus for each test, on a loop in a hurry."""

import asyncio
import selectors

import pytest
import pytest_asyncio
from servicebus_namespace import Namespace, World

from localcloud.servicebus import ServiceBusServer

# The SDK sleeps most of the half a second that it takes to open or close a handler, so sleep is cut short.
HURRY = 10


class HurriedSelector(selectors.DefaultSelector):
    """Waits a tenth of the time that it is told."""

    def select(self, timeout=None):
        return super().select(timeout / HURRY if timeout else timeout)


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop on which time goes by ten times as fast."""

    def __init__(self):
        super().__init__(HurriedSelector())

    def time(self):
        return super().time() * HURRY


def pytest_asyncio_loop_factories():
    """Run the tests of this directory on such a loop."""
    return {"hurried": HurriedLoop}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world():
    """A namespace of the standard tier."""
    server = ServiceBusServer()
    await server.start()
    made = World(server)
    yield made
    await made.close()


@pytest.fixture
def namespace(world):
    """One test's part of it; faults go with the test."""
    yield Namespace(world)
    world.server.clear_faults()
