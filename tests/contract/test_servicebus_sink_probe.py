"""The preflight of the Service Bus sink finds what would lose, repeat or refuse messages."""

import pytest
from servicebus_queue import bus, scripted

from replicator.connector import Severity

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
        ({"default_ttl_seconds": 3600.0}, Severity.WARNING, "3600 s"),
        ({"dead_letter_on_expiration": False}, Severity.WARNING, "expire"),
        ({"max_delivery_count": 1}, Severity.WARNING, "after 1 failed"),
    ],
)
async def test_a_queue_that_would_lose_or_repeat_messages_is_told(queue, settings, severity, said):
    """Each such setting is one finding with a hint."""
    await queue.create(**settings)
    (finding,) = await queue.sink().probe()
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (severity, True, True)


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
