"""The S3 source reads a bucket as a whole, in key ranges that cover every key once and can be resumed."""

import pytest
from s3_bucket import aws, bucket

from replicator.model.errors import TransientError

__all__ = ["aws", "bucket"]


async def scan_piece(source, piece):
    """Every row of a piece, page by page."""
    rows, cursor = [], None
    while True:
        page = await source.scan(piece, cursor)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows


async def scan_all(source):
    """The rows of each piece."""
    return [await scan_piece(source, piece) for piece in await source.pieces()]


async def test_a_small_bucket_is_one_piece(bucket):
    """What one call lists is not cut; an empty bucket has a piece as well."""
    bucket.create()
    source = bucket.source()
    assert len(await source.pieces()) == 1
    assert await scan_all(source) == [[]]
    bucket.put("a", "b")
    assert len(await source.pieces()) == 1
    assert await source.estimate() == 2


@pytest.mark.parametrize(
    "names",
    [
        [f"orders/2026/07/file-{number:05d}.json" for number in range(120)],
        [f"{number:02x}/{number:03d}" for number in range(120)],
        [f"{prefix}/{number}" for prefix in ("a", "b", "bb", "z") for number in range(30)],
        [chr(0x3041 + number) + "/" + str(number) for number in range(80)],
        ["a", *(f"b{number:03d}" for number in range(60)), "~", "ü", "\U0001f600"],
    ],
    ids=["one deep directory", "hexadecimal", "uneven", "another script", "odd ends"],
)
async def test_the_pieces_cover_every_key_once(bucket, names):
    """However the keys look, the pieces together are the bucket, each key in one of them."""
    bucket.create()
    bucket.put(*names)
    source = bucket.source(page_rows_max=10, pieces_max=8)
    pieces = await scan_all(source)
    rows = [row for piece in pieces for row in piece]
    assert len(pieces) <= 8
    assert [row.key[0] for row in rows] == sorted(names)
    if names[0].isascii():
        assert max(map(len, pieces)) <= len(names) * 0.8


async def test_a_scan_goes_on_from_a_cursor_in_another_process(bucket):
    """A cursor given to a second source, with pages of another size, continues where the first ended."""
    bucket.create()
    names = [f"key {number:03d}+/ü" for number in range(50)]
    bucket.put(*names)
    first = bucket.source(page_rows_max=7, pieces_max=3)
    found = []
    for piece in await first.pieces():
        page = await first.scan(piece, None)
        found += page.rows
        cursor = page.cursor
        while cursor is not None:
            page = await bucket.source(page_rows_max=5, pieces_max=9).scan(piece, cursor)
            found += page.rows
            cursor = page.cursor
    assert [row.key[0] for row in found] == names


async def test_a_prefix_bounds_the_scan(bucket):
    """Only keys that begin with it are there, cut among themselves; canaries are not."""
    bucket.create()
    names = [f"in/{number:03d}" for number in range(40)]
    bucket.put(*names, "im", "io", "in", "in/.replicator/x/00")
    source = bucket.source(prefix="in/", page_rows_max=10, pieces_max=4)
    pieces = await scan_all(source)
    assert len(pieces) > 2
    assert [row.key[0] for piece in pieces for row in piece] == names
    assert await bucket.source(prefix="in/").estimate() == 40


async def test_a_row_tells_size_and_version(bucket):
    """And an object that was replaced by an equal one of another time has another version."""
    bucket.create()
    bucket.put("a", body=b"12345")
    ((row,),) = await scan_all(bucket.source())
    assert row.record.size == 5
    etag, _, seconds = row.record.version.partition("@")
    assert etag == "827ccb0eea8a706c4c34a16891f84e7b"
    assert seconds.isdigit()
    assert (await bucket.source().fetch([("a",)]))["a",].record.version == row.record.version


async def test_a_throttled_listing_says_so(bucket, aws):
    """A throttle is transient, settled, and named; the same page can be asked for again."""
    bucket.create()
    bucket.put("a")
    source = bucket.source()
    (piece,) = await source.pieces()
    await aws.add_fault("throttle", service="s3", operation="GET")
    with pytest.raises(TransientError) as caught:
        await source.scan(piece, None)
    assert (caught.value.reason, caught.value.settled) == ("throttled", True)
    assert len((await source.scan(piece, None)).rows) == 1
