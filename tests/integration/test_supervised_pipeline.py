"""A supervised pipeline over the reference connector and the real store: what an operator relies on."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer, Operation, Verb
from connectors.memory.sink import MemorySink
from connectors.memory.source import MarkedMemorySource, MemorySource
from connectors.memory.table import MemoryTable
from replicator.config.limits import Limits
from replicator.engine.parts import Parts
from replicator.engine.proof import BY_TIME
from replicator.engine.status import State
from replicator.engine.supervisor import Charge, Supervisor
from replicator.engine.verify import Verification
from replicator.model.change import Change, Positions, Row
from replicator.model.clock import SystemClock
from replicator.model.errors import (
    ChangeError,
    NotNowError,
    PermanentError,
    ReplicatorError,
    TransientError,
)
from replicator.model.key import Key
from replicator.model.record import Item, record_to_json
from replicator.state import SqliteStore
from replicator.state.report import JsonLinesReport

LIMITS = Limits(sink_call_seconds_max=0.5, checkpoint_seconds=0.05, retry_seconds_max=0.2)


def item(value: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "p"}, "v": {"S": value}}


class World:
    """A table, a container, a store, and the supervisor between them."""

    def __init__(
        self,
        store: SqliteStore,
        marks: bool,
        policy: str,
        document_bytes_max: int,
        clock: SystemClock | None = None,
        kind: type[MemorySource] | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.table = MemoryTable()
        self.container = MemoryContainer(document_bytes_max=document_bytes_max)
        self.store = store
        self.policy = policy
        self.kind = kind or (MarkedMemorySource if marks else MemorySource)
        self.failures: list[BaseException] = []
        charge = Charge("orders", "memory", "memory", self.parts, 15.0, verify=False, clock=self.clock)
        self.supervisor = Supervisor(charge, lambda _name, error: self.failures.append(error))

    def parts(self) -> Parts:
        marks = issubclass(self.kind, MarkedMemorySource)
        source = self.kind(self.table, MemorySourceSettings(table="orders", marks=marks))
        sink = MemorySink(self.container, MemorySinkSettings(container="orders"))
        jitter = random.Random(1)
        return Parts("orders", source, sink, self.store, LIMITS, self.clock, jitter, self.policy)

    def put(self, name: str, value: str) -> None:
        self.table.put(("p", name), item(value))

    def spoil(self, name: str, value: str | None) -> None:
        """Change the sink behind Replicator's back."""
        document = None if value is None else record_to_json(Item(item(value)))
        verb = Verb.DELETE if value is None else Verb.UPSERT
        self.container.apply([Operation(verb, ("p", name), document)])

    def differences(self) -> set[str]:
        """Keys that the two sides do not hold alike, compared as stored bytes."""
        sides = (self.table.rows, self.container.rows)
        keys = {key for side in sides for key in side}
        stored = [{key: side.get(key) and side.get(key).document for key in keys} for side in sides]
        return {key[1] for key in keys if stored[0][key] != stored[1][key]}

    async def proved(self) -> None:
        await until(lambda: self.supervisor.status().proof is not None)

    async def verified(self, *, repair: bool = False, quiet_source: bool = False) -> Verification:
        progress = self.supervisor.verify(repair=repair, quiet_source=quiet_source)
        await until(lambda: progress.finished_at is not None)
        return progress


class SteppingClock(SystemClock):
    """The machine's clock, set off by so much: what a wrong time server, or its correction, does to it."""

    off_seconds = 0.0

    def wall(self) -> float:
        return super().wall() + self.off_seconds


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    directory: Path,
    *,
    marks: bool = True,
    policy: str = "keep",
    document_bytes_max: int = 10_000,
    rows: int = 50,
    clock: SystemClock | None = None,
    kind: type[MemorySource] | None = None,
) -> AsyncIterator[World]:
    store = await SqliteStore.open(directory / "state.db")
    world = World(store, marks, policy, document_bytes_max, clock, kind)
    for number in range(rows):
        world.put(f"k{number}", "old")
    task = asyncio.create_task(world.supervisor.run())
    try:
        yield world
    finally:
        world.supervisor.stop()
        await task
        await store.close()


async def test_backfill_and_delta_make_both_sides_equal(tmp_path: Path) -> None:
    """What was there, what changes and what is deleted all arrive, and a barrier proves it."""
    async with running(tmp_path) as world:
        await until(lambda: world.supervisor.state is State.RUNNING)
        for number in range(0, 50, 2):
            world.put(f"k{number}", "new")
        world.table.delete(("p", "k1"))
        await world.proved()
        assert await world.supervisor.barrier() == "by mark"
        assert world.differences() == set()


