"""A proxy on loopback before Azurite's blob port, which adds what that lacks: throttling, errors, resets.

Everything passes through as it comes, signatures too, for these do not cover the host. Tests run it in
their own process, on a free port (`StorageServer`), and put rules in force there or over `/_local/…`
(`StorageControl`). What does not belong here: storing blobs, and the queue and table ports.
"""

from localcloud.storage.faults import Fault
from localcloud.storage.remote import StorageControl
from localcloud.storage.server import StorageServer

__all__ = ["Fault", "StorageControl", "StorageServer"]
