"""Fixtures that every test may use: the clouds, and names of its own in them."""

import asyncio
import os
from contextlib import ExitStack
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from localcloud import LocalClouds
from localcloud.ports import Port
from localcloud.standins import azurite

# How long an example takes is the machine's business, and says nothing of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

REAL = os.environ.get("REPLICATOR_TEST_CLOUDS") == "real"
# The development key that Microsoft publishes; it opens nothing else.
AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_OF_CLOUDS = ("AWS_", "AZURE_", "COSMOS_", "SERVICEBUS_")


class AmbientClouds:
    """Real accounts: whatever the environment names."""

    def environment(self):
        """Return the variables of the clouds that are set around the tests."""
        return {name: value for name, value in os.environ.items() if name.startswith(_OF_CLOUDS)}


@pytest.fixture(scope="session")
def clouds():
    """Both clouds, once per test process; real accounts where REPLICATOR_TEST_CLOUDS=real."""
    if REAL:
        yield AmbientClouds()
        return
    started = asyncio.run(LocalClouds.start(azurite=False))
    yield started
    asyncio.run(started.stop())


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """A connection string of Azure Storage: Azurite alone, or the one around the tests on real accounts."""
    if REAL:
        yield os.environ["AZURE_STORAGE_CONNECTION_STRING"]
        return
    with ExitStack() as ports:
        numbers = [ports.enter_context(Port()).number for _ in range(3)]
        server, urls = azurite(tmp_path_factory.mktemp("azurite"), numbers, persist=False)
        asyncio.run(server.start())
        yield f"{AZURITE};BlobEndpoint={urls['blob']}/devstoreaccount1"
        asyncio.run(server.stop())


@pytest.fixture
def local_clouds(clouds):
    """The stand-ins, for tests that script them; skipped on real accounts."""
    if REAL:
        pytest.skip("scripts the stand-ins")
    return clouds


@pytest.fixture
def environment(clouds, monkeypatch):
    """The variables of the clouds, set for this test, so that SDK clients need no arguments."""
    variables = clouds.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def name():
    """A name that no other test uses: for a table, a container, a bucket."""
    return f"test-{uuid4().hex[:12]}"
