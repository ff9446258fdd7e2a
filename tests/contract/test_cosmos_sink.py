"""The Cosmos DB sink does what its contract says, over the real SDK."""

from decimal import Decimal

import pytest
from cosmos_account import account, delete, rows_of, upsert

from connectors.cosmos import connector
from replicator.connector import (
    Conditions,
    Context,
    Emptiness,
    Inserts,
    Probes,
    Reads,
    Scans,
    Sink,
)
from replicator.model.change import Change, Kind
from replicator.model.errors import BatchError, ChangeError, PermanentError
from replicator.model.record import Item, digest

ODD_TEXTS = [
    *(
        "a",
        "a/b",
        ".",
        "..",
        "...",
        "x ",
        "tab\t",
        "a\nb\n",
        " x",
        "50%",
        "a%2Fb",
        "a?b#c",
        "~",
        "~n1",
        "c:\\d",
        "\x00\x85",
    ),
    *(
        "ü/日本",
        "日本語\u3000",
        "e\u0301",
        "é",
        "+ +",
        "'\"",
        "{}",
        "[1]",
        "=",
        "&a=b;c",
        "x" * 1023,
        "é" * 512,
        "/" * 1024,
    ),
]
EVERY_TYPE = {
    "id": {"S": "an attribute named as the document's id"},
    "pk": {"N": "1"},
    "_etag": {"S": "mine"},
    "ttl": {"N": "1767225600"},
    "exact": {"N": "12.5"},
    "inexact": {"N": "9007199254740993"},
    "digits": {"N": "0.12345678901234567890123456789012345678"},
    "binary": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "list": {"L": [{"N": "1"}, {"B": b""}, {"M": {}}]},
    "map": {"M": {"id": {"N": "1E+22"}, "deep": {"L": [{"NS": ["1", "9007199254740993"]}]}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"\x01", b"\x02"]},
}


@pytest.fixture
async def cosmos(monkeypatch):
    """An account with an empty container."""
    async with account(monkeypatch) as opened:
        await opened.create()
        yield opened


@pytest.fixture
async def sink(cosmos):
    """A connected sink into the empty container."""
    return await cosmos.connected()


def texts(rows, name="v"):
    """One text attribute of every row, by key."""
    return {key: row.record.attributes[name]["S"] for key, row in rows.items()}


def test_the_sink_has_its_abilities():
    """It inserts, writes on condition, reads, scans, proves emptiness and can be probed."""
    settings = connector.sink_settings(endpoint="http://127.0.0.1:1/", database="d", container="c")
    opened = connector.open_sink(settings, Context("p"))
    for ability in (Sink, Inserts, Conditions, Reads, Scans, Emptiness, Probes):
        assert isinstance(opened, ability)


async def test_odd_keys_are_written_read_scanned_and_deleted(sink):
    """Every key is its own document, whatever its characters, through every call that names it."""
    keys = (
        [(text,) for text in ODD_TEXTS]
        + [("h", text) for text in ODD_TEXTS]
        + [(text, "r") for text in ODD_TEXTS]
    )
    keys += [(Decimal("1E+30"), b"\x00\xff"), (Decimal(1),), ("1",), (b"1",)]
    for index, key in enumerate(keys):
        await sink.write([upsert(*key, v=str(index))])
    expected = {key: str(index) for index, key in enumerate(keys)}
    assert texts(await rows_of(sink)) == expected
    for start in range(0, len(keys), 100):
        part = keys[start : start + 100]
        assert texts(await sink.fetch(part)) == {key: expected[key] for key in part}
    for key in keys:
        row = (await sink.fetch([key]))[key]
        assert await sink.write_if(upsert(*key, v="again"), row.etag)
        await sink.write([delete(*key)])
        assert not await sink.fetch([key])
    assert await sink.is_empty()


async def test_every_type_comes_back(sink):
    """All ten types, inexact numbers and reserved names are read back exactly."""
    change = Change(Kind.UPSERT, ("k",), Item(EVERY_TYPE), 0.0)
    await sink.write([change])
    for rows in (await sink.fetch([("k",)]), await rows_of(sink)):
        assert digest(rows[("k",)].record) == digest(change.record)


