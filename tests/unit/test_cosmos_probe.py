"""What the definition of a container says about its fitness as a sink."""

import pytest

from connectors.cosmos import connector, probe
from replicator.model.errors import PermanentError

HIERARCHY = {"partitionKey": {"paths": ["/pk", "/id"], "kind": "MultiHash", "version": 2}}
SOUND = {"partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}}


def require_sound(definition, **settings):
    """What connecting does with a definition."""
    needed = {"endpoint": "http://127.0.0.1:1/", "database": "d", "container": "c"}
    probe.require_sound(definition, connector.sink_settings.model_validate(needed | settings))


def test_a_sound_definition_passes():
    """Partition key /pk of version 2 and nothing else, or the hierarchical one where it is wanted."""
    require_sound(SOUND)
    require_sound(HIERARCHY, partition_key_paths=["/pk", "/id"])
    require_sound(SOUND | {"defaultTtl": -1, "uniqueKeyPolicy": {"uniqueKeys": []}})


def test_unique_keys_are_refused():
    """A refused duplicate would look like a key that is present."""
    with pytest.raises(PermanentError, match="unique keys"):
        require_sound(SOUND | {"uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/email"]}]}})


def test_every_reason_is_named_at_once():
    """An operator mends the container once, not reason by reason."""
    with pytest.raises(PermanentError, match=r"partition key is /x.*60 s.*unique keys") as caught:
        require_sound(
            {
                "partitionKey": {"paths": ["/x"]},
                "defaultTtl": 60,
                "uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/email"]}]},
            }
        )
    assert caught.value.hint


@pytest.mark.parametrize(
    ("definition", "paths"),
    [({}, ["/pk"]), (HIERARCHY, ["/pk"]), (SOUND, ["/pk", "/id"]), ({}, ["/pk", "/id"])],
)
def test_another_partition_key_is_refused(definition, paths):
    """None, or one of another number of levels than the settings say."""
    with pytest.raises(PermanentError, match="partition key"):
        require_sound(definition, partition_key_paths=paths)


def test_a_time_to_live_has_to_wait_for_the_cutover():
    """Documents that carry one would expire by themselves while DynamoDB still has their items."""
    with pytest.raises(PermanentError, match="time to live is on") as caught:
        require_sound(SOUND | {"defaultTtl": -1}, ttl_attribute="expires_at")
    assert "cutover" in caught.value.hint
    with pytest.raises(PermanentError, match="60 s") as caught:
        require_sound(SOUND | {"defaultTtl": 60}, ttl_attribute="expires_at")
    assert "-1" not in caught.value.hint
    require_sound(SOUND, ttl_attribute="expires_at")
