"""What the definition of a container says about its fitness as a sink."""

import pytest

from connectors.cosmos.probe import require_sound
from replicator.model.errors import PermanentError

SOUND = {"partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}}


def test_a_sound_definition_passes():
    """Partition key /pk of version 2 and nothing else."""
    require_sound(SOUND)
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
    "definition", [{}, {"partitionKey": {"paths": ["/pk", "/sk"], "kind": "MultiHash"}}]
)
def test_another_partition_key_is_refused(definition):
    """None, or a hierarchical one."""
    with pytest.raises(PermanentError, match="partition key"):
        require_sound(definition)