async def test_ordinary_items_can_be_queried(cosmos, sink):
    """An application reads plain property names and point-reads by the key itself."""
    item = Item({"total": {"N": "12.5"}, "address": {"M": {"city": {"S": "Ulm"}}}})
    await sink.write([Change(Kind.UPSERT, ("user-7", "2026-01-01"), item, 0.0)])
    document = await cosmos.container.read_item("2026-01-01", "user-7")
    assert (document["total"], document["address"]["city"]) == (12.5, "Ulm")


async def test_keys_of_one_hash_part_share_a_group(sink):
    """A batch holds one partition key value."""
    assert sink.group(("h", "a")) == sink.group(("h", "b"))
    assert sink.group(("h", "a")) != sink.group(("g", "a"))
    assert sink.batch_changes_max == 100


async def test_a_batch_applies_upserts_and_deletes(sink):
    """Several changes take effect together; writing them again changes nothing."""
    await sink.write([upsert("h", "a", v="1"), upsert("h", "b", v="1")])
    changes = [upsert("h", "a", v="2"), delete("h", "b"), upsert("h", "c", v="2")]
    for _ in range(2):
        await sink.write(changes)
        assert texts(await rows_of(sink)) == {("h", "a"): "2", ("h", "c"): "2"}


async def test_deleting_what_is_absent_succeeds(sink):
    """Alone and among others; the others are applied."""
    await sink.write([delete("h", "none")])
    await sink.write([upsert("h", "there", v="1")])
    await sink.write([delete("h", "x"), upsert("h", "new", v="1"), delete("h", "y"), delete("h", "there")])
    assert texts(await rows_of(sink)) == {("h", "new"): "1"}
    await sink.write([delete("h", "x"), delete("h", "y")])


async def test_insert_leaves_what_is_present(sink):
    """Alone and among others, a key that is present keeps its record."""
    await sink.write([upsert("h", str(number), v="old") for number in range(0, 100, 2)])
    await sink.insert([upsert("h", str(number), v="new") for number in range(100)])
    await sink.insert([upsert("h", "0", v="new")])
    await sink.insert([upsert("h", "100", v="new")])
    expected = {
        ("h", str(number)): "new" if number % 2 or number == 100 else "old" for number in range(101)
    }
    assert texts(await rows_of(sink)) == expected


async def test_large_changes_are_split_into_several_batches(sink):
    """A call may hold more bytes than one transactional batch takes."""
    await sink.write([upsert("h", str(number), v=str(number) * 150_000) for number in range(10, 40)])
    assert len(await rows_of(sink)) == 30


async def test_a_refused_change_is_named_and_the_others_are_durable(sink):
    """BatchError names exactly the oversized change; alone it is a ChangeError."""
    huge = Change(Kind.UPSERT, ("h", "huge"), Item({"v": {"S": "\x01" * 390_000}}), 0.0)
    with pytest.raises(BatchError) as caught:
        await sink.write([upsert("h", "a", v="1"), huge, upsert("h", "b", v="1")])
    assert {key: type(error) for key, error in caught.value.failures.items()} == {
        ("h", "huge"): ChangeError
    }
    assert set(await rows_of(sink)) == {("h", "a"), ("h", "b")}
    with pytest.raises(ChangeError, match="bytes"):
        await sink.write([huge])


async def test_conditional_writes_hold_to_their_etag(sink):
    """A write with an old ETag, or one that expects absence, changes nothing and says so."""
    assert await sink.write_if(upsert("k", v="1"), None)
    assert not await sink.write_if(upsert("k", v="2"), None)
    old = (await sink.fetch([("k",)]))[("k",)].etag
    assert await sink.write_if(upsert("k", v="3"), old)
    assert not await sink.write_if(upsert("k", v="4"), old)
    assert not await sink.write_if(delete("k"), old)
    assert not await sink.write_if(delete("k"), None)
    row = (await sink.fetch([("k",)]))[("k",)]
    assert texts({("k",): row}) == {("k",): "3"}
    assert await sink.write_if(delete("k"), row.etag)
    assert not await sink.write_if(delete("k"), row.etag)
    assert not await sink.write_if(upsert("k", v="5"), row.etag)
    assert await sink.write_if(delete("k"), None)
    assert await sink.is_empty()


