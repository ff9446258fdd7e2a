"""What a DynamoDB source says when something is wrong, and that it goes on when it is right again."""

import pytest
from dynamodb_table import STREAM, Reading, aws, table

from replicator.connector import Severity
from replicator.model.errors import PermanentError, TransientError

__all__ = ["aws", "table"]


async def test_a_throttled_stream_is_transient_and_loses_nothing(table, aws):
    """Throttles come out of read with their reason; afterwards every change is there once."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    await aws.add_fault("throttle", service="dynamodbstreams", operation="GetRecords", count=12)
    table.put("a", "b", "c", "d")
    await reading.until(lambda: len(reading.changes) == 4)
    assert sorted(change.key[0] for change in reading.changes) == ["a", "b", "c", "d"]
    assert {(trouble.reason, trouble.settled) for trouble in reading.troubles} == {("throttled", True)}


async def test_a_throttled_shard_is_read_slower_and_says_so(table, aws):
    """The status has a notice while the shards' own readers are spared; there is none before."""
    table.create()
    source = table.source(poll_seconds=0.01)
    reading = Reading(source)
    await reading.connect()
    assert source.notices() == ()
    await aws.set_streams(reads_per_second=5)
    await reading.until(source.notices)
    (notice,) = source.notices()
    assert "shards are read slower" in notice
    table.put("a", "b", "c", "d")
    await reading.until(lambda: len(reading.changes) == 4)


async def test_a_shard_has_one_reader_of_ours(table, aws):
    """However often it connects again, one reader's calls a second are made, and none throttles."""
    table.create()
    reading = Reading(table.source(poll_seconds=0.35))
    for number in range(4):
        await reading.connect(reading.positions or None)
        table.put(f"{number}")
        await reading.until(lambda number=number: len(reading.changes) == number + 1)
    await aws.set_streams(reads_per_second=5)  # two readers would make more calls than that
    said = len(reading.batches) + 12  # a quiet shard says once a second that it was read
    await reading.until(lambda: len(reading.batches) >= said)
    assert reading.troubles == []


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "error"])
async def test_faults_of_the_service_are_repeated(table, aws, kind):
    """Resets and 500s of stream reads cost neither a change nor a repetition."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    await aws.add_fault(kind, service="dynamodbstreams", operation="GetRecords", count=6)
    table.put("a", "b", "c")
    await reading.until(lambda: len(reading.changes) == 3)
    assert sorted(change.key[0] for change in reading.changes) == ["a", "b", "c"]
    assert reading.troubles


async def test_a_missing_table_is_permanent(table):
    """A table that does not exist stops with a hint, and is a finding of the probe."""
    source = table.source()
    with pytest.raises(PermanentError, match="ResourceNotFound") as caught:
        await source.connect(None)
    assert "name" in caught.value.hint
    assert [finding.severity for finding in await source.probe()] == [Severity.ERROR]


async def test_a_stream_that_is_off_is_permanent(table):
    """Without a stream there is nothing to follow, and the hint says what to enable."""
    table.create(stream=None)
    source = table.source()
    with pytest.raises(PermanentError, match="no enabled stream") as caught:
        await source.connect(None)
    assert "NEW_AND_OLD_IMAGES" in caught.value.hint
    assert errors(await source.probe()) == [caught.value.message]


async def test_a_stream_without_new_images_is_permanent(table):
    """Keys alone are not enough to copy a record."""
    table.create(stream=STREAM | {"StreamViewType": "KEYS_ONLY"})
    with pytest.raises(PermanentError, match="KEYS_ONLY"):
        await table.source().connect(None)


async def test_a_stream_switched_off_is_read_out_first(table):
    """What was written before the stream was switched off is delivered; then the source stops loudly."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    table.put("a", "b")
    table.api.update_table(TableName=table.name, StreamSpecification={"StreamEnabled": False})
    with pytest.raises(PermanentError, match="no enabled stream"):
        await reading.until(lambda: False)
    assert sorted(change.key[0] for change in reading.changes) == ["a", "b"]


async def test_an_unreachable_endpoint_is_transient(table):
    """Nobody listening is a reason to wait, in the settled sense."""
    source = table.source(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(TransientError) as caught:
        await source.connect(None)
    assert (caught.value.reason, caught.value.settled) == ("unreachable", True)


async def test_missing_credentials_are_permanent(table, monkeypatch, tmp_path):
    """Without credentials nothing is sent, and the hint names the chain."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(PermanentError, match=r"[Cc]redentials") as caught:
        await table.source().connect(None)
    assert "default chain" in caught.value.hint


async def test_refused_credentials_are_permanent(table, aws):
    """What the service says of unknown keys is passed on with a hint."""
    table.create()
    await aws.add_fault("error", operation="DescribeTable", status=400, code="UnrecognizedClientException")
    with pytest.raises(PermanentError, match="UnrecognizedClient") as caught:
        await table.source().connect(None)
    assert "credentials" in caught.value.hint


async def test_the_probe_finds_nothing_wrong_and_changes_nothing(table):
    """A good table has no errors, with markers too, and the probe leaves no item."""
    table.create()
    assert not errors(await table.source(markers=True).probe())
    assert table.api.scan(TableName=table.name)["Count"] == 0


async def test_the_probe_finds_missing_permissions(table, aws):
    """Each call that is refused is a finding of its own."""
    table.create()
    for operation in ("Scan", "PutItem", "DescribeStream"):
        await aws.add_fault("error", operation=operation, status=400, code="AccessDeniedException")
    found = errors(await table.source(markers=True).probe())
    assert {message.partition(":")[0] for message in found} == {"Scan", "PutItem", "DescribeStream"}


async def test_the_probe_knows_of_time_to_live(table):
    """Items that expire are worth knowing of."""
    table.create()
    table.api.update_time_to_live(
        TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "dies_at"}
    )
    warnings = [finding.message for finding in await table.source().probe()]
    assert any("dies_at" in message for message in warnings)


async def test_the_probe_knows_of_indexes(table):
    """They have no equal at a sink, and what they are for is to be provided for otherwise."""
    table.create()
    table.api.update_table(
        TableName=table.name,
        AttributeDefinitions=[{"AttributeName": "customer", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-customer",
                    "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    warnings = [finding.message for finding in await table.source().probe()]
    assert any("not copied: by-customer" in message for message in warnings)


def errors(findings):
    """The messages of the findings that stop a pipeline."""
    return [finding.message for finding in findings if finding.severity is Severity.ERROR]
