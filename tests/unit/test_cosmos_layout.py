"""What the settings make of documents: hierarchical places and expiries, as frozen as all of format 1."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.cosmos import connector
from connectors.cosmos.codec import decode
from connectors.cosmos.layout import Layout
from replicator.model.errors import PermanentError
from replicator.model.key import key_from_text
from replicator.model.record import record_from_json

GOLDEN = json.loads((Path(__file__).parent / "golden" / "cosmos_layouts.json").read_text(encoding="utf-8"))
NEEDED = {"endpoint": "http://127.0.0.1:1/", "database": "d", "container": "c"}


def settings(**given):
    """Sink settings with these among them."""
    return connector.sink_settings.model_validate(NEEDED | given)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_the_layouts_are_frozen(row):
    """New writes look the same, and what is stored is read back without being told of the layout."""
    layout = Layout(row["hierarchical"], row["ttl_attribute"])
    key, item = key_from_text(row["key"]), record_from_json(json.dumps(row["record"]))
    assert layout.document(item, layout.place(key), row["now"]).document == row["document"]
    assert decode(row["document"]) == (key, item)


def test_the_settings_say_the_layout():
    """One level and no expiry, unless something else is asked for."""
    assert Layout.of(settings()) == Layout(hierarchical=False, ttl_attribute=None)
    asked = settings(partition_key_paths=["/pk", "/id"], ttl_attribute="dies_at")
    assert Layout.of(asked) == Layout(hierarchical=True, ttl_attribute="dies_at")


@pytest.mark.parametrize("paths", [[], ["/id"], ["/id", "/pk"], ["/pk", "/pk"], ["/customer"], "/pk"])
def test_other_partition_keys_are_refused(paths):
    """No other levels have a stored form."""
    with pytest.raises(ValidationError):
        settings(partition_key_paths=paths)


def test_a_hash_is_taken_for_no_other_key():
    """Kept forms that do not give the place they are found at stop the reading."""
    (row,) = [row for row in GOLDEN if row["name"] == "hierarchical, hashed"]
    meta = row["document"]["replicator"] | {"k": ["h" * 1027, "r"]}
    with pytest.raises(PermanentError, match="cannot be read back"):
        decode(row["document"] | {"replicator": meta})