async def test_without_marks_the_proof_is_by_time(tmp_path: Path) -> None:
    """A source that carries no marks still gets a proof, and it is labelled."""
    async with running(tmp_path, marks=False, rows=5) as world:
        await world.proved()
        assert world.supervisor.status().proof == BY_TIME
        assert world.differences() == set()
        with pytest.raises(NotNowError, match="no marks"):
            await world.supervisor.barrier()


async def test_verification_lists_every_key_that_differs(tmp_path: Path) -> None:
    """Missing, different and extra keys are each named in the report, and equal ones are not."""
    async with running(tmp_path) as world:
        await world.proved()
        world.spoil("k1", None)
        world.spoil("k2", "spoiled")
        world.spoil("stranger", "extra")
        result = await world.verified()
        lines = [json.loads(line) for line in Path(result.report).read_text().splitlines()]
        assert {(json.loads(line["key"])[1], line["mismatch"]) for line in lines} == {
            ("s:k1", "missing"),
            ("s:k2", "different"),
            ("s:stranger", "extra"),
        }
        assert (result.mismatches, result.keys["source"]) == (3, 50)
        assert world.supervisor.status().backfill.mismatches == 3


async def test_verification_repairs_on_request(tmp_path: Path) -> None:
    """A repair restores each key from the source, and the pass ends clean."""
    async with running(tmp_path) as world:
        await world.proved()
        world.spoil("k1", None)
        world.spoil("k2", "spoiled")
        world.spoil("stranger", "extra")
        result = await world.verified(repair=True)
        assert (sum(result.found.values()), result.repaired, result.mismatches) == (3, 3, 0)
        assert world.differences() == set()


async def test_verification_is_clean_while_the_writer_goes_on(tmp_path: Path) -> None:
    """Keys that change during the pass are no mismatches."""
    async with running(tmp_path, rows=300) as world:
        await world.proved()
        progress = world.supervisor.verify(repair=False, quiet_source=False)
        number = 0
        while progress.finished_at is None:
            world.put(f"k{number % 300}", f"new-{number}")
            number += 1
            await asyncio.sleep(0)
        assert progress.mismatches == 0


async def test_a_quiet_source_is_compared_at_once(tmp_path: Path) -> None:
    """On the operator's word that nobody writes, the first difference counts."""
    async with running(tmp_path, marks=False, rows=5) as world:
        await world.proved()
        world.spoil("k3", "spoiled")
        result = await world.verified(quiet_source=True)
        assert (result.found["different"], result.quiet_source) == (1, True)


async def test_a_refused_record_is_kept_and_replayed_from_the_source(tmp_path: Path) -> None:
    """The dead letter holds the old state; its replay brings the present one."""
    async with running(tmp_path, document_bytes_max=200, rows=3) as world:
        await world.proved()
        world.put("big", "x" * 1000)
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        (letter,) = await world.store.list_dead_letters("orders", "open", 0, 10)
        assert letter.record == Item(item("x" * 1000))
        world.put("k0", "goes on")
        await world.supervisor.barrier()
        assert world.differences() == {"big"}
        world.container.document_bytes_max = 10_000
        assert await world.supervisor.replay(letter)
        assert world.differences() == set()
        assert world.supervisor.status().dead_letters_open == 0


async def test_a_replay_that_is_refused_again_stays_open(tmp_path: Path) -> None:
    """Nothing is settled by trying."""
    async with running(tmp_path, document_bytes_max=200, rows=3) as world:
        await world.proved()
        world.put("big", "x" * 1000)
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        (letter,) = await world.store.list_dead_letters("orders", "open", 0, 10)
        assert not await world.supervisor.replay(letter)
        assert world.supervisor.status().dead_letters_open == 1


async def test_a_waived_letter_is_listed_and_does_not_count(tmp_path: Path) -> None:
    """An operator's word that a record may be missing holds in the next verification, repair included."""
    async with running(tmp_path, document_bytes_max=200, rows=3) as world:
        await world.proved()
        world.put("big", "x" * 1000)
        await until(lambda: world.supervisor.status().dead_letters_open == 1)
        assert (await world.verified()).mismatches == 1
        (letter,) = await world.store.list_dead_letters("orders", "open", 0, 10)
        await world.store.settle_dead_letter(letter.id, "waived")
        result = await world.verified(repair=True)
        assert (result.found["missing"], result.waived, result.mismatches) == (1, 1, 0)
        assert await world.store.count_dead_letters("orders") == 0


