"""The demonstration's comparison is worth something only if it sees what is wrong."""

import random

import pytest
from replicator.demo.canonical import canonical, typed
from replicator.demo.reading import item_of

from connectors.cosmos.codec import encode
from connectors.cosmos.keys import place
from replicator.demo.comparison import compare
from replicator.demo.ledger import Ledger, key_of
from replicator.demo.orders import Orders
from replicator.model.record import Item


@pytest.fixture
def orders():
    """Enough orders for every shape to be among them."""
    maker = Orders(seed=7)
    return [maker.make() for _ in range(1_500)]


@pytest.fixture
def expected(orders):
    """What the ledger would say of them."""
    return {key_of(order): canonical(order) for order in orders}


def test_same_seed_makes_same_orders(orders):
    """A demonstration can be repeated."""
    maker = Orders(seed=7)
    assert [maker.make() for _ in orders] == orders


def test_orders_have_keys_of_their_own(orders, expected):
    """No order overwrites another one."""
    assert len(expected) == len(orders)


def test_canonical_text_gives_the_item_back(orders):
    """The writer updates what it reads from its ledger, so nothing may be lost there."""
    assert all(canonical(typed(canonical(order))) == canonical(order) for order in orders)


def test_canonical_text_sees_a_number_change_in_its_last_digit():
    """Numbers are compared by value, and by all of their digits."""
    one, other, same = (
        {"n": {"N": text}} for text in ("9007199254740993", "9007199254740992", "9007199254740993.0")
    )
    assert canonical(one) != canonical(other)
    assert canonical(one) == canonical(same)


def test_second_reading_of_the_stored_form_agrees_with_the_connector(orders):
    """Two independent readings of the documented form give the same items."""
    for order in orders:
        document = encode(Item(order), place(key_of(order))).document
        assert canonical(item_of(document)) == canonical(order)


def test_equal_sides_are_clean(orders, expected):
    """Order does not matter."""
    random.Random(1).shuffle(orders)
    comparison = compare("sink", orders, expected)
    assert comparison.clean
    assert comparison.equal == len(orders)


def test_missing_item_is_found(orders, expected):
    """One item that did not arrive."""
    assert compare("sink", orders[1:], expected).missing == [key_of(orders[0])]


def test_different_item_is_found(orders, expected):
    """One item with one attribute in an older state."""
    orders[3] = orders[3] | {"status": {"S": "older"}}
    assert compare("sink", orders, expected).different == [key_of(orders[3])]


def test_extra_and_doubled_items_are_found(orders, expected):
    """An item that was deleted at the source, and one that is there twice."""
    gone = expected.pop(key_of(orders[5]))
    comparison = compare("sink", [*orders, orders[6]], expected)
    assert gone
    assert comparison.extra == [key_of(orders[5]), key_of(orders[6])]


def test_ledger_keeps_the_newest_state_and_remembers_deletes(orders, tmp_path):
    """What was deleted is not expected, and a key that comes back is."""
    ledger = Ledger(tmp_path / "ledger.db")
    first, second = orders[:2]
    for order in (first, second):
        ledger.note(order)
        ledger.note_delete(key_of(order))
    ledger.note(first | {"status": {"S": "back"}})
    assert dict(ledger.items()) == {key_of(first): canonical(first | {"status": {"S": "back"}})}
    assert ledger.find(key_of(second)) is None
    assert ledger.deleted() == 1
    ledger.close()
