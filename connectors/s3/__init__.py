"""S3 as a source: a bucket's objects by listing and reading, its changes by the events of its queue.

An event says no more than that a key is dirty, so nothing here depends on order, delay or repetition of
events (design 4.3). Here belong the queue that they come through, the canaries that prove it read, the
key ranges by which a bucket is listed, and the reading of objects with everything that they carry.
``client``, ``wire`` and ``objects`` alone know the SDK and the protocol.

What does not belong here: writing to a bucket, except for the canaries; deciding whether a copy is due;
retrying, but for a body whose connection broke in the middle.
"""

from connectors.s3.config import SourceSettings
from connectors.s3.source import open_source
from replicator.connector import Connector

connector = Connector(name="s3", source_settings=SourceSettings, open_source=open_source)

__all__ = ["SourceSettings", "connector"]