async def test_fetch_leaves_out_what_is_absent(sink):
    """Only keys that exist are in the answer, over many partition keys at once."""
    await sink.write([upsert("k1", v="1")])
    await sink.write([upsert("k2", v="2")])
    assert await sink.fetch([]) == {}
    assert await sink.fetch([("none",)]) == {}
    assert texts(await sink.fetch([(f"k{number}",) for number in range(100)])) == {
        ("k1",): "1",
        ("k2",): "2",
    }


async def test_one_range_part_under_many_hash_parts(sink):
    """Documents of one id in several partitions are told apart by every read."""
    keys = [(f"h{number}", "same") for number in range(20)]
    for key in keys:
        await sink.write([upsert(*key, v=key[0])])
    expected = {key: key[0] for key in keys}
    assert texts(await sink.fetch(keys)) == texts(await rows_of(sink)) == expected


async def test_a_scan_is_resumed_from_its_cursor(cosmos, sink):
    """Pages are small, pieces are disjoint, and a new sink goes on from a kept cursor."""
    for hash_part in range(8):
        await sink.write([upsert(str(hash_part), str(number), v="1") for number in range(10)])
    found = []
    for piece in await sink.pieces():
        cursor, more = None, True
        while more:
            page = await (await cosmos.connected(page_rows=7)).scan(piece, cursor)
            assert len(page.rows) <= 7
            found += [row.key for row in page.rows]
            cursor, more = page.cursor, page.cursor is not None
    assert len(found) == len(set(found)) == 80


async def test_emptiness_counts_every_document(cosmos, sink):
    """A document of anyone's makes the sink not empty, and stops a scan and a read with its id."""
    assert await sink.is_empty()
    await cosmos.container.upsert_item({"id": "theirs", "pk": "x"})
    assert not await sink.is_empty()
    with pytest.raises(PermanentError, match="theirs"):
        await rows_of(sink)
    with pytest.raises(PermanentError, match="theirs"):
        await sink.fetch([("x", "theirs")])


async def test_two_keys_in_one_place_are_found_out(cosmos, sink):
    """A document whose kept key is another one is never taken for the key that was asked for."""
    key = ("h", "r" * 2000)
    await sink.write([upsert(*key, v="1")])
    (document,) = [
        each async for each in cosmos.container.query_items("SELECT * FROM c", partition_key="h")
    ]
    document["replicator"]["k"] = ["h", "r" * 2001]
    await cosmos.container.upsert_item(document)
    with pytest.raises(PermanentError, match="cannot be read back"):
        await sink.fetch([key])


async def test_closing_twice_and_connecting_again(sink):
    """A sink may be closed more than once and connected again."""
    await sink.connect()
    await sink.close()
    await sink.close()
    await sink.connect()
    await sink.write([upsert("k", v="1")])
    assert not await sink.is_empty()


async def test_a_delete_is_needless_only_by_its_own_refusal(cosmos, sink):
    """An absent delete takes no other delete along on the word of a query, which may be behind."""
    await sink.write([upsert("h", "there", v="1")])
    before = dict(cosmos.server.counts)
    await sink.write([delete("h", "absent"), delete("h", "there"), upsert("h", "new", v="1")])
    asked = {name for name, count in cosmos.server.counts.items() if count > before.get(name, 0)}
    assert not [name for name in asked if name.startswith("query")]
    assert texts(await rows_of(sink)) == {("h", "new"): "1"}


async def test_a_container_that_was_made_again_is_another_one(cosmos, sink):
    """The identity tells a new container from the one that was filled, under the same name."""
    first = await sink.identity()
    assert await sink.identity() == first
    await cosmos.client.get_database_client(cosmos.database).delete_container("orders")
    await cosmos.create()
    assert await sink.identity() != first
