"""A pipeline of objects over the reference connector and the real store: what an operator relies on."""

import asyncio
import json
import random
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.memory import (
    MarkedMemoryObjectSource,
    MemoryBucket,
    MemoryObjectSink,
    MemoryObjectStore,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
    Unrest,
)
from replicator.config.limits import Limits
from replicator.engine.parts import Parts
from replicator.engine.supervisor import Charge, Supervisor
from replicator.model.clock import SystemClock
from replicator.model.errors import NotNowError
from replicator.state import SqliteStore

LIMITS = Limits(sink_call_seconds_max=0.5, checkpoint_seconds=0.05, retry_seconds_max=0.2)
SOURCE = MemorySourceSettings(bucket="invoices", poll_seconds=0.01, page_rows_max=7)
SINK = MemorySinkSettings(storage="invoices", page_rows_max=5)


class QuietBucket(MemoryBucket):
    """A bucket whose events of objects are lost while ``silent`` is set; those of canaries are not."""

    silent = False

    def _tell(self, name, kept):
        if not self.silent or name.startswith(".replicator/"):
            super()._tell(name, kept)


class HeldBackSink(MemoryObjectSink):
    """A sink whose uploads wait while ``open`` is cleared."""

    def __init__(self, store, is_open):
        super().__init__(store, SINK)
        self._open = is_open

    async def upload(self, key, body, etag):
        await self._open.wait()
        return await super().upload(key, body, etag)


