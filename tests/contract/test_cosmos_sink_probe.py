"""The preflight of the Cosmos DB sink finds what would lose, refuse or slow documents."""

import pytest
from azure.cosmos import PartitionKey
from cosmos_account import CONTAINER, account, rows_of

from replicator.connector import Severity
from replicator.model.errors import PermanentError

LEAN = {"indexingMode": "consistent", "excludedPaths": [{"path": "/*"}]}


@pytest.fixture
async def cosmos(monkeypatch):
    """An account with an empty database."""
    async with account(monkeypatch) as opened:
        yield opened


async def test_a_sound_container_has_no_findings(cosmos):
    """Partition key /pk, nothing indexed, no time to live: nothing to say, and nothing written."""
    await cosmos.create(indexing_policy=LEAN)
    sink = cosmos.sink()
    assert list(await sink.probe()) == []
    await sink.connect()
    assert await rows_of(sink) == {}


async def test_indexing_everything_is_a_warning(cosmos):
    """The default indexing policy makes writes dear; that is worth knowing and no more."""
    await cosmos.create()
    (finding,) = await cosmos.sink().probe()
    assert (finding.severity, "indexed" in finding.message) == (Severity.WARNING, True)


async def test_a_low_throughput_is_a_warning(cosmos):
    """What a container is limited to is told, with the rate that it allows."""
    await cosmos.create(indexing_policy=LEAN, offer_throughput=400)
    (finding,) = await cosmos.sink().probe()
    assert (finding.severity, "400 RU/s" in finding.message) == (Severity.WARNING, True)


@pytest.mark.parametrize(
    ("path", "definition", "said"),
    [
        ("/customer", {}, "/customer"),
        (["/pk", "/id"], {}, "/pk, /id, not /pk"),
        ("/pk", {"default_ttl": 3600}, "3600 s"),
    ],
)
async def test_a_container_that_would_lose_documents_is_refused(cosmos, path, definition, said):
    """It is an error of the probe, and connecting refuses it with the same words and a hint."""
    await cosmos.create(path, indexing_policy=LEAN, **definition)
    (finding,) = await cosmos.sink().probe()
    assert (finding.severity, said in finding.message) == (Severity.ERROR, True)
    with pytest.raises(PermanentError, match=said) as caught:
        await cosmos.sink().connect()
    assert caught.value.hint


async def test_a_time_to_live_that_expires_nothing_is_sound(cosmos):
    """A default of -1 removes only documents that carry a time to live of their own; ours do not."""
    await cosmos.create(indexing_policy=LEAN, default_ttl=-1)
    assert list(await cosmos.sink().probe()) == []


async def test_the_preflight_says_what_the_cutover_has_to_do(cosmos):
    """With a time to live in the documents the container's is off now and -1 then; on, it is refused."""
    container = await cosmos.create(indexing_policy=LEAN)
    (finding,) = await cosmos.sink(ttl_attribute="expires_at").probe()
    assert (finding.severity, "-1 at the cutover" in finding.hint) == (Severity.WARNING, True)
    database = cosmos.client.get_database_client(cosmos.database)
    await database.replace_container(container, PartitionKey("/pk"), indexing_policy=LEAN, default_ttl=-1)
    found = await cosmos.sink(ttl_attribute="expires_at").probe()
    assert [each.severity for each in found] == [Severity.ERROR, Severity.WARNING]
    with pytest.raises(PermanentError, match="time to live is on"):
        await cosmos.sink(ttl_attribute="expires_at").connect()


async def test_a_version_1_partition_key_is_refused(cosmos):
    """It tells long values apart by their first 101 bytes only."""
    database = await cosmos.client.create_database_if_not_exists(cosmos.database)
    await database.create_container(CONTAINER, PartitionKey("/pk", version=1), indexing_policy=LEAN)
    with pytest.raises(PermanentError, match="version 1"):
        await cosmos.sink().connect()


async def test_problems_are_findings_not_errors(cosmos):
    """A missing container, or one that cannot be asked, is told as a finding with a hint."""
    (finding,) = await cosmos.sink(container="none").probe()
    assert (finding.severity, "not there" in finding.message, bool(finding.hint)) == (
        Severity.ERROR,
        True,
        True,
    )


async def test_weak_reads_are_a_warning(cosmos):
    """With Eventual consistency verification may see documents as they were."""
    await cosmos.create(indexing_policy=LEAN)
    (finding,) = await cosmos.sink(consistency="Eventual").probe()
    assert "Eventual" in finding.message
