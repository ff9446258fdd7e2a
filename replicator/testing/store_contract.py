"""The promises of ``replicator.stores.Store`` as checks that any store can be put to.

Each check takes a factory that opens the store under test. Opening after closing gives the same store
again, with all that was noted. A check raises AssertionError, with the promise that was broken.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from replicator.model.change import Kind
from replicator.model.checkpoint import PIECE_DONE, Backfill, Checkpoint, Mode, Phase
from replicator.model.errors import CheckpointConflictError
from replicator.model.key import Key
from replicator.model.record import Attribute, Item, Message, Object
from replicator.stores import DeadLetter, Difference, JournalEntry, Store
from replicator.testing import dirty_contract, lease_contract
from replicator.testing.store_opening import Check, OpenStore
from replicator.testing.store_opening import opened as _opened

BACKFILL = Backfill(
    run=3,
    mode=Mode.RECONCILE,
    phase=Phase.END_MARK,
    pieces=("segment-0", "segment-1"),
    cursors={"segment-0": PIECE_DONE, "segment-1": '{"id": "é"}'},
    rows=12_345,
    rows_estimated=20_000,
    started_at=1_700_000_000.25,
    completed_at=None,
    mismatches=3,
    sink="the one that was filled",
    listed_at=1_700_000_100.125,
)

LETTER = DeadLetter(
    id=0,
    pipeline="orders",
    key=("customer-1", Decimal("12.50")),
    kind=Kind.UPSERT,
    record=Item(
        {"id": {"S": "é\u2028"}, "n": {"N": "1.0"}, "b": {"B": b"\x00\xff"}, "s": {"BS": [b"\x01"]}}
    ),
    error_code="change_refused",
    message="the item is larger than 2 MB",
    hint="Make it smaller, or waive it.",
    committed_at=1_700_000_000.0,
    failed_at=1_700_000_001.5,
)


OTHER_SHAPES = (
    replace(
        LETTER,
        key=("a//b/../\u00e9 +%",),
        record=Object(
            3, "v1", {"expires": "0"}, {"a-b": "\u00e9"}, {"@": ""}, "GLACIER", {"md5": "0" * 32}
        ),
    ),
    replace(LETTER, key=("hint",), kind=Kind.DIRTY, record=None),
    replace(
        LETTER,
        key=("group", "id"),
        record=Message(
            id="id",
            body="\x00\u2028",
            attributes={"b": Attribute("Binary.x", b"\x00\xff"), "n": Attribute("Number", "1.50")},
            group="group",
            deduplication_id="again",
            sent_at=1_700_000_000.25,
            expires_at=1_700_000_500.5,
            properties={"SequenceNumber": "18850"},
        ),
    ),
    replace(LETTER, key=("id",), record=Message("id", "", {}, expires_at=None)),
)
"""Letters of objects and messages, and of a hint."""


async def first_claim_is_clean(open_store: OpenStore) -> None:
    """A pipeline never seen before starts at epoch 1, clean, without a checkpoint."""
    async with _opened(open_store) as store:
        claim = await store.claim("orders")
        _expect((claim.epoch, claim.checkpoint, claim.clean), (1, None, True), "a first claim is clean")


async def claim_counts_over_reopening(open_store: OpenStore) -> None:
    """Every claim has the next epoch, per pipeline, and only a released one leaves a clean pipeline."""
    async with _opened(open_store) as store:
        await store.claim("orders")
    async with _opened(open_store) as store:
        second = await store.claim("orders")
        _expect((second.epoch, second.clean), (2, False), "an unreleased claim leaves an unclean pipeline")
        await store.release("orders", 2)
    async with _opened(open_store) as store:
        third = await store.claim("orders")
        _expect((third.epoch, third.clean), (3, True), "a released claim leaves a clean pipeline")
        _expect((await store.claim("other")).epoch, 1, "pipelines count by themselves")


async def release_of_old_epoch_changes_nothing(open_store: OpenStore) -> None:
    """A process that was replaced cannot declare its successor's calls settled."""
    async with _opened(open_store) as store:
        await store.claim("orders")
        await store.claim("orders")
        await store.release("orders", 1)
        _expect_false((await store.claim("orders")).clean, "only the newest claim can be released")