async def test_a_pass_that_breaks_off_leaves_no_clean_verdict(tmp_path: Path, monkeypatch) -> None:
    """What was found counts at once, though the pass ends with a full disk and no result."""
    async with running(tmp_path, rows=3) as world:
        await world.proved()
        assert (await world.verified()).mismatches == 0
        world.spoil("k1", "spoiled")

        async def on_a_full_disk(_pipeline: str, _at: float) -> JsonLinesReport:
            return JsonLinesReport(Path("/dev/full"))

        monkeypatch.setattr(world.store, "open_report", on_a_full_disk)
        assert (await world.verified()).error is not None
        assert world.supervisor.status().backfill.mismatches == 1
        assert world.supervisor.state is State.RUNNING


async def test_the_stop_policy_stops_at_the_first_refusal(tmp_path: Path) -> None:
    """With the policy stop nothing is kept aside: the pipeline fails and says which key."""
    async with running(tmp_path, policy="stop", document_bytes_max=200, rows=3) as world:
        await world.proved()
        world.put("big", "x" * 1000)
        await until(lambda: world.supervisor.state is State.FAILED)
        assert "big" in str(world.failures[-1])


async def test_a_lost_position_is_reconciled_by_itself_and_said_loudly(tmp_path: Path) -> None:
    """What was written and deleted in the gap is reconciled, leftovers included."""
    async with running(tmp_path) as world:
        await world.proved()
        await world.supervisor.barrier()
        world.supervisor.pause()
        for number in range(2_000):  # more than the source has read ahead
            world.put(f"k{number % 50}", f"gap-{number}")
        world.table.delete(("p", "k7"))
        world.table.trim(world.table.clock.wall() + 1)
        world.supervisor.resume()
        await until(lambda: world.supervisor.positions_lost)
        assert [failure.code for failure in world.failures] == ["position_lost"]
        assert "reconciling by itself" in world.supervisor.status().notices[0]
        await until(lambda: world.supervisor.state is State.RUNNING)
        await world.proved()
        assert world.supervisor.status().backfill.mode == "reconcile"
        assert world.differences() == set()


class StuckSink(MemorySink):
    """A sink that answers no more once it is stuck."""

    stuck = False

    async def write_if(self, change: Change, etag: str | None) -> bool:
        if self.stuck:
            await asyncio.Event().wait()
        return await super().write_if(change, etag)


async def test_a_stop_that_cuts_a_call_off_is_not_clean(tmp_path: Path) -> None:
    """The next start has to wait, because the call may still land."""
    async with running(tmp_path, rows=3) as world:
        parts, sink = world.parts, StuckSink(world.container, MemorySinkSettings(container="orders"))
        await world.proved()
        world.supervisor.stop()
        await until(lambda: world.supervisor.state is State.STOPPED)
        assert (await world.store.claim("orders")).clean
        await world.store.release("orders", 2)
        limits = LIMITS.model_copy(update={"stop_seconds_max": 0.1})
        charge = dataclasses.replace(
            world.supervisor.charge, assemble=lambda: dataclasses.replace(parts(), sink=sink, limits=limits)
        )
        world.supervisor = Supervisor(charge, lambda _name, error: world.failures.append(error))
        task = asyncio.create_task(world.supervisor.run())
        await world.proved()
        world.spoil("k1", "spoiled")
        sink.stuck = True
        world.supervisor.verify(repair=True, quiet_source=True)
        await until(lambda: len(world.supervisor.pipeline.delivery.lanes))
        world.supervisor.stop()
        await task
        assert not (await world.store.claim("orders")).clean


async def test_a_pipeline_in_trouble_for_long_is_not_healthy(tmp_path: Path) -> None:
    """A dead sink beside a fresh source must not look well."""
    async with running(tmp_path, rows=3) as world:
        await world.proved()
        await until(lambda: world.supervisor.status().healthy)
        troubles = world.supervisor.pipeline.troubles
        troubles.note("sink", "write", TimeoutError(), 1.0)
        assert world.supervisor.status().healthy
        ((place, trouble),) = troubles._current.items()
        troubles._current[place] = dataclasses.replace(trouble, since=trouble.since - 60.0)
        assert not world.supervisor.status().healthy


class NamedSink(MemorySink):
    """A sink that can tell itself from another one at the same address."""

    name = "the first"

    async def identity(self) -> str:
        return self.name


async def test_another_sink_at_the_same_address_is_filled_anew_or_refused(tmp_path: Path) -> None:
    """A checkpoint and a clean verification tell nothing of a sink that was made again."""
    async with running(tmp_path) as world:
        parts = world.parts

        def named() -> Parts:
            sink = NamedSink(world.container, MemorySinkSettings(container="orders"))
            return dataclasses.replace(parts(), sink=sink)

        await world.proved()
        world.supervisor.stop()
        await until(lambda: world.supervisor.state is State.STOPPED)
        charge = dataclasses.replace(world.supervisor.charge, assemble=named)
        world.supervisor = Supervisor(charge, lambda _name, error: world.failures.append(error))
        task = asyncio.create_task(world.supervisor.run())
        await until(lambda: world.supervisor.state is State.FAILED)
        assert world.supervisor.status().failure.code == "sink_changed"
        world.supervisor.resume(new_backfill=True)
        await world.proved()
        assert world.differences() == set()
        world.supervisor.stop()
        await task


