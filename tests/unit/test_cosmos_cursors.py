"""Cursors of a Cosmos DB scan: the service's own until a range is split, and then all that is left."""

from connectors.cosmos.cursors import Left, cursor_of, left_of, split


def test_without_a_split_a_cursor_is_the_services_own():
    """A cursor that was saved by an earlier release is read as well."""
    assert left_of("piece", None) == [Left("piece", None)]
    assert left_of("piece", '{"token":"+RID"}') == [Left("piece", '{"token":"+RID"}')]
    assert cursor_of("piece", [Left("piece", "+RID")]) == "+RID"
    assert cursor_of("piece", []) is None


def test_after_a_split_each_part_goes_on_where_the_whole_was():
    """Also when it is split again, and when a part has not begun."""
    left = split(split([Left("piece", "+RID")], ["a", "b"]), ["a1", "a2"])
    assert left == [Left("a1", "+RID"), Left("a2", "+RID"), Left("b", "+RID")]
    for each in (left, left[1:], [Left("b", None)], [Left("b", "+RID")]):
        assert left_of("piece", cursor_of("piece", each)) == each
