"""A connector to SQLite: one file holds the records of one table.

As a sink it keeps a live copy that any program can query. As a source it replicates what programs write
into such a file; a log that triggers fill is its change flow. A file is the source of one pipeline only,
because the log forgets what that pipeline has committed.

The files are those of every connector: ``config`` (settings), ``client`` (the only one that knows the
vendor's library), ``codec`` (pure: neutral form <-> rows and statements), ``errors`` (the vendor's errors
-> ours), ``source`` and ``sink``; and here ``schema`` (the tables) and ``probe`` (a look before the start).
"""

from __future__ import annotations

from replicator.connector import Connector, Context, Sink, Source

from replicator_sqlite.client import Database
from replicator_sqlite.config import SqliteSinkSettings, SqliteSourceSettings
from replicator_sqlite.sink import SqliteSink
from replicator_sqlite.source import SqliteSource


def open_source(settings: SqliteSourceSettings, context: Context) -> Source:
    """The source over a file that exists."""
    database = Database(settings.path, create=False, call_seconds_max=context.call_seconds_max)
    return SqliteSource(database, settings, context.clock)


def open_sink(settings: SqliteSinkSettings, context: Context) -> Sink:
    """The sink into a file; it is created when the sink connects."""
    database = Database(
        settings.path,
        create=True,
        call_seconds_max=context.call_seconds_max,
        row_bytes_max=settings.row_bytes_max,
    )
    return SqliteSink(database, settings)


connector = Connector(
    name="sqlite",
    source_settings=SqliteSourceSettings,
    open_source=open_source,
    sink_settings=SqliteSinkSettings,
    open_sink=open_sink,
)

__all__ = ["SqliteSinkSettings", "SqliteSourceSettings", "connector", "open_sink", "open_source"]
