"""Our entries in a bucket's notifications and in its event queue's policy: put in, and taken out. Pure.

Ours are known by their names: the Ids ``replicator.{pipeline}`` and ``replicator.{pipeline}.canaries``,
which are unique within a bucket, and two Sids of the policy. All else stays as it is, in its order.

Sources: S3 user guide, "Configuring event notifications using object key name filtering" (of two entries
for one event, the prefixes must not overlap, or the suffixes must not); "Granting permissions to publish
event notification messages to a destination" (the policy); IAM user guide, "Sid" (letters, digits).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connectors.s3.config import SourceSettings
from connectors.s3.coverage import FAMILIES, reached
from connectors.s3.errors import excluded, taken, unreadable_policy

_QUEUES = "QueueConfigurations"
_TARGETS = {
    _QUEUES: "QueueArn",
    "TopicConfigurations": "TopicArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
# Other characters of a filter have to be encoded, and it is not said which; a wider filter does no harm.
_CERTAIN = re.compile(r"[A-Za-z0-9/_.-]*")

_Document = Mapping[str, Any]


class Ours(NamedTuple):
    """Whose entries these are: a pipeline's, from its bucket to its queue."""

    pipeline: str
    settings: SourceSettings
    queue_arn: str

    @property
    def ids(self) -> tuple[str, str]:
        """The Ids of our notifications: for the keys that are replicated, and for canaries."""
        return f"replicator.{self.pipeline}", f"replicator.{self.pipeline}.canaries"

    @property
    def sids(self) -> tuple[str, str]:
        """The Sids of our statements: for S3, and for EventBridge."""
        digest = self.digest
        return f"ReplicatorEvents{digest}", f"ReplicatorEventBridge{digest}"

    @property
    def digest(self) -> str:
        """Tells our entries from those of other buckets' and pipelines, where one space holds all."""
        about = f"{self.pipeline} {self.settings.bucket}".encode()
        return hashlib.sha256(about).hexdigest()[:16]


def notified(configuration: _Document, ours: Ours) -> dict[str, Any]:
    """The notifications with ours among them; where others send all that is needed, there is none of ours.

    Raises:
        PermanentError: another entry excludes ours, or bears our name and is not ours.
    """
    bare = unnotified(configuration, ours)
    names, settings = ours.ids, ours.settings
    entries = [_entry(names[0], bare, ours, settings.prefix, FAMILIES)]
    if settings.markers and not settings.canaries_prefix.startswith(settings.prefix):
        created = {"s3:ObjectCreated:*": FAMILIES["s3:ObjectCreated:*"]}
        entries.append(_entry(names[1], bare, ours, settings.canaries_prefix, created))
    added = [entry for entry in entries if entry["Events"]]
    others = sorted({other for entry in added for other in _excluding(bare, entry)})
    if others:
        raise excluded("; ".join(others))
    return {**bare, _QUEUES: [*bare.get(_QUEUES, ()), *added]} if added else bare


def unnotified(configuration: _Document, ours: Ours) -> dict[str, Any]:
    """The notifications without ours.

    Raises:
        PermanentError: one that bears our name goes to another queue.
    """
    kept = []
    for entry in configuration.get(_QUEUES, ()):
        if entry.get("Id") not in ours.ids:
            kept.append(entry)
        elif entry.get("QueueArn") != ours.queue_arn:
            raise taken(f"notification {entry['Id']} of the bucket", entry.get("QueueArn", ""))
    bare = {name: value for name, value in configuration.items() if name != _QUEUES}
    return {**bare, _QUEUES: kept} if kept else bare


def allowed(policy: str, ours: Ours, *statements: _Document) -> dict[str, Any]:
    """The queue's policy with these statements of ours, and no others of ours.

    Raises:
        PermanentError: it is none that can be read.
    """
    bare = unallowed(policy, ours)
    if not statements:
        return bare
    bare = bare or {"Version": "2012-10-17"}
    return {**bare, "Statement": [*statements_of(bare), *statements]}


def allowed_also(policy: str, ours: Ours, *statements: _Document) -> dict[str, Any]:
    """The queue's policy with these statements of ours beside those that are there, for other Sids.

    Raises:
        PermanentError: it is none that can be read.
    """
    sids = {each["Sid"] for each in statements}
    there = [
        each
        for each in statements_of(document_of(policy))
        if each.get("Sid") in ours.sids and each["Sid"] not in sids
    ]
    return allowed(policy, ours, *there, *statements)


