"""An item's time to live: seconds left at the write, or none."""

import pytest

from connectors.cosmos.codec import decode, encode
from connectors.cosmos.expiry import IGNORED_AFTER_SECONDS, TTL_SECONDS_MAX, Expiry
from connectors.cosmos.keys import place
from replicator.model.errors import ChangeError
from replicator.model.record import Item

NOW = 1_800_000_000.25


def left(value, now=NOW):
    """The seconds left of an item whose attribute has this value."""
    return Expiry("at", now).seconds_left(Item({"at": value}))


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        ("1800000100", 100),
        ("1800000001", 1),
        ("1.8000001E+9", 100),
        ("1800000099.5", 100),
        ("1800000000", 1),
        ("1799999999", 1),
        (str(int(NOW) - IGNORED_AFTER_SECONDS + 1), 1),
        (str(int(NOW) - IGNORED_AFTER_SECONDS), None),
        ("0", None),
        ("-1", None),
        (str(int(NOW) + TTL_SECONDS_MAX), TTL_SECONDS_MAX),
        (str(int(NOW) + TTL_SECONDS_MAX + 1), None),
        ("1800000000000", None),
        ("9.9999999999999999999999999999999999999E+125", None),
        ("-1E+125", None),
    ],
)
def test_what_is_left_is_rounded_up(number, seconds):
    """At least one second; nothing for what DynamoDB ignores, or what Cosmos DB cannot count to."""
    assert left({"N": number}) == seconds


@pytest.mark.parametrize("value", [{"S": "1800000100"}, {"NULL": True}, {"L": [{"N": "1800000100"}]}])
def test_only_numbers_expire_an_item(value):
    """DynamoDB takes no notice of an attribute of another type."""
    assert left(value) is None


def test_an_item_without_the_attribute_does_not_expire():
    """Nor one that has it deeper down."""
    assert Expiry("at", NOW).seconds_left(Item({"m": {"M": {"at": {"N": "1800000100"}}}})) is None


def test_two_documents_of_one_item_differ_in_nothing_else():
    """The time of the write shows in ttl alone, and is not read."""
    item = Item({"at": {"N": "1800000100"}, "ttl": {"S": "mine"}})
    first, second = (encode(item, place(("k",)), Expiry("at", NOW + later)).document for later in (0, 50))
    assert (first.pop("ttl"), second.pop("ttl")) == (100, 50)
    assert first == second == encode(item, place(("k",))).document
    assert decode(first | {"ttl": 100}) == (("k",), item)


def test_what_is_no_number_is_refused_as_ever():
    """A value that no system should have sent is a refused change, with an expiry or without."""
    with pytest.raises(ChangeError):
        encode(Item({"at": {"N": "soon"}}), place(("k",)), Expiry("at", NOW))
