"""The preflight of the Service Bus sink finds what would lose, repeat or refuse messages."""

import re

import pytest
from servicebus_queue import bus, scripted, sent

from replicator.connector import Compares, QueueTraits, Severity
from replicator.model.errors import PermanentError

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def queue(monkeypatch):
    """A namespace without a queue."""
    async with bus(monkeypatch) as opened:
        yield opened


@pytest.mark.parametrize("sessions", [False, True])
async def test_a_sound_queue_has_no_findings(queue, sessions):
    """Duplicates detected for ten minutes, expired messages kept: nothing to say, and nothing sent."""
    await queue.create(requires_session=sessions)
    assert list(await queue.sink(sessions=sessions).probe()) == []
    if queue.server is not None:
        assert queue.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    ("settings", "severity", "said"),
    [
        ({"duplicate_detection_seconds": None}, Severity.ERROR, "does not detect duplicates"),
        ({"duplicate_detection_seconds": 60.0}, Severity.ERROR, "for 60 s"),
        ({"dead_letter_on_expiration": False}, Severity.WARNING, "expire"),
        ({"max_delivery_count": 1}, Severity.WARNING, "after 1 failed"),
    ],
)
async def test_a_queue_that_would_lose_or_repeat_messages_is_told(queue, settings, severity, said):
    """Each such setting is one finding with a hint."""
    await queue.create(**settings)
    (finding,) = await queue.sink().probe()
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (severity, True, True)


async def test_what_differs_from_the_source_is_told(queue):
    """Its limits, times, counts and room are compared with those of the queue that messages come from."""
    await queue.create(default_ttl_seconds=3600.0, lock_seconds=30.0, size_bytes_max=1 << 20)
    sink = await queue.connected()
    assert isinstance(sink, Compares)
    assert list(await sink.compare(QueueTraits())) == []
    await sink.write([sent("a", "x" * 200_000)])
    source = QueueTraits(False, 1 << 20, 345_600.0, 900.0, 5, 100)
    found = await sink.compare(source)
    assert [finding.severity for finding in found] == [Severity.WARNING] * 5
    said = "\n".join(finding.message for finding in found)
    for part in ("1048576", "3600 s", "30 s", "after 5 deliveries", "100 messages wait"):
        assert part in said
    if queue.server is not None:
        assert (8 << 10) < int(re.search(r"room for (\d+) bytes", said)[1]) < (9 << 10)
        queue.server.delete_queue(queue.queue)
        with pytest.raises(PermanentError):
            await queue.sink().compare(source)


async def test_settings_that_cannot_be_read_are_not_compared(queue, monkeypatch):
    """What AMQP tells is compared all the same."""
    scripted(queue)
    await queue.create(default_ttl_seconds=3600.0)
    monkeypatch.delenv("SERVICEBUS_MANAGEMENT_ENDPOINT")
    (finding,) = await queue.sink().compare(QueueTraits(message_bytes_max=1 << 20, retention_seconds=1e6))
    assert "1048576" in finding.message


async def test_a_queue_without_detection_may_be_meant(queue):
    """Where the configuration does not expect it, it is no finding."""
    await queue.create(duplicate_detection_seconds=None)
    assert list(await queue.sink(duplicate_detection=False).probe()) == []


async def test_a_missing_queue_is_a_finding(queue):
    """Problems are findings, not errors."""
    (finding,) = await queue.sink(queue="none").probe()
    assert (finding.severity, "not there" in finding.message) == (Severity.ERROR, True)


async def test_a_smaller_limit_than_the_tier_has_is_told(queue):
    """What the service says of the queue counts, and the difference is worth knowing."""
    scripted(queue)
    await queue.create()
    (finding,) = await queue.sink(tier="premium").probe()
    assert (finding.severity, "262144" in finding.message) == (Severity.WARNING, True)


async def test_settings_that_cannot_be_read_are_told(queue, monkeypatch):
    """Without the management API its part of the preflight is left out, and that is said."""
    scripted(queue)
    await queue.create()
    monkeypatch.delenv("SERVICEBUS_MANAGEMENT_ENDPOINT")
    (finding,) = await queue.sink().probe()
    assert (finding.severity, "not looked at" in finding.message) == (Severity.WARNING, True)
    (finding,) = await queue.sink(management_endpoint="http://127.0.0.1:9").probe()
    assert "cannot be reached" in finding.message
