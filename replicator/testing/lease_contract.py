"""The promises of ``replicator.stores.Leases``, and of the epochs that everything written bears.

``store_contract`` checks them with the others. Where a store cannot be opened twice at a time, as one that
lives in its process, the same name opens both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from replicator.model.change import Kind
from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import CheckpointConflictError
from replicator.model.record import Item
from replicator.stores import DeadLetter, Store, Term
from replicator.testing.expect import expect, expect_that
from replicator.testing.store_opening import Check, OpenStore, opened

TERM = Term(lease_seconds=7.5, call_seconds=2.25)
KEY = ("a",)
LETTER = DeadLetter(
    0, "orders", KEY, Kind.UPSERT, Item({"a": {"S": "1"}}), "change_refused", "no", "", 1.0, 2.0
)


async def nobody_holds_a_new_pipeline(open_store: OpenStore) -> None:
    """A pipeline never seen before may be claimed at once."""
    async with opened(open_store) as store:
        lease = await store.look("orders")
        expect((lease.epoch, lease.over), (0, True), "the lease of a pipeline never seen")
        expect((await store.claim("orders", lease, TERM)).epoch, 1, "the first epoch")


async def a_lease_tells_who_holds_it(open_store: OpenStore) -> None:
    """Epoch, term and holder are told after reopening, and a renewal shows."""
    async with opened(open_store) as store:
        await store.claim("orders", None, TERM)
        first = await store.look("orders")
        expect((first.epoch, first.seconds), (1, 7.5), "epoch and term")
        expect_that(bool(first.holder), "the holder has a name")
        await store.renew("orders", 1)
        second = await store.look("orders")
        expect_that(second != first, "a renewal shows")
        expect((second.epoch, second.holder), (1, first.holder), "a renewal changes nothing else")
        await store.claim("other")
        expect(await store.look("orders"), second, "another pipeline has a lease of its own")


async def a_claim_compares_with_what_was_seen(open_store: OpenStore) -> None:
    """Whoever looked before a claim, a renewal or a release of somebody else's is told, or may go on."""
    async with opened(open_store) as store:
        never = await store.look("orders")
        await store.claim("orders", never, TERM)
        await _refused(store.claim("orders", never, TERM), "a claim after another one")
        seen = await store.look("orders")
        await store.renew("orders", 1)
        await _refused(store.claim("orders", seen, TERM), "a claim after a renewal")
        seen = await store.look("orders")
        await store.release("orders", 1)
        expect((await store.claim("orders", seen, TERM)).epoch, 2, "a claim after a release")


async def a_release_ends_a_lease(open_store: OpenStore) -> None:
    """It is over, clean or not as was said, and is not renewed; an older epoch ends nothing."""
    async with opened(open_store) as store:
        await store.claim("orders", None, TERM)
        await store.release("orders", 1, clean=False)
        expect_that((await store.look("orders")).over, "over after a release")
        await _refused(store.renew("orders", 1), "a renewal after the release")
        claim = await store.claim("orders", await store.look("orders"), TERM)
        expect((claim.clean, claim.call_seconds), (False, 2.25), "what an unclean holder leaves")
        await store.release("orders", 1)
        await store.renew("orders", 2)
        await store.release("orders", 2)
        expect_that((await store.claim("orders")).clean, "clean after a clean release")


async def older_epochs_write_nothing(open_store: OpenStore) -> None:
    """Once somebody else has claimed, every kind of write is refused and changes nothing."""
    async with opened(open_store) as store:
        await _filled(store)
        before = await _all(store)
        await store.claim("orders")
        for name, write in _writes(store, epoch=1):
            await _refused(write(), name)
        expect(await _all(store), before, "what was refused changes nothing")
        await _refused(store.renew("orders", 1), "a renewal of an older epoch")
        for _, write in _writes(store, epoch=2):
            await write()
        expect_that(await _all(store) != before, "the newest epoch writes")


async def epochs_that_were_never_given_write_nothing(open_store: OpenStore) -> None:
    """An epoch beyond the newest claim is refused like an older one."""
    async with opened(open_store) as store:
        await _filled(store)
        for name, write in _writes(store, epoch=2):
            await _refused(write(), name)


async def _filled(store: Store) -> None:
    await store.claim("orders", None, TERM)
    for _, write in _writes(store, epoch=1)[:3]:
        await write()
    await store.add_dead_letters([LETTER], epoch=1)


def _writes(store: Store, epoch: int) -> Sequence[tuple[str, Callable[[], Awaitable[object]]]]:
    """Every method by which a holder writes."""

    async def clear() -> None:
        await store.clear_dirty("orders", await store.list_dirty("orders", 0, 10), epoch=epoch)

    async def settle() -> None:
        letters = await store.list_dead_letters("orders", "open", 0, 10)
        await store.settle_dead_letter(letters[0].id, "replayed", epoch=epoch)

    letter = replace(LETTER, key=("b",))
    return [
        ("save", lambda: store.save("orders", Checkpoint(epoch, {"at": str(epoch)}))),
        ("add_tombstones", lambda: store.add_tombstones("orders", epoch, [KEY], epoch=epoch)),
        ("add_dirty", lambda: store.add_dirty("orders", [(KEY, 1.0)], epoch=epoch)),
        ("clear_dirty", clear),
        ("drop_tombstones", lambda: store.drop_tombstones("orders", 1, epoch=epoch)),
        ("add_dead_letters", lambda: store.add_dead_letters([letter], epoch=epoch)),
        ("settle_dead_letter", settle),
    ]


async def _all(store: Store) -> object:
    return (
        await store.list_tombstones("orders", 1, None, 10),
        await store.list_dirty("orders", 0, 10),
        await store.list_dead_letters("orders", None, 0, 10),
    )


async def _refused(call: Awaitable[object], what: str) -> None:
    try:
        await call
    except CheckpointConflictError:
        return
    raise AssertionError(f"{what} must be refused")


CHECKS: tuple[Check, ...] = (
    nobody_holds_a_new_pipeline,
    a_lease_tells_who_holds_it,
    a_claim_compares_with_what_was_seen,
    a_release_ends_a_lease,
    older_epochs_write_nothing,
    epochs_that_were_never_given_write_nothing,
)
