"""The configuration: what can be set, how it is read, and what is said when it cannot work.

``settings`` and ``limits`` are the tree, to be read as documentation; ``load`` reads a file into it.
Everything wrong is found before anything starts, all at once, each with its place. Secrets are never
in the file: it names files or environment variables that hold them. Nothing here opens a connection.
"""

from replicator.config.connectors import installed
from replicator.config.limits import Limits
from replicator.config.load import load
from replicator.config.settings import Settings

__all__ = ["Limits", "Settings", "installed", "load"]