async def test_a_paused_pipeline_reads_nothing_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """What is written during a pause arrives after it."""
    async with running(tmp_path) as world:
        await world.proved()
        await world.supervisor.barrier()
        world.supervisor.pause()
        assert world.supervisor.state is State.PAUSED
        with pytest.raises(NotNowError):
            world.supervisor.verify(repair=False, quiet_source=False)
        world.put("k0", "during the pause")
        world.supervisor.resume()
        await world.supervisor.barrier()
        assert world.differences() == set()


async def test_a_second_start_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    """After a clean stop nothing is copied again, and what changed meanwhile arrives."""
    async with running(tmp_path) as world:
        await world.proved()
    store = await SqliteStore.open(tmp_path / "state.db")
    again = World(store, marks=True, policy="keep", document_bytes_max=10_000, clock=SystemClock())
    again.table, again.container = world.table, world.container
    again.put("k0", "while it was down")
    task = asyncio.create_task(again.supervisor.run())
    await again.proved()
    status = again.supervisor.status()
    assert again.differences() == set()
    assert (status.changes_written.get("insert"), status.backfill.phase) == (None, "complete")
    again.supervisor.stop()
    await task
    await store.close()


async def test_leftovers_in_the_sink_are_reconciled(tmp_path: Path) -> None:
    """A sink that was not empty ends equal to the source: overwritten, kept and removed as it must be."""
    store = await SqliteStore.open(tmp_path / "state.db")
    world = World(store, marks=True, policy="keep", document_bytes_max=10_000, clock=SystemClock())
    for number in range(20):
        world.put(f"k{number}", "new")
    world.spoil("k1", "an older state")
    world.spoil("gone", "of an earlier run")
    task = asyncio.create_task(world.supervisor.run())
    await world.proved()
    assert world.supervisor.status().backfill.mode == "reconcile"
    assert world.differences() == set()
    world.supervisor.stop()
    await task
    await store.close()


async def test_a_stop_does_not_wait_for_a_source_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is durable is saved; that the source cannot be told so holds nobody up."""
    monkeypatch.setattr("replicator.engine.pipeline.LAST_WORD_SECONDS_MAX", 0.3)
    told: list[Positions] = []

    async def away(_source: MemorySource, positions: Positions) -> None:
        told.append(positions)
        raise TransientError("the source is away", settled=True, reason="unreachable")

    async with running(tmp_path) as world:
        await world.proved()
        monkeypatch.setattr(MemorySource, "commit", away)
        world.put("k0", "last")
        await until(lambda: told and not world.differences())
        stopping = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stopping < 10


@pytest.mark.parametrize("off_seconds", [86_400.0, -86_400.0])
async def test_a_stepped_clock_loses_nothing(tmp_path: Path, off_seconds: float) -> None:
    """The wall clock leaps by a day in the backfill, and back in the delta: all arrives, lag is told."""
    clock = SteppingClock()
    async with running(tmp_path, clock=clock, rows=500) as world:
        await until(lambda: world.supervisor.state is State.RUNNING)
        clock.off_seconds = off_seconds
        world.put("k0", "while off")
        world.table.delete(("p", "k1"))
        await world.proved()
        assert await world.supervisor.barrier() == "by mark"
        clock.off_seconds = 0.0
        world.put("k2", "when right again")
        assert await world.supervisor.barrier() == "by mark"
        assert world.differences() == set()
        assert world.failures == []
        lag = world.supervisor.status().lag
        assert lag is not None
        assert lag.lag_seconds is None or 0 <= lag.lag_seconds < 60


@pytest.mark.parametrize("refusal", [ChangeError("no key of the table"), PermanentError("a part is empty")])
async def test_a_barrier_for_a_key_that_cannot_be_read_harms_nothing(
    tmp_path: Path, refusal: ReplicatorError
) -> None:
    """A mistyped key is refused with the source's words, without a failure or a dead letter."""

    class StrictSource(MarkedMemorySource):
        async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
            if any(len(key) != 2 for key in keys):
                raise refusal
            return await super().fetch(keys)

    async with running(tmp_path, kind=StrictSource) as world:
        await world.proved()
        with pytest.raises(NotNowError, match=refusal.message):
            await world.supervisor.barrier([("p",)])
        assert world.supervisor.status().dead_letters_open == 0
        assert await world.supervisor.barrier([("p", "k1")]) == "by key"