def unallowed(policy: str, ours: Ours) -> dict[str, Any]:
    """The queue's policy without our statements; empty where nothing else is in it.

    Raises:
        PermanentError: it is none that can be read.
    """
    document = document_of(policy)
    kept = [each for each in statements_of(document) if each.get("Sid") not in ours.sids]
    if len(kept) == len(statements_of(document)):
        return document
    return {**document, "Statement": kept} if kept else {}


def bucket_statement(ours: Ours) -> dict[str, Any]:
    """The right for S3 to send the events of this bucket."""
    partition = ours.queue_arn.split(":")[1]
    source = f"arn:{partition}:s3:::{ours.settings.bucket}"
    return _statement(ours.sids[0], "s3.amazonaws.com", ours, source)


def rule_statement(ours: Ours, rule_arn: str) -> dict[str, Any]:
    """The right for EventBridge to send what this rule lets through."""
    return _statement(ours.sids[1], "events.amazonaws.com", ours, rule_arn)


def document_of(policy: str) -> dict[str, Any]:
    """A policy as a document; empty where there is none.

    Raises:
        PermanentError: it is none that can be read.
    """
    try:
        document = json.loads(policy) if policy else {}
    except ValueError as error:
        raise unreadable_policy(str(error)) from error
    if not isinstance(document, dict) or not all(
        isinstance(each, dict) for each in statements_of(document)
    ):
        raise unreadable_policy("it is no policy")
    return document


def plain(document: _Document) -> _Document:
    """The same for documents that mean the same: services order entries, events and rules as they like."""
    return {name: _plain(name, value) for name, value in sorted(document.items()) if value != []}


def _plain(name: str, value: Any) -> Any:
    if name in ("Statement", "Targets"):
        return sorted(map(_key, value if isinstance(value, list) else [value]))
    if name not in _TARGETS:
        return value
    return sorted(
        _key({**entry, "Events": sorted(entry["Events"]), "Filter": _rules(entry)}) for entry in value
    )


def _key(entry: _Document) -> str:
    return json.dumps(entry, sort_keys=True)


def _entry(
    identity: str, bare: _Document, ours: Ours, prefix: str, wanted: Mapping[str, frozenset[str]]
) -> dict[str, Any]:
    """A notification of what does not come to the queue already for keys with this prefix."""
    there = [each for each in bare.get(_QUEUES, ()) if each.get("QueueArn") == ours.queue_arn]
    events = [
        event for family in wanted for event in _missing(family, wanted[family], reached(there, prefix))
    ]
    entry: dict[str, Any] = {"Id": identity, "QueueArn": ours.queue_arn, "Events": events}
    certain = _CERTAIN.match(prefix)
    if certain is not None and certain[0]:
        entry["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": certain[0]}]}}
    return entry


def _missing(family: str, members: frozenset[str], there: set[str]) -> list[str]:
    stem = family.removesuffix("*")
    missing = sorted(member for member in members if not {f"{stem}{member}", family} & there)
    return [family] if len(missing) == len(members) else [f"{stem}{member}" for member in missing]


def _excluding(bare: _Document, entry: _Document) -> Iterator[str]:
    """The entries of others beside which S3 would not take this one, and for which events."""
    for kind, target in _TARGETS.items():
        for other in bare.get(kind, ()):
            shared = sorted(_members(entry["Events"]) & _members(other.get("Events", ())))
            if shared and _overlap(_rules(entry), _rules(other)):
                yield f"{other.get('Id', '')} to {other.get(target)} claims {', '.join(shared)}"


def _members(events: Sequence[str]) -> set[str]:
    """Single events; a family that is none of ours stands for itself."""
    return {
        f"{event.removesuffix('*')}{member}" if member else event
        for event in events
        for member in FAMILIES.get(event, ("",))
    }


def _overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    heads = one.get("prefix", ""), other.get("prefix", "")
    tails = one.get("suffix", ""), other.get("suffix", "")
    return (heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])) and (
        tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])
    )


def _rules(entry: _Document) -> dict[str, str]:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules") or ()
    return {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}


def statements_of(document: _Document) -> list[Any]:
    """The statements of a policy, which may have one that is in no list."""
    statements = document.get("Statement", [])
    return list(statements) if isinstance(statements, list) else [statements]


def _statement(sid: str, service: str, ours: Ours, source: str) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": ours.queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
