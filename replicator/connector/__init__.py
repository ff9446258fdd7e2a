"""What a connector promises: the two ends of a pipeline, their optional abilities, and the registry.

A connector package offers one ``Connector`` under the entry-point group ``replicator.connectors``.
``Source`` and ``Sink`` are what every end has; every further ability is a separate protocol that the
engine looks for with ``isinstance``. Which shape of state an end holds shows in its abilities:

========  ==================================  =============================================
shape     a source has                        a sink has
========  ==================================  =============================================
items     ``Scans``, ``Reads``                ``Writes``, ``Inserts``, ``Conditions``, ``Reads``, ``Scans``
objects   ``Scans``, ``Reads``, ``Downloads``  ``Uploads``, ``Removes``, ``Reads``, ``Scans``, ``Checks``
messages  neither                             ``Writes`` alone
========  ==================================  =============================================

A connector contains no retries, no metrics and no fault handling: it translates its vendor's errors into
``replicator.model.errors`` and raises.
"""

from __future__ import annotations

from replicator.connector.abilities import (
    FETCH_KEYS_MAX,
    Amendment,
    Backlogs,
    Conditions,
    Emptiness,
    Estimates,
    Examines,
    Identified,
    Inserts,
    Installs,
    Marks,
    Notices,
    Reads,
    Retains,
    Scans,
    Trials,
)
from replicator.connector.ends import (
    Sink,
    Source,
    Start,
    Writes,
)
from replicator.connector.objects import (
    ATTEMPT_BYTES,
    CHUNK_BYTES_MAX,
    Body,
    Checks,
    Downloads,
    Removes,
    Uploads,
    block_id,
)
from replicator.connector.queues import Compares, Describes, QueueTraits
from replicator.connector.registry import (
    Connector,
    Context,
    Finding,
    Probes,
    Severity,
)
from replicator.model.change import Position, Row

__all__ = [
    "ATTEMPT_BYTES",
    "CHUNK_BYTES_MAX",
    "FETCH_KEYS_MAX",
    "Amendment",
    "Backlogs",
    "Body",
    "Checks",
    "Compares",
    "Conditions",
    "Connector",
    "Context",
    "Describes",
    "Downloads",
    "Emptiness",
    "Estimates",
    "Examines",
    "Finding",
    "Identified",
    "Inserts",
    "Installs",
    "Marks",
    "Notices",
    "Position",
    "Probes",
    "QueueTraits",
    "Reads",
    "Removes",
    "Retains",
    "Row",
    "Scans",
    "Severity",
    "Sink",
    "Source",
    "Start",
    "Trials",
    "Uploads",
    "Writes",
    "block_id",
]
