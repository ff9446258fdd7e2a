"""The Cosmos DB sink while the service splits physical partitions under it."""

import asyncio

import pytest
from cosmos_account import account, rows_of, scripted, upsert

KEYS = [(f"customer-{number}", "order") for number in range(200)]


@pytest.fixture
async def opened(monkeypatch):
    async with account(monkeypatch) as opened:
        yield opened


async def filled(opened, **settings):
    """A connected sink with a record of every key; skips where splits cannot be asked for."""
    scripted(opened)
    await opened.create()
    sink = await opened.connected(**settings)
    await asyncio.gather(*(sink.write([upsert(*key, value="0")]) for key in KEYS))
    return sink


def split(opened, times=1):
    for _ in range(times):
        scripted(opened).split(opened.database, opened.container.id)


@pytest.mark.parametrize("splits", [1, 4])
async def test_a_scan_covers_every_key_once_over_a_split(opened, splits):
    """Pieces that were planned before, cursors taken before: nothing is missing, nothing comes twice."""
    sink = await filled(opened, page_rows=7)
    cursors, found = dict.fromkeys(await sink.pieces()), []
    while cursors:  # all pieces side by side, so that some have begun at each split, and some have not
        for piece, cursor in list(cursors.items())[: 1 + len(found) // 7]:
            page = await sink.scan(piece, cursor)
            found += [row.key for row in page.rows]
            cursors[piece] = page.cursor
            if page.cursor is None:
                del cursors[piece]
        if len(found) < 150:
            split(opened, splits)
    assert sorted(found) == sorted(KEYS)
    assert scripted(opened).counts["query 410"] > 0


@pytest.mark.parametrize("page_rows", [1, 5, 100])
async def test_a_scan_ends_when_its_last_page_is_full(opened, page_rows):
    """A continuation behind which nothing is left is the end, and not a page to ask for again."""
    scripted(opened)
    await opened.create()
    sink = await opened.connected(page_rows=page_rows)
    keys = [("customer", f"order-{number}") for number in range(100)]
    await sink.write([upsert(*key, value="0") for key in keys])
    assert (await rows_of(sink)).keys() == set(keys)


async def test_a_cursor_outlives_the_process_over_a_split(opened):
    """A new sink, whose SDK knows only the new ranges, goes on from a cursor of the old ones."""
    sink = await filled(opened, page_rows=7)
    found = []
    for piece in await sink.pieces():
        page = await sink.scan(piece, None)
        found += [row.key for row in page.rows]
        split(opened, 2)
        other = await opened.connected(page_rows=7)
        while page.cursor is not None:
            page = await other.scan(piece, page.cursor)
            found += [row.key for row in page.rows]
    assert sorted(found) == sorted(KEYS)


async def test_writes_and_reads_go_on_over_a_split(opened):
    """Plain and conditional writes and reads of many keys neither fail nor miss anything."""
    sink = await filled(opened)
    await sink.fetch(KEYS[:100])
    for number, key in enumerate(KEYS[:5]):
        split(opened)
        await sink.write([upsert(*key, value=str(number + 1))])
        found = await sink.fetch(KEYS[:100])
        assert len(found) == 100
        assert await sink.write_if(upsert(*key, value="done"), found[key].etag)
    rows = await rows_of(sink)
    assert rows.keys() == set(KEYS)
    assert all(rows[key].record.attributes["value"] == {"S": "done"} for key in KEYS[:5])


async def test_new_pieces_are_those_after_the_split(opened):
    """A later plan has more pieces, which together hold everything."""
    sink = await filled(opened)
    before = await sink.pieces()
    split(opened, 3)
    assert len(await sink.pieces()) == len(before) + 3
    assert (await rows_of(sink)).keys() == set(KEYS)
    assert not await sink.is_empty()
