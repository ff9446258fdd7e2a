"""The pure parts of the proxy: shards, numbers, shelves, iterators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.errors import AwsError
from localcloud.aws.iterators import ShardIterator
from localcloud.aws.lineage import HASHES, Lineage
from localcloud.aws.records import Shelf, hash_of
from localcloud.aws.sequence import Numbering, created_milliseconds

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-02T03:04:05.678"
CREATED = created_milliseconds(ARN)

changes = st.lists(st.tuples(st.sampled_from(["split", "roll_over"]), st.integers(0, 20)), max_size=12)


@given(changes, st.integers(0, HASHES - 1), st.integers(1, 100))
def test_every_record_belongs_to_exactly_one_shard(steps, key_hash, number):
    """Whatever was split and rolled over, each hash at each number lies in one shard."""
    lineage = Lineage(ARN, CREATED)
    lineage.plant(3, 1)
    for end, (how, which) in enumerate(steps, 1):
        shards = lineage.open()
        getattr(lineage, how)(shards[which % len(shards)].id, end * 5)
    holders = [shard for shard in lineage.visible(0) if shard.holds(key_hash, number)]
    assert holders == [lineage.place(key_hash, number)]


def test_a_shard_is_closed_once():
    """A closed shard can be neither split nor rolled over, and an open one not dropped."""
    lineage = Lineage(ARN, CREATED)
    lineage.plant(1, 1)
    (shard,) = lineage.open()
    with pytest.raises(AwsError, match="is open"):
        lineage.drop(shard.id)
    lineage.split(shard.id, 5)
    with pytest.raises(AwsError, match="is closed"):
        lineage.roll_over(shard.id, 6)


@given(st.integers(0, 10**10), st.integers(1, 10**9))
def test_numbers_keep_order_and_lead_back(later_ms, counter):
    """Our numbers grow as ministack's do, have 21 to 40 digits, and lead back to them."""
    numbering = Numbering(CREATED)
    upstream = f"{CREATED + later_ms:020d}{counter:010d}"
    number = numbering.number(upstream)
    assert numbering.upstream(number) == upstream
    assert 21 <= len(str(number)) <= 40
    assert numbering.at(CREATED + later_ms) < number < numbering.at(CREATED + later_ms + 1)


@given(st.lists(st.integers(1, 1000), unique=True).map(sorted), st.integers(0, 1000), st.integers(1, 50))
def test_a_page_is_what_follows(numbers, after, limit):
    """A page holds the first records after a number, and says where it ends."""
    shelf = Shelf()
    for number in numbers:
        shelf.put(number, b"%d" % number)
    page, last = shelf.page(after, limit)
    expected = [number for number in numbers if number > after][:limit]
    assert page == [b"%d" % number for number in expected]
    assert last == (expected[-1] if expected else after)


def test_equal_numbers_hash_alike():
    """A key that is a number goes to one shard however it is written."""
    assert hash_of({"N": "10"}) == hash_of({"N": "1E1"}) == hash_of({"N": "10.0"})
    assert hash_of({"N": "1"}) != hash_of({"S": "1"})


def test_iterators_survive_the_way_through_the_caller():
    """A token reads back as it was, and anything else is refused."""
    iterator = ShardIterator(ARN, "shardId-1", 10**22 + 1, 1234.5)
    assert ShardIterator.decode(iterator.encode()) == iterator
    with pytest.raises(AwsError, match="Invalid ShardIterator"):
        ShardIterator.decode("%%%")