async def checkpoint_survives_exactly(open_store: OpenStore) -> None:
    """What was saved last is what the next claim finds, backfill or none."""
    first = Checkpoint(epoch=1, positions={"shard-1": "0001", "é": ""}, backfill=BACKFILL)
    async with _opened(open_store) as store:
        await store.claim("orders")
        await store.save("orders", Checkpoint(epoch=1, positions={"gone": "1"}))
        await store.save("orders", first)
    async with _opened(open_store) as store:
        _expect((await store.claim("orders")).checkpoint, first, "a checkpoint survives exactly")
        without = Checkpoint(epoch=2, positions={})
        await store.save("orders", without)
    async with _opened(open_store) as store:
        _expect((await store.claim("orders")).checkpoint, without, "a backfill can be left out again")


async def other_epochs_are_refused(open_store: OpenStore) -> None:
    """A checkpoint of any but the newest claimed epoch is refused and changes nothing."""
    kept = Checkpoint(epoch=2, positions={"shard": "2"})
    async with _opened(open_store) as store:
        await _expect_conflict(store, "never-claimed", Checkpoint(epoch=1, positions={}))
        await store.claim("orders")
        await store.claim("orders")
        await store.save("orders", kept)
        for epoch in (0, 1, 3):
            await _expect_conflict(store, "orders", Checkpoint(epoch=epoch, positions={"shard": "9"}))
        _expect((await store.claim("orders")).checkpoint, kept, "a refused checkpoint changes nothing")
        await _expect_conflict(store, "orders", kept)


async def saves_made_at_once_all_hold(open_store: OpenStore) -> None:
    """Calls made at the same time do not disturb each other, even where one is refused."""
    names = [f"pipeline-{number}" for number in range(20)]
    async with _opened(open_store) as store:
        await asyncio.gather(*(store.claim(name) for name in names))
        saves = (store.save(name, Checkpoint(epoch=1, positions={"at": name})) for name in names)
        refused = _expect_conflict(store, names[0], Checkpoint(epoch=0, positions={}))
        await asyncio.gather(refused, *saves)
        claims = await asyncio.gather(*(store.claim(name) for name in names))
        found = [claim.checkpoint and claim.checkpoint.positions["at"] for claim in claims]
        _expect(found, names, "every save holds")


async def tombstones_are_found(open_store: OpenStore) -> None:
    """Keys of every type are found again, only in their pipeline and run, however many are asked for."""
    keys: list[Key] = [("1",), (Decimal(1),), (b"1",), ("é\n", Decimal("1.50")), (b"\x00", "b")]
    many: list[Key] = [(f"key-{number}",) for number in range(1_200)]
    async with _opened(open_store) as store:
        await store.add_tombstones("orders", 1, keys)
        await store.add_tombstones("orders", 1, [*many, keys[0]])
        await store.add_tombstones("orders", 1, [])
    async with _opened(open_store) as store:
        asked = [*keys, *many, ("absent",), ("b", b"\x00")]
        _expect(await store.find_tombstones("orders", 1, asked), {*keys, *many}, "every one is found")
        _expect(await store.find_tombstones("orders", 1, []), set(), "nothing asked, nothing found")
        _expect(await store.find_tombstones("orders", 2, keys), set(), "a run is by itself")
        _expect(await store.find_tombstones("other", 1, keys), set(), "a pipeline is by itself")


async def tombstones_are_listed_once(open_store: OpenStore) -> None:
    """Pages follow each other in a stable order and show every key once."""
    keys: list[Key] = [(f"key-{number}", Decimal(number)) for number in range(25)]
    async with _opened(open_store) as store:
        await store.add_tombstones("orders", 1, keys)
        await store.add_tombstones("orders", 2, [("other run",)])
        listed: list[Key] = []
        while page := await store.list_tombstones("orders", 1, listed[-1] if listed else None, 10):
            _expect_true(len(page) <= 10, "a page holds no more than was asked for")
            listed.extend(page)
        _expect(sorted(listed), sorted(keys), "every key is listed once")


async def tombstones_are_dropped(open_store: OpenStore) -> None:
    """Dropping forgets the run and older ones, of one pipeline."""
    key = ("gone",)
    async with _opened(open_store) as store:
        for pipeline, run in (("orders", 1), ("orders", 2), ("orders", 3), ("other", 1)):
            await store.add_tombstones(pipeline, run, [key])
        await store.drop_tombstones("orders", 2)
        left = [len(await store.find_tombstones("orders", run, [key])) for run in (1, 2, 3)]
        _expect(left, [0, 0, 1], "a run and older ones are dropped")
        _expect(await store.find_tombstones("other", 1, [key]), {key}, "other pipelines keep theirs")


