"""Azure Blob Storage as a sink of objects.

Files: ``config`` (settings), ``account`` (which account, with what right), ``client`` (the only one that
speaks to the service; ``identity`` is its part), ``signing``, ``listing`` and ``checksums`` (pure),
``names`` and ``codec`` (pure: S3 key <-> blob name, object <-> headers, metadata and tags; stored forms,
frozen by golden files), ``errors`` (the service's answers -> our errors), ``upload`` and ``budget`` (bodies
-> blocks within a bound of memory), ``check`` (blobs -> checksums), ``sink`` and ``probe``.

Nothing here retries, measures or schedules; the engine does.
"""

from __future__ import annotations

from connectors.blob.client import BlobContainer
from connectors.blob.config import BlobSinkSettings
from connectors.blob.sink import BlobSink
from replicator.connector import Connector, Context, Sink


def open_sink(settings: BlobSinkSettings, context: Context) -> Sink:
    """The sink into the container that the settings name."""
    return BlobSink(BlobContainer(settings, context.call_seconds_max), settings)


connector = Connector(name="blob", sink_settings=BlobSinkSettings, open_sink=open_sink)

__all__ = ["BlobContainer", "BlobSink", "BlobSinkSettings", "connector", "open_sink"]
