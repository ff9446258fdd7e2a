"""Fixtures that every test may use: the clouds, and names of its own in them."""

import asyncio
import os
from uuid import uuid4

import pytest

from localcloud import LocalClouds

REAL = os.environ.get("REPLICATOR_TEST_CLOUDS") == "real"
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
