"""Bodies that are too large for the queue lie in a container, whole, before their messages say so."""

import asyncio
import hashlib
import json
import re
import runpy
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from blob_account import Container, container
from servicebus_queue import bus, message, scripted, sent

from connectors.servicebus import ServiceBusSinkSettings, claim_of, decode
from localcloud.servicebus import Fault
from replicator.connector import Severity
from replicator.model.errors import BatchError, ChangeError, PermanentError, TransientError
from replicator.model.record import Attribute

pytestmark = pytest.mark.asyncio

LARGE = "ü" * 300_000
PAGE = Path(__file__).parents[2] / "docs" / "claim-check.md"
VARIABLE = "CLAIM_TEST_CONNECTION"


class Place:
    """A queue and the container that its bodies go into."""

    def __init__(self, queue, blobs: Container, monkeypatch):
        self.queue, self.blobs, self._monkeypatch = queue, blobs, monkeypatch
        self.check = {"container": blobs.name, "connection_string_env": VARIABLE}
        monkeypatch.setenv(VARIABLE, blobs.connection_string)

    async def front(self):
        """A front before the container, for every sink from now on."""
        made = await self.blobs.front()
        self._monkeypatch.setenv(VARIABLE, self.blobs.connection_string.replace(self._origin(), made.url))
        return made

    def _origin(self):
        return "/".join(self.blobs.endpoint[1].split("/")[:3])

    async def sink(self, **settings):
        """A sink with a claim check."""
        return await self.queue.connected(claim_check=self.check, **settings)

    async def names(self):
        """The blobs that are there."""
        return [each async for each in self.blobs.sdk.list_blob_names()]

    async def body(self, received):
        """The body that a received message claims."""
        claim = claim_of(received)
        assert claim.container == self.blobs.name
        return await (await self.blobs.sdk.download_blob(claim.name)).readall()


@pytest.fixture
async def place(storage, monkeypatch):
    """A queue without sessions, and an empty container."""
    async with bus(monkeypatch) as queue, container(storage, monkeypatch) as blobs:
        await queue.create()
        yield Place(queue, blobs, monkeypatch)


async def test_a_body_over_the_limit_goes_into_a_blob(place):
    """It lies there as UTF-8, its message has everything else, and both decode to what was sent."""
    sink = await place.sink()
    large = message(
        "m1", LARGE, attributes={"n": Attribute("Number", "1"), "text": "é"}, sent_at=5.5, expires_at=4e9
    )
    change = sent("m1")._replace(record=large)
    await sink.write([sent("a"), change, sent("b")])
    first, received, last = await place.queue.take(3)
    assert [decode(each).id for each in (first, last)] == ["a", "b"]
    body = await place.body(received)
    assert body == LARGE.encode()
    assert (b"".join(received.body), received.message_id) == (b"", "m1")
    assert decode(received, body) == large
    assert await place.names() == [f"{place.queue.queue}/m1/{hashlib.sha256(body).hexdigest()}"]
    found = await place.blobs.sdk.get_blob_client((await place.names())[0]).get_blob_properties()
    assert found.content_settings.content_type == "text/plain; charset=utf-8"
    with pytest.raises(ChangeError, match=r"is in the blob"):
        decode(received)
    with pytest.raises(ChangeError, match="is not the body"):
        decode(received, body + b"!")


async def test_the_recipe_for_consumers_finds_the_body(place, tmp_path):
    """As the page has it, word for word."""
    (recipe,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "recipe.py").write_text(recipe)
    given = {"json": json, "hashlib": hashlib, "BlobServiceClient": BlobServiceClient}
    found = runpy.run_path(tmp_path / "recipe.py", given)
    sink = await place.sink()
    await sink.write([sent("a", LARGE), sent("b")])
    with BlobServiceClient.from_connection_string(place.blobs.connection_string) as account:
        bodies = []
        for received in await place.queue.take(2):
            properties = {k.decode(): v.decode() for k, v in received.application_properties.items()}
            read = asyncio.to_thread(found["body_of"], b"".join(received.body), properties, account)
            bodies.append(await read)
    assert bodies == [LARGE.encode(), b"hello"]


async def test_what_the_queue_takes_stays_in_its_message(place):
    """Up to the very limit of the queue no blob is made."""
    sink = await place.sink()
    await sink.write([sent("a", "x" * (254 * 1024 + 512))])
    assert await place.names() == []
    assert [len(each.body) for each in await place.queue.messages(1)] == [254 * 1024 + 512]


async def test_a_repeated_write_uses_the_same_blob(place):
    """By this process or by another one after a crash, nothing is added and nothing is left over."""
    for _ in range(2):
        sink = await place.sink()
        for _ in range(2):
            await sink.write([sent("a", LARGE), sent("b", LARGE + "b")])
    assert len(await place.names()) == 2
    assert [decode(each, await place.body(each)).id for each in await place.queue.take(2)] == ["a", "b"]


async def test_a_send_that_fails_leaves_the_body_for_the_next(place):
    """The blob is there before the message is; one that was deleted meanwhile is written anew."""
    server = scripted(place.queue)
    sink = await place.sink()
    server.add_fault(Fault(kind="drop", operation="send"))
    with pytest.raises(TransientError) as caught:
        await sink.write([sent("a", LARGE)])
    assert caught.value.settled is False
    (name,) = await place.names()
    await place.blobs.sdk.delete_blob(name)
    await sink.write([sent("a", LARGE)])
    assert await place.names() == [name]
    assert place.queue.counts() == (1, 0, 0)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["reset", "stall", "status"])
