"""Positions, and when a shard counts as read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dynamodb.positions import RETENTION_SECONDS, Place, Where, place_of
from connectors.dynamodb.quiet import Quiet

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-02T03:04:05.678"
SEQUENCE = "000000000000000000042"


@given(st.sampled_from(Where), st.integers(0, 2**31))
def test_a_position_is_read_as_it_was_written(where, since):
    """Stream, place and sequence number come back; the time is at most ten minutes earlier."""
    place = Place(where, float(since), SEQUENCE if where is Where.AFTER else "")
    stream, found = place_of(place.position(ARN))
    assert (stream, found.where, found.sequence) == (ARN, place.where, place.sequence)
    assert 0 <= since - found.since < 600


def test_a_quiet_shard_keeps_its_position():
    """A later proof within ten minutes makes no other position, so that no checkpoint is written for it."""
    place = Place(Where.AFTER, 1200.0, SEQUENCE)
    assert place.renewed(1799.0).position(ARN) == place.position(ARN) != place.renewed(1800.0).position(ARN)


def test_only_a_place_at_the_oldest_record_is_forgotten_by_age():
    """TRIM_HORIZON starts silently behind what is gone; of other places the service itself says so."""
    assert Place(Where.OLDEST, 0.0).is_forgotten(RETENTION_SECONDS)
    assert not Place(Where.OLDEST, 1.0).is_forgotten(RETENTION_SECONDS)
    assert not Place(Where.AFTER, 0.0, SEQUENCE).is_forgotten(RETENTION_SECONDS)


@pytest.mark.parametrize("text", ["", "arn", "arn 12", "arn 12 NOWHERE", "arn x END"])
def test_other_texts_are_no_positions(text):
    """What we never wrote is refused."""
    with pytest.raises(ValueError, match=r"unpack|valid|convert"):
        place_of(text)


def test_one_empty_page_proves_nothing():
    """Neither one empty page, nor several within the bound, nor two far apart."""
    quiet = Quiet(5.0)
    assert quiet.empty(0.0, 1000.0, 0.1) is None
    assert quiet.empty(100.0, 1100.0, 100.1) is None


def test_empty_pages_throughout_the_bound_prove_the_first_request():
    """The proof slides with the requests, and lags them by the bound."""
    quiet = Quiet(5.0)
    proofs = [quiet.empty(float(at), 1000.0 + at, at + 0.1) for at in range(10)]
    assert proofs == [None] * 5 + [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]


def test_a_record_ends_the_silence():
    """After a record the count begins anew."""
    quiet = Quiet(5.0)
    for at in range(5):
        quiet.empty(float(at), 1000.0 + at, at + 0.1)
    quiet.heard()
    assert quiet.empty(5.0, 1005.0, 5.1) is None


@given(st.lists(st.floats(0.01, 3.0), max_size=60), st.floats(0.5, 5.0))
def test_a_proof_is_never_younger_than_the_bound(gaps, bound):
    """Whatever the rhythm, a proof is as old as the bound, and proofs never go back."""
    quiet, now, last = Quiet(bound), 0.0, 0.0
    for gap in gaps:
        now += gap
        proved = quiet.empty(now, now, now + 0.001)
        if proved is not None:
            assert now + 0.001 - proved >= bound
            assert proved > last
            last = proved
