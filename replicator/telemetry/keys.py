"""Every key that a log line may have, and what its value is.

A line is ``log.info("checkpoint.saved", pipeline=..., partitions=...)``: a constant event name,
``noun.verb_past``, and values under these keys. A test reads the source and refuses any other.
Values are never the content of a record, and never a secret.
"""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, str] = {
    # Where it happened.
    "pipeline": "name of the pipeline",
    "connector": "name of the connector",
    "side": "source, sink or state",
    "partition": "name of the partition",
    "piece": "name of the piece of a backfill or verification",
    "stage": "the stage of the work, such as a phase of the backfill",
    "op": "the operation, such as apply or insert",
    "run": "number of the backfill run",
    "epoch": "number of the claim of the pipeline",
    # What went wrong, and what is done about it.
    "error": "the message of the error",
    "error_code": "its code, the name of its runbook page",
    "hint": "what an operator can do",
    "reason": "one word for why something waits or is refused",
    "attempt": "how many times it was tried",
    "retry_seconds": "wait before the next attempt, in seconds",
    "suppressed": "how many lines like this one were left out before it",
    # How much, how long, how far.
    "changes": "number of changes",
    "rows": "number of rows",
    "rows_estimated": "the source's own estimate of its rows",
    "rows_per_second": "rate of the backfill",
    "eta_seconds": "time until the backfill has copied all rows at this rate, in seconds",
    "keys": "number of keys",
    "mismatches": "number of mismatches",
    "partitions": "number of partitions",
    "dead_letters": "number of dead letters",
    "seconds": "how long it took, in seconds",
    "lag_seconds": "replication lag, in seconds",
    "state": "the state that was entered",
    # The service itself.
    "address": "host and port that is listened on",
    "path": "a file of the service's",
    "version": "version of the service",
    "actor": "who gave a command",
    "action": "what the command does",
    "signal": "name of the signal received",
    "library": "name of the library's logger whose message is passed on",
    "message": "the text of a library's message",
}
