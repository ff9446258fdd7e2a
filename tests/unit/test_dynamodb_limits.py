"""The allowance of scans, the meaning of errors, and the settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.aws.errors import Refusal
from connectors.dynamodb.allowance import Allowance
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.errors import IteratorExpiredError, translate
from connectors.dynamodb.probe import remarks_on
from connectors.dynamodb.rate import ReadRate
from connectors.dynamodb.table import scan_units_per_second, table_of
from replicator.model.errors import PermanentError, PositionLostError, TransientError

DESCRIPTION = {
    "TableName": "orders",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


@given(st.lists(st.floats(0.5, 300.0), min_size=1, max_size=50), st.floats(1.0, 10_000.0))
def test_a_scan_keeps_to_its_allowance(pages, rate):
    """Whoever waits as told spends at most the rate, and one page."""
    allowance, now = Allowance(rate, 0.0), 0.0
    for units in pages:
        now += allowance.wait_seconds(now)
        allowance.spend(units, 10, now)
    assert sum(pages) <= rate * now + pages[-1] + 1e-6 * sum(pages)


def test_unused_allowance_is_not_hoarded():
    """After an idle hour a scan may spend one second's units at once, not an hour's."""
    allowance = Allowance(100.0, 0.0)
    allowance.spend(350.0, 10, 3600.0)
    assert allowance.wait_seconds(3600.0) == pytest.approx(2.5)


def test_a_throttle_halves_the_rate_and_pages_raise_it_again():
    """It never falls below a thirty-second, and comes back to the full rate."""
    allowance = Allowance(64.0, 0.0)
    allowance.slow_down()
    assert allowance.units_per_second == 32.0
    for _ in range(10):
        allowance.slow_down()
    assert allowance.units_per_second == 2.0
    for second in range(100):
        allowance.spend(1.0, 1, float(second))
    assert allowance.units_per_second == 64.0


def test_pages_of_a_small_table_are_small():
    """As many items as one second's units pay for; no bound where a whole page is paid for."""
    assert Allowance(256.0, 0.0).items_max() is None
    small = Allowance(10.0, 0.0)
    assert small.items_max() == 10
    small.spend(20.0, 5, 0.0)
    assert small.items_max() == 2
    assert Allowance(0.5, 0.0).items_max() == 1


@pytest.mark.parametrize(
    ("throughput", "settings", "units"),
    [
        ({"ReadCapacityUnits": 500}, {}, 100.0),
        ({"ReadCapacityUnits": 0}, {}, 8000.0),
        (None, {}, 8000.0),
        ({"ReadCapacityUnits": 500}, {"read_share": 1.0}, 500.0),
        ({"ReadCapacityUnits": 500}, {"read_units_per_second_max": 7.5}, 7.5),
    ],
)
def test_the_allowance_is_a_share_of_the_capacity(throughput, settings, units):
    """Provisioned units, the quota of an on-demand table, or a figure of the operator's."""
    table = table_of(DESCRIPTION | ({"ProvisionedThroughput": throughput} if throughput else {}))
    assert scan_units_per_second(SourceSettings(table="orders", **settings), table) == units


@pytest.mark.parametrize(
    ("operation", "code", "status", "kind"),
    [
        ("Scan", "ProvisionedThroughputExceededException", 400, TransientError),
        ("GetRecords", "LimitExceededException", 400, TransientError),
        ("GetRecords", "InternalServerError", 500, TransientError),
        ("GetRecords", "ExpiredIteratorException", 400, IteratorExpiredError),
        ("GetRecords", "TrimmedDataAccessException", 400, PositionLostError),
        ("GetShardIterator", "TrimmedDataAccessException", 400, PositionLostError),
        ("GetShardIterator", "ResourceNotFoundException", 400, PositionLostError),
        ("DescribeTable", "ResourceNotFoundException", 400, PermanentError),
        ("Scan", "AccessDeniedException", 400, PermanentError),
        ("Scan", "UnrecognizedClientException", 400, PermanentError),
        ("Scan", "ValidationException", 400, PermanentError),
    ],
)
def test_errors_are_sorted_by_what_happens_next(operation, code, status, kind):
    """Each code of the service has its class, and every error has a hint or repeats by itself."""
    error = translate(Refusal(operation, code, "words of the service", status))
    assert type(error) is kind
    assert "words of the service" in error.message
    assert error.hint or isinstance(error, TransientError)


def test_unknown_settings_are_refused():
    """A typing error in the configuration is not silently ignored, nor is a key in its text."""
    for wrong in (
        {"tabel": "x"},
        {"table": ""},
        {"table": "x", "read_share": 2},
        {"table": "x", "secret": "y"},
    ):
        with pytest.raises(ValidationError):
            SourceSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("size_bytes", "units", "hours"), [(10**9, 1000, None), (10**12, 1000, 68), (10**12, 40_000, None)]
)
def test_a_long_scan_is_worth_knowing(size_bytes, units, hours):
    """By the table's size and what a scan may read; a hint says what makes it shorter."""
    table = table_of(DESCRIPTION | {"TableSizeBytes": size_bytes})
    settings = SourceSettings(table="orders", read_units_per_second_max=units, markers=True)
    found = list(remarks_on(table, settings))
    assert [finding.message for finding in found] == (
        [f"a scan of the table's 1,000.0 GB takes about {hours} hours"] if hours else []
    )
    assert all("read_share" in finding.hint for finding in found)


def test_indexes_are_named():
    """Global ones and local ones."""
    indexes = {
        "GlobalSecondaryIndexes": [{"IndexName": "by-customer"}],
        "LocalSecondaryIndexes": [{"IndexName": "by-day"}],
    }
    settings = SourceSettings(table="orders", markers=True)
    (finding,) = remarks_on(table_of(DESCRIPTION | indexes), settings)
    assert finding.message.endswith("not copied: by-customer, by-day")


def test_a_shard_is_read_freely_until_it_throttles():
    """Then at half of what the service allows, less with each further throttle, and never not at all."""
    rate = ReadRate()
    assert (rate.calls_per_second(0.0), rate.pause_seconds(1_000_000, 0.0)) == (None, 0.0)
    rate.slow_down(10.0)
    assert rate.calls_per_second(10.0) == 2.5
    for _ in range(10):
        rate.slow_down(10.0)
    assert rate.calls_per_second(10.0) == 0.2
    assert rate.pause_seconds(0, 10.0) == 5.0


def test_a_throttled_shard_recovers_step_by_step():
    """A little faster each second, no faster than the service allows, and free after a minute."""
    rate = ReadRate()
    rate.slow_down(0.0)
    assert rate.calls_per_second(10.0) == pytest.approx(3.5)
    assert rate.calls_per_second(40.0) == 5.0
    assert rate.calls_per_second(60.0) is None
    rate.slow_down(100.0)
    assert rate.calls_per_second(100.0) == 2.5


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=40))
def test_a_throttled_shard_keeps_to_calls_and_bytes(pages):
    """Whoever pauses as told asks for at most the calls and the bytes that the service allows a second."""
    rate, now = ReadRate(), 0.0
    rate.slow_down(now)
    for size in pages:
        now += rate.pause_seconds(size, now)
        if now >= 50.0:
            return
    assert len(pages) <= 5.0 * now + 1e-6
    assert sum(pages) <= 2 * 1024 * 1024 * now + 1e-6
