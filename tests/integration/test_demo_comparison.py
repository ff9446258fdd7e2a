"""The demonstration's comparison is worth something only if it sees what is wrong."""

import random
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest

from connectors.blob.codec import encode as encode_object
from connectors.blob.names import blob_name
from connectors.cosmos.codec import encode
from connectors.cosmos.keys import place
from connectors.servicebus.codec import encode as encode_message
from replicator.demo.comparison import compare
from replicator.demo.invoices.making import Invoices
from replicator.demo.invoices.reading import described
from replicator.demo.invoices.reading import key_of as key_of_blob
from replicator.demo.ledger import Ledger
from replicator.demo.messages.canonical import canonical as told_of
from replicator.demo.messages.making import Messages
from replicator.demo.messages.reading import attributes_of, body_of, id_of
from replicator.demo.orders.canonical import canonical, typed
from replicator.demo.orders.making import Orders, key_of
from replicator.demo.orders.reading import item_of
from replicator.model.record import Attribute, Item, Message, Object


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


def test_second_reading_of_blobs_agrees_with_the_connector():
    """Key, headers, metadata and tags of odd invoices come back from what the blob carries."""
    invoices = Invoices(seed=7)
    for invoice in [invoices.make() for _ in range(1_500)]:
        record = Object(
            len(invoice.body), "v", headers=invoice.headers, metadata=invoice.metadata, tags=invoice.tags
        )
        request = encode_object(invoice.key, record)
        metadata = part(request, "x-ms-meta-")
        assert key_of_blob(blob_name(invoice.key), metadata) == invoice.key
        headers = {"content-type": "application/octet-stream"} | part(request, "x-ms-blob-")
        tags = dict(parse_qsl(request.get("x-ms-tags", ""), keep_blank_values=True))
        assert described(headers, metadata, tags) == (invoice.headers, invoice.metadata, invoice.tags)


def test_a_blob_under_another_name_is_found():
    """A key that does not belong to the name is an error, not a second object."""
    metadata = part(encode_object("a", Object(0, "v")), "x-ms-meta-")
    with pytest.raises(ValueError, match="says that it is"):
        key_of_blob("b", metadata)


def test_second_reading_of_messages_agrees_with_the_connector():
    """Id, body and attributes come back from what the message carries, its texts being bytes."""
    maker = Messages(seed=7)
    for number in range(1_500):
        made = maker.step()
        attributes = {name: Attribute(*each) for name, each in made.attributes.items()}
        sent = encode_message(Message(f"~{number}", made.body, attributes, made.group), 0.0)
        properties = {name.encode(): text.encode() for name, text in sent.properties.items()}
        received = SimpleNamespace(
            body=[sent.body], application_properties=properties, message_id=sent.message_id
        )
        assert (id_of(received), body_of(received)) == (f"~{number}", made.body)
        assert attributes_of(received) == made.attributes


def test_same_seed_makes_same_invoices_and_messages():
    """A demonstration can be repeated, in all of its parts."""
    one, other = Invoices(seed=3), Invoices(seed=3)
    assert [one.make() for _ in range(50)] == [other.make() for _ in range(50)]
    sent, again = Messages(seed=3), Messages(seed=3)
    assert [sent.step() for _ in range(50)] == [again.step() for _ in range(50)]


def test_a_message_out_of_order_is_found():
    """Two that changed places are both different from what was sent."""
    expected = {(f"{at}",): told("x", after) for at, after in ((1, None), (2, "1"), (3, "2"))}
    swapped = [(("2",), told("x", None)), (("1",), told("x", "2")), (("3",), told("x", "1"))]
    assert compare("sink", expected.items(), expected).clean
    assert len(compare("sink", swapped, expected).different) == 3


def told(body, after):
    """A message as it is compared."""
    return told_of(body, {}, after)


def part(headers, prefix):
    """The headers of a request that begin so, without that."""
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


def held(orders):
    """The orders as a side gives them."""
    return [(key_of(order), canonical(order)) for order in orders]


def test_equal_sides_are_clean(orders, expected):
    """Order does not matter."""
    random.Random(1).shuffle(orders)
    comparison = compare("sink", held(orders), expected)
    assert comparison.clean
    assert comparison.equal == len(orders)


def test_missing_item_is_found(orders, expected):
    """One item that did not arrive."""
    assert compare("sink", held(orders[1:]), expected).missing == [key_of(orders[0])]


def test_different_item_is_found(orders, expected):
    """One item with one attribute in an older state."""
    orders[3] = orders[3] | {"status": {"S": "older"}}
    assert compare("sink", held(orders), expected).different == [key_of(orders[3])]


def test_extra_and_doubled_items_are_found(orders, expected):
    """An item that was deleted at the source, and one that is there twice."""
    gone = expected.pop(key_of(orders[5]))
    comparison = compare("sink", held([*orders, orders[6]]), expected)
    assert gone
    assert comparison.extra == [key_of(orders[5]), key_of(orders[6])]


def test_ledger_keeps_the_newest_state_and_remembers_deletes(orders, tmp_path):
    """What was deleted is not expected, and a key that comes back is."""
    ledger = Ledger(tmp_path / "ledger.db")
    first, second = orders[:2]
    for order in (first, second):
        ledger.note(key_of(order), canonical(order))
        ledger.note_delete(key_of(order))
    ledger.note(key_of(first), canonical(first | {"status": {"S": "back"}}))
    assert dict(ledger.items()) == {key_of(first): canonical(first | {"status": {"S": "back"}})}
    assert ledger.find(key_of(second)) is None
    assert ledger.deleted() == 1
    ledger.close()
