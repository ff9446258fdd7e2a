"""The promises of ``replicator.stores.DirtyRows``; ``store_contract`` checks them with the others."""

from __future__ import annotations

import asyncio

from replicator.model.key import Key
from replicator.stores import DirtyRow, Oldest, Store
from replicator.testing.expect import expect, expect_that
from replicator.testing.store_opening import Check, OpenStore, opened

ODD_KEYS: tuple[Key, ...] = (("a//b",), ("..",), (" ",), ("\u00e9",), ("e\u0301",), ("\n",), ("x" * 1024,))


async def dirty_rows_survive_exactly(open_store: OpenStore) -> None:
    """A key that was noted is there after reopening, as it was, under its pipeline only."""
    noted = [(key, 1_700_000_000.25 + number) for number, key in enumerate(ODD_KEYS)]
    async with opened(open_store) as store:
        expect((await store.add_dirty("photos", noted)).new, len(noted), "new rows")
        expect((await store.add_dirty("photos", [])).new, 0, "new rows of nothing")
    async with opened(open_store) as store:
        rows = await _rows(store, "photos")
        expect([(row.key, row.since) for row in rows], noted, "rows after reopening, in order")
        expect(await _rows(store, "other"), [], "rows of another pipeline")


async def noting_again_gives_a_new_generation(open_store: OpenStore) -> None:
    """A key has one row; noted again it is the newest, and dirty since the older of the times."""
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(("a",), 5.0), (("b",), 6.0)])
        first = await _rows(store, "photos")
        again = await store.add_dirty("photos", [(("a",), 9.0), (("c",), 7.0)])
        expect(again.new, 1, "new rows")
        rows = await _rows(store, "photos")
        expect(again.newest, rows[-1].generation, "the newest generation")
        expect([row.key for row in rows], [("b",), ("a",), ("c",)], "one row a key, the newest last")
        expect_that(rows[1].generation > first[1].generation, "noted again, a key has a new generation")
        expect(rows[1].since, 5.0, "since when, where a later time is noted")
        await store.add_dirty("photos", [(("a",), 2.0)])
        expect((await _rows(store, "photos"))[-1].since, 2.0, "since when, where an earlier time is")


async def a_key_may_be_noted_twice_in_a_call(open_store: OpenStore) -> None:
    """Repeated in one call, a key is one new row, dirty since the older of its times."""
    async with opened(open_store) as store:
        added = await store.add_dirty("photos", [(("a",), 5.0), (("b",), 1.0), (("a",), 3.0)])
        expect(added.new, 2, "new rows")
        rows = await _rows(store, "photos")
        expect([(row.key, row.since) for row in rows], [(("b",), 1.0), (("a",), 3.0)], "rows")


async def only_the_same_generation_is_cleared(open_store: OpenStore) -> None:
    """A row that was noted again since it was listed stays; one that was not is forgotten, once."""
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(("a",), 1.0), (("b",), 2.0)])
        await store.add_dirty("other", [(("b",), 2.0)])
        listed = await _rows(store, "photos")
        await store.add_dirty("photos", [(("a",), 3.0)])
        expect(await store.clear_dirty("photos", listed), 1, "rows cleared")
        expect(await store.clear_dirty("photos", listed), 0, "rows cleared again")
        expect(await store.clear_dirty("photos", []), 0, "rows cleared of none")
    async with opened(open_store) as store:
        expect([row.key for row in await _rows(store, "photos")], [("a",)], "rows that stay")
        expect([row.key for row in await _rows(store, "other")], [("b",)], "rows of another pipeline")


async def no_generation_is_given_twice(open_store: OpenStore) -> None:
    """Generations grow over all pipelines, over clearing and over reopening."""
    seen: list[int] = []
    for number in range(3):
        async with opened(open_store) as store:
            for pipeline in ("photos", "other"):
                await store.add_dirty(pipeline, [(("a",), float(number)), (("b",), float(number))])
                rows = await _rows(store, pipeline)
                seen += [row.generation for row in rows]
                expect(await store.clear_dirty(pipeline, rows), 2, "rows cleared")
    expect(seen, sorted(set(seen)), "generations")
    expect_that(seen[0] > 0, "a generation is greater than the 0 that a first listing begins after")


