"""The preflight's look at a sample: what the documents of some records would be like."""

from cosmos_account import upsert

from connectors.cosmos import CosmosSink, connector
from replicator.connector import Context, Examines, Severity
from replicator.model.change import Row


def sink(**settings):
    """A sink that is never connected."""
    needed = {"endpoint": "http://127.0.0.1:1/", "database": "d", "container": "c"}
    return CosmosSink(connector.sink_settings.model_validate(needed | settings), Context("orders"))


def rows(*keys, **attributes):
    """Records with these keys and attributes."""
    return [Row(key, upsert(*key, **attributes).record) for key in keys]


def told(found):
    """The messages, in order."""
    return [finding.message for finding in found]


def test_a_sample_says_that_it_is_one():
    """Sizes are those of the documents, average and largest, and the sink was asked for nothing."""
    assert isinstance(sink(), Examines)
    (finding,) = sink().examine(rows(("a",), v="x" * 1000) + rows(("b",), v="x" * 3000))
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("in a sample of 2 records a document has 2.0 KB, the largest 3.0 KB")
    assert "it is a sample" in finding.hint
    assert sink().examine([]) == []


def test_what_no_document_can_hold_is_told():
    """How many, which one, and why; it does not block, since each becomes a dead letter."""
    found = sink().examine(rows(("a",), v="1") + rows(("h", "b"), ("h", "c"), v="\x01" * 390_000))
    assert [finding.severity for finding in found] == [Severity.WARNING] * 2
    assert "in a sample of 3 records 2 cannot be documents" in told(found)[1]
    assert '["s:h", "s:b"]' in told(found)[1]
    assert "bytes" in told(found)[1]


def test_a_crowded_partition_key_is_told():
    """Where most of a sample shares one hash key it may outgrow a logical partition, unless it may grow."""
    crowd = rows(*(("h", str(number)) for number in range(100)), ("g", "1"), v="1")
    assert "100 have one partition key value" in told(sink().examine(crowd))[1]
    assert len(sink(partition_key_paths=["/pk", "/id"]).examine(crowd)) == 1
    assert len(sink().examine(rows(*((str(number),) for number in range(200)), v="1"))) == 1


def test_an_expiry_that_no_record_has_is_told():
    """A misspelt attribute would expire nothing, and be noticed months later."""
    found = sink(ttl_attribute="expires").examine(rows(("a",), expires_at="1"))
    assert "none has the attribute expires" in told(found)[1]
    assert len(sink(ttl_attribute="expires_at").examine(rows(("a",), expires_at="1"))) == 1