async def dead_letters_survive_exactly(open_store: OpenStore) -> None:
    """A letter comes back whole, a delete's too, each with an id."""
    delete = replace(LETTER, key=(b"\x00",), kind=Kind.DELETE, record=None)
    async with _opened(open_store) as store:
        await store.add_dead_letters([LETTER, delete, *OTHER_SHAPES])
    async with _opened(open_store) as store:
        letters = await store.list_dead_letters("orders", None, 0, 10)
        kept = [replace(letter, id=0) for letter in letters]
        _expect(kept, [LETTER, delete, *OTHER_SHAPES], "a letter is kept whole, whatever its record")
        ids = [letter.id for letter in letters]
        _expect_true(ids == sorted(set(ids)) and ids[0] > 0, "ids are given, above 0 and rising")


async def newest_dead_letter_of_a_key_replaces(open_store: OpenStore) -> None:
    """A newer letter takes the place of the open one of its key, under an id of its own."""
    newer = replace(LETTER, message="newer")
    async with _opened(open_store) as store:
        await store.add_dead_letters([LETTER, replace(LETTER, pipeline="other")])
        old = (await store.list_dead_letters("orders", "open", 0, 10))[0].id
        await store.add_dead_letters([replace(LETTER, message="passing"), newer])
        letters = await store.list_dead_letters("orders", None, 0, 10)
        _expect([letter.message for letter in letters], ["newer"], "the newest state is kept")
        _expect_false(await store.settle_dead_letter(old, "replayed"), "the replaced id is not open")
        _expect(await store.count_dead_letters("orders"), 1, "the newer letter is open")
        _expect(await store.count_dead_letters("other"), 1, "another pipeline's letter stays")


async def dead_letters_are_settled_once(open_store: OpenStore) -> None:
    """Only an open letter is settled; a settled one is kept and a new one may come beside it."""
    async with _opened(open_store) as store:
        await store.add_dead_letters([LETTER])
        (letter,) = await store.list_dead_letters("orders", "open", 0, 10)
        _expect_true(await store.settle_dead_letter(letter.id, "waived"), "an open letter is settled")
        _expect_false(await store.settle_dead_letter(letter.id, "replayed"), "once")
        _expect_false(await store.settle_dead_letter(letter.id + 1_000, "waived"), "an unknown id is not")
        _expect(await store.count_dead_letters("orders"), 0, "a settled letter is not open")
        await store.add_dead_letters([LETTER])
        states = [each.state for each in await store.list_dead_letters("orders", None, 0, 10)]
        _expect(states, ["waived", "open"], "a settled letter stays beside a new one")


async def newest_dead_letters_are_found_by_key(open_store: OpenStore) -> None:
    """Each key that has letters in the pipeline gives its newest one, whole, whatever its state."""
    async with _opened(open_store) as store:
        await store.add_dead_letters([LETTER, replace(LETTER, key=("another",))])
        await store.add_dead_letters([replace(LETTER, message="of another pipeline", pipeline="other")])
        first, another, _ = await store.list_dead_letters(None, None, 0, 10)
        await store.settle_dead_letter(first.id, "waived")
        found = await store.newest_dead_letters("orders", [("none",), LETTER.key])
        _expect(list(found), [replace(first, state="waived")], "a settled one, where none is newer")
        await store.add_dead_letters([replace(LETTER, message="newer")])
        found = await store.newest_dead_letters("orders", [LETTER.key, ("another",)])
        _expect([letter.message for letter in found], ["newer", another.message], "the newest")
        _expect([letter.state for letter in found], ["open", "open"], "in the state that it is in")


async def a_dead_letter_is_got_by_id(open_store: OpenStore) -> None:
    """A letter is found by its id, whatever its state, and by no other."""
    async with _opened(open_store) as store:
        await store.add_dead_letters([LETTER, replace(LETTER, pipeline="other")])
        first, second = await store.list_dead_letters(None, None, 0, 10)
        await store.settle_dead_letter(first.id, "waived")
        _expect(await store.get_dead_letter(first.id), replace(first, state="waived"), "found when settled")
        _expect(await store.get_dead_letter(second.id), second, "found when open")
        _expect(await store.get_dead_letter(second.id + 1), None, "an unknown id has no letter")