async def a_row_of_an_old_generation_clears_nothing_new(open_store: OpenStore) -> None:
    """A key that was cleared and noted again is not cleared by who still has its old row."""
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(("a",), 1.0)])
        old = await _rows(store, "photos")
        await store.clear_dirty("photos", old)
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(("a",), 2.0)])
        expect(await store.clear_dirty("photos", old), 0, "rows cleared")
        expect(
            [row.since for row in await _rows(store, "photos")], [2.0], "since when; what is gone is gone"
        )


async def dirty_rows_are_paged(open_store: OpenStore) -> None:
    """Pages follow each other by generation and show each row once, however many there are."""
    keys: list[Key] = [(f"name-{number}",) for number in range(1_250)]
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(key, 1.0) for key in keys])
        await store.add_dirty("other", [(("other",), 1.0)])
        found: list[DirtyRow] = []
        while page := await store.list_dirty("photos", found[-1].generation if found else 0, 500):
            expect_that(len(page) <= 500, "a page holds no more than was asked for")
            found.extend(page)
        expect([row.key for row in found], keys, "rows in order of generation")
        expect(await store.clear_dirty("photos", found), len(keys), "rows cleared in one call")


async def dirty_rows_are_counted(open_store: OpenStore) -> None:
    """Count and oldest are those of the rows that are there, per pipeline."""
    async with opened(open_store) as store:
        expect(
            (await store.count_dirty("photos"), await store.oldest_dirty("photos")), (0, None), "of none"
        )
        await store.add_dirty("photos", [(("a",), 8.0), (("b",), 3.5), (("c",), 9.0)])
        await store.add_dirty("other", [(("a",), 1.0)])
    async with opened(open_store) as store:
        rows = await _rows(store, "photos")
        oldest = Oldest(3.5, rows[0].generation)
        expect((await store.count_dirty("photos"), await store.oldest_dirty("photos")), (3, oldest), "of 3")
        await store.clear_dirty("photos", [row for row in rows if row.since < 5])
        oldest = Oldest(8.0, rows[0].generation)
        expect((await store.count_dirty("photos"), await store.oldest_dirty("photos")), (2, oldest), "of 2")


async def a_copied_row_is_renewed(open_store: OpenStore) -> None:
    """A row that was noted again while it was copied is dirty only since the copy began, and no earlier."""
    async with opened(open_store) as store:
        await store.add_dirty("photos", [(("a",), 1.0)])
        (handed,) = await _rows(store, "photos")
        await store.add_dirty("photos", [(("a",), 5.0)])
        expect(await store.oldest_dirty("photos"), Oldest(1.0, handed.generation), "before it was copied")
        expect(await store.clear_dirty("photos", [handed._replace(since=4.0)]), 0, "rows cleared")
    async with opened(open_store) as store:
        expect(
            await store.oldest_dirty("photos"), Oldest(4.0, handed.generation + 1), "after it was copied"
        )
        await store.clear_dirty("photos", [handed._replace(since=2.0)])
        expect(
            await store.oldest_dirty("photos"), Oldest(4.0, handed.generation + 1), "never earlier again"
        )


async def keys_noted_at_once_all_hold(open_store: OpenStore) -> None:
    """Calls made at the same time each note their keys, under generations of their own."""
    async with opened(open_store) as store:
        calls = (store.add_dirty("photos", [((f"{n}-{m}",), 1.0) for m in range(5)]) for n in range(20))
        expect(sum(noted.new for noted in await asyncio.gather(*calls)), 100, "new rows")
        rows = await _rows(store, "photos")
        expect(len({row.key for row in rows}), 100, "keys")
        expect(len({row.generation for row in rows}), 100, "generations")


CHECKS: tuple[Check, ...] = (
    dirty_rows_survive_exactly,
    noting_again_gives_a_new_generation,
    a_key_may_be_noted_twice_in_a_call,
    only_the_same_generation_is_cleared,
    no_generation_is_given_twice,
    a_row_of_an_old_generation_clears_nothing_new,
    dirty_rows_are_paged,
    dirty_rows_are_counted,
    a_copied_row_is_renewed,
    keys_noted_at_once_all_hold,
)


async def _rows(store: Store, pipeline: str) -> list[DirtyRow]:
    return list(await store.list_dirty(pipeline, 0, 10_000))