class World:
    """A bucket, a store of objects, and the supervisor between them."""

    def __init__(self, state, unrest, object_bytes_max, limits):
        events = MemoryQueue(unrest=unrest, visibility_seconds=1.0)
        self.bucket = QuietBucket(events=events)
        self.objects = MemoryObjectStore(object_bytes_max=object_bytes_max)
        self.state, self.limits = state, limits
        self.uploading = asyncio.Event()
        self.uploading.set()
        self.failures = []

    def start(self):
        """A new supervisor over the same ends, at first and after a crash."""
        charge = Charge("invoices", "memory", "memory", self.parts, 15.0, verify=False, clock=SystemClock())
        self.supervisor = Supervisor(charge, lambda _name, error: self.failures.append(error))
        self.task = asyncio.create_task(self.supervisor.run())

    async def crash(self):
        """End it in the middle of whatever it does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def parts(self):
        source = MarkedMemoryObjectSource(self.bucket, SOURCE)
        sink = HeldBackSink(self.objects, self.uploading)
        jitter = random.Random(1)
        return Parts("invoices", source, sink, self.state, self.limits, SystemClock(), jitter)

    def differences(self):
        """Names whose bodies, metadata or tags differ between the two sides."""
        names = {*self.names(self.bucket), *self.names(self.objects)}
        return {name for name in names if self.told(self.bucket, name) != self.told(self.objects, name)}

    @staticmethod
    def names(side):
        page, _ = side.objects.page(side.objects.pieces(1)[0], None, 100_000)
        return [name for name, _ in page if not name.startswith(".replicator/")]

    @staticmethod
    def told(side, name):
        kept = side.objects.get(name)
        return kept and (kept.body, dict(kept.record.metadata), dict(kept.record.tags))

    async def proved(self):
        await until(lambda: self.supervisor.status().proof is not None)

    async def verified(self, **how):
        progress = self.supervisor.verify(**{"repair": False, "quiet_source": False, **how})
        await until(lambda: progress.finished_at is not None)
        assert progress.error is None
        return progress


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(directory, *, unrest=None, object_bytes_max=10_000, objects=30, limits=LIMITS):
    state = await SqliteStore.open(directory / "state.db")
    world = World(state, unrest or Unrest(), object_bytes_max, limits)
    for number in range(objects):
        world.bucket.put(f"k{number:03}", f"body {number}".encode(), metadata={"number": str(number)})
    world.start()
    try:
        yield world
    finally:
        world.uploading.set()
        world.supervisor.stop()
        await world.task
        await state.close()


async def test_backfill_and_delta_make_both_sides_equal(tmp_path):
    """What was there, what changes, what is tagged and what is deleted all arrive, and a list proves it."""
    async with running(tmp_path) as world:
        await world.proved()
        world.bucket.put("k001", b"new", metadata={"x": "y"})
        world.bucket.tag("k002", {"colour": "blue"})
        world.bucket.delete("k003")
        world.bucket.put("fresh", b"")
        assert await world.supervisor.barrier() == "by list"
        assert world.differences() == set()
        status = world.supervisor.status()
        assert status.healthy
        assert status.backfill.rows == 30
        assert status.listing.age_seconds < 30


async def test_storms_of_late_repeated_and_reordered_events_converge(tmp_path):
    """Whatever the events do, the present state is what arrives."""
    dice = random.Random(7)
    unrest = Unrest(chance=random.Random(8), repeat=0.5, delay=0.5, delay_seconds_max=0.5, reorder=0.9)
    async with running(tmp_path, unrest=unrest) as world:
        for step in range(400):
            name = f"k{dice.randrange(40):03}"
            if dice.random() < 0.3:
                world.bucket.delete(name)
            else:
                world.bucket.put(name, f"{step}".encode(), tags={"step": str(step)})
            if step % 40 == 0:
                await asyncio.sleep(0.02)
        await world.proved()
        await world.supervisor.barrier()
        assert world.differences() == set()
        assert world.supervisor.status().changes_waiting == await world.state.count_dirty("invoices") == 0


async def test_a_list_finds_what_no_event_told(tmp_path):
    """Events that are lost altogether cost the time to the next list, and nothing else."""
    limits = LIMITS.model_copy(update={"list_seconds": 0.2})
    async with running(tmp_path, limits=limits) as world:
        await world.proved()
        world.bucket.silent = True
        world.bucket.put("k001", b"silently new")
        world.bucket.put("k100", b"silently there")
        world.bucket.delete("k002")
        await until(lambda: not world.differences())


async def test_keys_are_proved_by_reading_them(tmp_path):
    """A barrier for keys needs neither events nor a list."""
    async with running(tmp_path) as world:
        await world.proved()
        world.bucket.silent = True
        world.bucket.put("k001", b"silently new")
        world.bucket.put("k003", b"nobody asks")
        world.bucket.delete("k002")
        assert await world.supervisor.barrier([("k001",), ("k002",)]) == "by key"
        assert world.differences() == {"k003"}


async def test_a_barrier_for_keys_waits_for_an_older_copy_under_way(tmp_path):
    """Both sides lack the object, but a copy of what it was is still to land: that is no proof."""
    async with running(tmp_path) as world:
        await world.proved()
        world.uploading.clear()
        world.bucket.put("fresh", b"old")
        await until(lambda: world.supervisor.status().changes_waiting == 1)
        await asyncio.sleep(0.05)  # the copy of the old state has begun
        world.bucket.delete("fresh")
        barrier = asyncio.create_task(world.supervisor.barrier([("fresh",)]))
        await asyncio.sleep(0.1)
        assert not barrier.done()
        world.uploading.set()
        assert await barrier == "by key"
        assert world.objects.objects.get("fresh") is None


async def test_what_was_noted_survives_an_end_without_warning(tmp_path):
    """An event is forgotten at the source once it is noted, and copied after a crash all the same."""
    async with running(tmp_path) as world:
        await world.proved()
        world.uploading.clear()
        world.bucket.put("k001", b"noted before the crash")
        await until(lambda: world.bucket.events.counts() == (0, 0))
        assert world.supervisor.status().changes_waiting == 1
        assert world.supervisor.status().lag.lag_seconds > 0
        await world.crash()
        world.uploading.set()
        world.start()
        await until(lambda: not world.differences())


async def test_an_object_that_changes_while_it_is_copied_is_copied_again(tmp_path):
    """The newest state arrives although an older one was on its way."""
    async with running(tmp_path) as world:
        await world.proved()
        world.uploading.clear()
        world.bucket.put("k001", b"old")
        await until(lambda: world.supervisor.status().changes_waiting == 1)
        await asyncio.sleep(0.05)  # the copy of the old state has begun
        world.bucket.put("k001", b"new")
        await until(lambda: world.bucket.events.counts() == (0, 0))
        world.uploading.set()
        await until(lambda: world.supervisor.status().changes_waiting == 0)
        assert world.objects.objects.get("k001").body == b"new"


async def test_leftovers_in_the_sink_are_reconciled(tmp_path):
    """A sink that was not empty ends equal: extra objects go, foreign bodies are replaced."""
    async with running(tmp_path, objects=0) as world:
        await world.proved()
        world.bucket.put("mine", b"1")
        await world.supervisor.barrier()
        held = world.objects.objects.get("mine")
        world.objects.stage("extra", "b", b"x")
        world.objects.commit("extra", ["b"], held.record._replace(version="elsewhere"), None)
        assert world.differences() == {"extra"}
        await world.supervisor.barrier()
        assert world.differences() == set()


async def test_verification_reads_bodies(tmp_path):
    """A body that is wrong under the right version and size is found by its checksum, and repaired."""
    async with running(tmp_path) as world:
        await world.proved()
        clean = await world.verified()
        assert (clean.mismatches, clean.keys) == (0, {"source": 30, "sink": 30})
        held = world.objects.objects.get("k005")
        world.objects.objects.put("k005", held._replace(body=b"BODY 5", etag='"spoilt"'))
        found = await world.verified()
        assert found.found["different"] == 1
        assert world.supervisor.status().backfill.mismatches == 1
        mended = await world.verified(repair=True)
        assert (mended.repaired, mended.mismatches) == (1, 0)
        assert world.differences() == set()


async def test_each_mismatch_is_told_once(tmp_path):
    """What is refused and missing, and what differs, counts once each, and has a line in the report."""
    async with running(tmp_path, object_bytes_max=100) as world:
        await world.proved()
        world.bucket.put("large", b"x" * 101)
        await until(lambda: world.supervisor.status().dead_letters_open)
        held = world.objects.objects.get("k005")
        world.objects.objects.put("k005", held._replace(body=b"BODY 5", etag='"spoilt"'))
        told = await world.verified()
        assert told.found == {"missing": 1, "different": 1, "extra": 0, "unsettled": 0}
        lines = [json.loads(line) for line in Path(told.report).read_text().splitlines()]
        assert {(line["key"], line["mismatch"]) for line in lines} == {
            ('["s:large"]', "missing"),
            ('["s:k005"]', "different"),
        }


async def test_a_refused_object_is_a_dead_letter_until_it_fits(tmp_path):
    """What the sink cannot hold is kept, closes nothing else, and a replay brings the present state."""
    async with running(tmp_path, object_bytes_max=100, objects=3) as world:
        await world.proved()
        world.bucket.put("k001", b"x" * 101)
        world.bucket.put("k002", b"fits")
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        await until(lambda: world.objects.objects.get("k002").body == b"fits")
        (letter,) = await world.state.list_dead_letters("invoices", "open", 0, 10)
        assert letter.key == ("k001",)
        assert not await world.supervisor.replay(letter)
        (letter,) = await world.state.list_dead_letters("invoices", "open", 0, 10)
        world.bucket.put("k001", b"x" * 100)
        assert await world.supervisor.replay(letter)
        assert world.supervisor.status().dead_letters_open == 0
        assert world.differences() == set()


async def test_a_waived_object_is_left_alone_by_lists(tmp_path):
    """No list makes a new letter of what an operator has given up, and no verification counts it."""
    async with running(tmp_path, object_bytes_max=100, objects=3) as world:
        await world.proved()
        world.bucket.put("k001", b"x" * 101)
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        with pytest.raises(NotNowError, match="dead letter"):
            await world.supervisor.barrier([("k001",)])
        (letter,) = await world.state.list_dead_letters("invoices", "open", 0, 10)
        await world.state.settle_dead_letter(letter.id, "waived")
        await world.supervisor.recount()
        await world.supervisor.barrier()
        with pytest.raises(NotNowError, match="waived"):
            await world.supervisor.barrier([("k001",)])
        assert world.supervisor.status().dead_letters_open == 0
        verified = await world.verified()
        assert (verified.waived, verified.mismatches) == (1, 0)


async def test_a_later_version_settles_the_letter(tmp_path):
    """Nobody has to see to a letter whose object was copied since; what is refused again stays open."""
    async with running(tmp_path, object_bytes_max=100, objects=3) as world:
        await world.proved()
        world.bucket.put("k001", b"x" * 101)
        world.bucket.put("k002", b"x" * 101)
        await until(lambda: world.supervisor.status().dead_letters_open == 2)
        world.bucket.put("k001", b"fits")
        world.bucket.put("k002", b"x" * 102)
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        await world.supervisor.barrier()
        (letter,) = await world.state.list_dead_letters("invoices", "open", 0, 10)
        assert (letter.key, letter.record.size) == (("k002",), 102)
        assert world.differences() == {"k002"}


async def test_a_list_finds_what_took_the_place_of_a_refused_version(tmp_path):
    """A letter is about one version: what came after it is found although its event is lost."""
    async with running(tmp_path, object_bytes_max=100, objects=4) as world:
        await world.proved()
        for name in ("k001", "k002", "k003"):
            world.bucket.put(name, b"x" * 101)
        await until(lambda: world.supervisor.status().dead_letters_open == 3)
        for letter in await world.state.list_dead_letters("invoices", "open", 0, 10):
            assert letter.record == world.bucket.objects.get(*letter.key).record
            if letter.key != ("k001",):
                await world.state.settle_dead_letter(letter.id, "waived")
        world.bucket.silent = True
        world.bucket.put("k001", b"fits")
        world.bucket.put("k002", b"fits")
        world.bucket.delete("k003")
        await world.supervisor.barrier()
        assert world.differences() == set()


async def test_a_pause_holds_copies_back(tmp_path):
    """Paused, nothing new is begun; resumed, all of it arrives."""
    async with running(tmp_path) as world:
        await world.proved()
        world.supervisor.pause()
        await asyncio.sleep(0.05)
        world.bucket.put("k001", b"while paused")
        await asyncio.sleep(0.1)
        assert world.objects.objects.get("k001").body == b"body 1"
        world.supervisor.resume()
        await until(lambda: not world.differences())