async def dead_letters_are_paged(open_store: OpenStore) -> None:
    """Pages go by id and obey pipeline, state and limit."""
    letters = [replace(LETTER, key=(f"key-{n}",), pipeline=("a", "b")[n % 2]) for n in range(7)]
    async with _opened(open_store) as store:
        await store.add_dead_letters(letters)
        first = await store.list_dead_letters(None, "open", 0, 3)
        rest = await store.list_dead_letters(None, "open", first[-1].id, 100)
        keys = [letter.key for letter in (*first, *rest)]
        _expect((len(first), keys), (3, [letter.key for letter in letters]), "pages follow each other")
        _expect(len(await store.list_dead_letters("b", None, 0, 100)), 3, "a pipeline is picked out")
        _expect(await store.list_dead_letters(None, "waived", 0, 100), [], "a state is picked out")


async def journal_keeps_order(open_store: OpenStore) -> None:
    """The newest entries come back oldest first, exactly as they were appended."""
    lines = [
        JournalEntry(float(n), "ops", "pause", ("orders", None)[n % 2], {"n": n, "é": [None]})
        for n in range(5)
    ]
    async with _opened(open_store) as store:
        for line in lines:
            await store.append(line)
    async with _opened(open_store) as store:
        _expect(await store.entries(3), lines[2:], "the newest, oldest first")
        _expect(await store.entries(100), lines, "all where there are fewer")


async def comparison_finds_every_difference(open_store: OpenStore) -> None:
    """Keys that are on one side only, or differ, are listed once, in pages; equal ones never."""
    same, differs, left, right = ((name,) for name in ("same", "differs", "left", "right"))
    async with _opened(open_store) as store:
        comparison = await store.open_comparison("orders")
        await comparison.add("source", [(same, b"1"), (differs, b"1"), (left, b"1")])
        await comparison.add("sink", [(same, b"0"), (differs, b"2"), (right, b"1")])
        await comparison.add("sink", [(same, b"1")])
        found: list[Difference] = []
        while page := await comparison.differences(found[-1].key if found else None, 2):
            found.extend(page)
        wanted = [Difference(differs, b"1"), Difference(left, b"1"), Difference(right, None)]
        _expect(sorted(found), wanted, "every difference, once, with the source's digest")
        await comparison.close()
        await comparison.close()
        again = await store.open_comparison("orders")
        _expect(await again.differences(None, 10), [], "a new comparison is empty")
        await again.close()


async def report_is_kept(open_store: OpenStore) -> None:
    """A report takes lines and says where it is, and may be closed twice."""
    async with _opened(open_store) as store:
        report = await store.open_report("orders", 1_700_000_000.5)
        await report.write([{"key": '["s:1"]', "mismatch": "missing"}])
        await report.close()
        await report.close()
        _expect_true(bool(report.place), "a report says where it is")


async def closing_twice_is_harmless(open_store: OpenStore) -> None:
    """A store may be closed more than once."""
    store = await open_store()
    await store.close()
    await store.close()


CHECKS: tuple[Check, ...] = (
    first_claim_is_clean,
    claim_counts_over_reopening,
    release_of_old_epoch_changes_nothing,
    checkpoint_survives_exactly,
    other_epochs_are_refused,
    saves_made_at_once_all_hold,
    tombstones_are_found,
    tombstones_are_listed_once,
    tombstones_are_dropped,
    dead_letters_survive_exactly,
    newest_dead_letter_of_a_key_replaces,
    dead_letters_are_settled_once,
    newest_dead_letters_are_found_by_key,
    a_dead_letter_is_got_by_id,
    dead_letters_are_paged,
    journal_keeps_order,
    comparison_finds_every_difference,
    report_is_kept,
    closing_twice_is_harmless,
    *dirty_contract.CHECKS,
    *lease_contract.CHECKS,
)
"""Every promise; run each against a store of its own."""


def _expect(actual: object, expected: object, promise: str) -> None:
    if actual != expected:
        raise AssertionError(f"{promise}: expected {expected!r}, found {actual!r}")


def _expect_true(actual: object, promise: str) -> None:
    _expect(actual, expected=True, promise=promise)


def _expect_false(actual: object, promise: str) -> None:
    _expect(actual, expected=False, promise=promise)


async def _expect_conflict(store: Store, pipeline: str, checkpoint: Checkpoint) -> None:
    try:
        await store.save(pipeline, checkpoint)
    except CheckpointConflictError:
        return
    raise AssertionError(f"epoch {checkpoint.epoch} of {pipeline} must be refused")
