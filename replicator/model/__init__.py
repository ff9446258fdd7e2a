"""The nouns of replication: keys, records, changes, batches, checkpoints, errors, time.

Everything here is plain data or a pure function. Nothing here does I/O, knows a vendor, or imports
from another room.
"""