async def test_a_body_that_is_not_durable_keeps_its_message_back(place, kind, after):
    """Whatever befalls the write, nothing is sent, that is settled, and the next write makes it good."""
    scripted(place.queue)
    front = await place.front()
    sink = await place.sink(call_seconds_max=2.0)
    # One that breaks once is not noticed: aiohttp sends again, and the condition makes that right.
    front.add("put", kind=kind, after=after, count=2 if kind == "reset" else 1)
    with pytest.raises(TransientError) as caught:
        await sink.write([sent("a"), sent("b", LARGE)])
    assert caught.value.settled is True
    assert place.queue.counts() == (0, 0, 0)
    await sink.write([sent("a"), sent("b", LARGE)])
    assert len(await place.names()) == 1
    assert place.queue.counts() == (2, 0, 0)


async def test_a_put_that_is_sent_twice_is_one_body(place):
    """A connection that breaks once its blob is written is made good by the SDK's transport."""
    scripted(place.queue)
    front = await place.front()
    sink = await place.sink()
    front.add("put", kind="reset", after=True)
    await sink.write([sent("b", LARGE)])
    assert (front.calls["put"], len(await place.names())) == (2, 1)


async def test_bodies_that_take_longer_than_a_call_are_written_all_the_same(place):
    """A write that is repeated goes on with the bodies that are missing."""
    scripted(place.queue)
    front = await place.front()
    sink = await place.sink(call_seconds_max=2.0)
    held = front.add("put", kind="hold", count=1)
    changes = [sent(f"{number}", LARGE) for number in range(4)]
    with pytest.raises(TransientError):
        await sink.write(changes)
    held.release.set()
    await sink.write(changes)
    assert front.calls["put"] == 5
    assert place.queue.counts() == (4, 0, 0)


async def test_another_content_under_the_name_is_told(place):
    """It is that message's error; what is there stays, and other messages go on."""
    sink = await place.sink()
    await sink.write([sent("a", LARGE)])
    (name,) = await place.names()
    await place.blobs.sdk.upload_blob(name, LARGE.encode()[:-2] + b"??", overwrite=True)
    await sink.write([sent("c")])
    with pytest.raises(BatchError) as caught:
        await sink.write([sent("a", LARGE), sent("b")])
    ((key, error),) = caught.value.failures.items()
    assert (key, type(error), bool(error.hint)) == (("a",), ChangeError, True)
    assert (await (await place.blobs.sdk.download_blob(name)).readall()).endswith(b"??")


async def test_a_missing_container_stops_the_pipeline_and_is_found_beforehand(place):
    """By a write, by a trial and by the probe, each with a hint."""
    place.check["container"] = "elsewhere"
    sink = await place.sink()
    for attempt in (sink.write([sent("a", LARGE)]), sink.try_write()):
        with pytest.raises(PermanentError, match="not there") as caught:
            await attempt
        assert caught.value.hint
    (finding,) = await sink.probe()
    assert (finding.severity, "not there" in finding.message) == (Severity.ERROR, True)


async def test_looking_and_trying_leave_nothing_in_the_container(place):
    """A sound container is no finding, and nothing is written for it."""
    sink = await place.sink()
    assert list(await sink.probe()) == []
    await sink.try_write()
    assert await place.names() == []


async def test_a_wrong_key_is_told_without_being_shown(place, monkeypatch):
    """A refused credential is permanent, and so is a text that is none."""
    parts = place.blobs.connection_string.split("AccountKey=")
    wrong = f"{parts[0]}AccountKey=d3Jvbmcga2V5{';' + parts[1].split(';', 1)[1] if ';' in parts[1] else ''}"
    monkeypatch.setenv(VARIABLE, wrong)
    (finding,) = await (await place.sink()).probe()
    assert (finding.severity, "credential" in finding.message) == (Severity.ERROR, True)
    assert "d3Jvbmcga2V5" not in finding.message
    monkeypatch.setenv(VARIABLE, "AccountKey=secret")
    with pytest.raises(PermanentError, match="is none") as caught:
        await place.sink()
    assert "secret" not in str(caught.value)


async def test_without_a_claim_check_the_letter_says_what_helps(place):
    """Off by default, a body over the limit is refused with a hint that names the setting."""
    sink = await place.queue.connected()
    with pytest.raises(ChangeError, match="at most") as caught:
        await sink.write([sent("a", LARGE)])
    assert "claim_check" in caught.value.hint
    assert await place.names() == []


async def test_many_large_bodies_share_a_call(place):
    """They are written some at a time, and land in their order."""
    sink = await place.sink()
    async with asyncio.timeout(30):
        await sink.write([sent(f"m{number:02}", f"{number:02}" + "x" * 262_144) for number in range(20)])
    taken = await place.queue.take(20)
    assert [each.message_id for each in taken] == [f"m{number:02}" for number in range(20)]
    assert (await place.body(taken[7]))[:2] == b"07"


async def test_credentials_are_named_and_never_text():
    """A section that names none, or holds one, is refused."""
    base = {"queue": "q", "namespace": "n.servicebus.windows.net"}
    for wrong in (
        {"container": "c1c"},
        {"container": "c1c", "connection_string": "secret"},
        {"container": "C"},
    ):
        settings = base | {"claim_check": {"connection_string_env": "NOT_SET_ANYWHERE"} | wrong}
        with pytest.raises(ValueError, match="claim_check"):
            ServiceBusSinkSettings.model_validate(settings)
