"""Which shards are read, from where, and in which turn."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.dynamodb.lineage import (
    Lineage,
    Shard,
    lineage_of,
    newest_places,
    oldest_places,
    resumed_places,
    uncovered_places,
)
from connectors.dynamodb.positions import Place, Where

AFTER = Place(Where.AFTER, 50.0, "5")
END = Place(Where.END, 40.0)


def lineage(*shards):
    """A lineage from texts: ``a`` is open, ``a!`` closed, ``b<a`` the child of a."""
    return Lineage(_shard(text) for text in shards)


def _shard(text):
    name, _, parent = text.partition("<")
    return Shard(name.rstrip("!"), parent or None, name.endswith("!"))


def test_a_listing_is_read_as_the_service_writes_it():
    """A closed shard has an ending sequence number; a parent may be missing or empty."""
    found = lineage_of(
        {
            "Shards": [
                {
                    "ShardId": "a",
                    "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"},
                },
                {
                    "ShardId": "b",
                    "ParentShardId": "a",
                    "SequenceNumberRange": {"StartingSequenceNumber": "3"},
                },
                {"ShardId": "c", "ParentShardId": ""},
            ]
        }
    )
    assert list(found.shards.values()) == [_shard("a!"), _shard("b<a"), _shard("c")]


def test_open_leaves_are_the_shards_that_take_records():
    """Closed shards, and shards with children, take none."""
    assert lineage("a!", "b<a", "c<a", "d!", "e", "f<e").open_leaves() == ("b", "c", "f")


def test_the_oldest_start_is_every_root():
    """A shard whose parent is no longer listed is a root."""
    places = oldest_places(lineage("b!<a", "c<b", "d"), 7.0)
    assert places == {"b": Place(Where.OLDEST, 7.0), "d": Place(Where.OLDEST, 7.0)}


def test_the_newest_start_leaves_no_closed_shard_to_be_read_later():
    """Leaves are read from their newest; a dead end is at its end; ancestors need no place."""
    places = newest_places(lineage("a!", "b<a", "dead!"), 7.0)
    assert places == {"b": Place(Where.NEWEST, 7.0), "dead": Place(Where.END, 7.0)}


def test_a_resumed_start_keeps_what_was_saved():
    """Saved places stay; their ancestors are passed; descendants come in their turn."""
    listed = lineage("a!", "b!<a", "c<b", "d<b")
    assert resumed_places({"b": AFTER}, listed, 99.0) == {"b": AFTER}


def test_an_ended_shard_that_is_no_longer_listed_is_dropped():
    """Nothing needs its position any more."""
    assert resumed_places({"a": END, "b": AFTER}, lineage("b<a"), 99.0) == {"b": AFTER}


def test_children_of_an_ended_shard_open_with_its_time():
    """Their records may be as old as the time up to which the parent was proved read."""
    places = resumed_places({"a": END}, lineage("a!", "b<a", "c<b"), 99.0)
    assert places == {"a": END, "b": Place(Where.OLDEST, 40.0)}


def test_a_sibling_that_was_listed_late_is_opened():
    """A child that was not listed when its parent ended is read, though the parent is forgotten."""
    opened = uncovered_places({"b": AFTER}, lineage("a!", "b<a", "c<a"), 99.0)
    assert opened == {"c": Place(Where.OLDEST, 99.0)}


def test_an_older_listing_opens_nothing_again():
    """A listing from before a split shows neither the split nor a reason to read the parent anew."""
    assert uncovered_places({"a": END, "b": AFTER, "c": AFTER}, lineage("a"), 99.0) == {}


@st.composite
def histories(draw):
    """A lineage grown by splits, and how far its shards were read, parents before children."""
    shards = [Shard(f"s{root}", None, closed=False) for root in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(0, 6))):
        index = draw(st.sampled_from([i for i, shard in enumerate(shards) if not shard.closed]))
        parent = shards[index].id
        shards[index] = Shard(parent, shards[index].parent, closed=True)
        shards += [
            Shard(f"s{len(shards) + i}", parent, closed=False) for i in range(draw(st.integers(1, 2)))
        ]
    return Lineage(shards), draw(st.integers(0, 20)), draw(st.randoms(use_true_random=False))


@given(histories())
def test_every_shard_is_read_once_and_after_its_parent(history):
    """Whenever reading is resumed, from any state, each shard is read to its end exactly once, in turn."""
    listed, resumes, random = history
    places = resumed_places(oldest_places(listed, 0.0), listed, 0.0)
    read = []
    while any(place.where is not Where.END for place in places.values()):
        shard = random.choice([s for s, place in places.items() if place.where is not Where.END])
        read.append(shard)
        del places[shard]
        places |= {child: Place(Where.OLDEST, 0.0) for child in listed.children(shard)}
        if not listed.children(shard):
            places[shard] = END
        if random.random() * 20 < resumes:
            places = resumed_places(places, listed, 0.0)
    assert sorted(read) == sorted(listed.shards)
    for shard in listed.shards.values():
        assert shard.parent is None or read.index(shard.parent) < read.index(shard.id)


def test_a_root_that_opens_at_a_resumption_is_unread_since_the_oldest_saved_time():
    """Between an ended shard and its unlisted descendants records may have expired unseen."""
    ended = Place(Where.END, 50.0)
    places = resumed_places({"a": ended}, lineage("g"), 99.0)
    assert places == {"g": Place(Where.OLDEST, 50.0)}
