"""DynamoDB as a source: its table by parallel consistent scan, its changes by DynamoDB Streams.

Here belong the lineage of stream shards, their positions, the marks that prove them read, and the rate
at which a table may be read. The neutral form of an item *is* DynamoDB's own typed notation, so a record
passes through unchanged and only its key is computed. ``client`` alone knows the SDK.

What does not belong here: writing to a table, except for the markers that ``marks`` needs; deciding
whether a change applies; retrying.
"""

from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.source import open_source
from replicator.connector import Connector

connector = Connector(name="dynamodb", source_settings=SourceSettings, open_source=open_source)

__all__ = ["SourceSettings", "connector"]
