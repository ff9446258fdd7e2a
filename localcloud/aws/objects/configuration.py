"""The notification configuration of a bucket: parsed, and asked which events go where."""

from dataclasses import dataclass
from itertools import combinations
from typing import Self
from uuid import uuid4

from localcloud.aws.errors import AwsError
from localcloud.aws.objects.events import Event
from localcloud.aws.objects.markup import element, inner, text, without

__all__ = ["Configuration", "Queue", "Target"]

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_FAMILIES = frozenset(
    {
        *("ObjectCreated:*", "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy"),
        *("ObjectCreated:CompleteMultipartUpload", "ObjectRemoved:*", "ObjectRemoved:Delete"),
        *("ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:*", "LifecycleExpiration:Delete"),
        *("LifecycleExpiration:DeleteMarkerCreated", "LifecycleTransition", "ObjectTagging:*"),
        *("ObjectTagging:Put", "ObjectTagging:Delete", "ObjectAcl:Put", "ObjectRestore:*"),
        *("ObjectRestore:Post", "ObjectRestore:Completed", "ObjectRestore:Delete", "IntelligentTiering"),
        *("ReducedRedundancyLostObject", "Replication:*"),
    }
)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of SQS, by what its ARN says."""

    account: str
    region: str
    name: str

    @classmethod
    def of_arn(cls, arn: str) -> Self:
        """Return the queue that an ARN names.

        Raises:
            AwsError: it names none, or a FIFO queue, to which S3 does not send.
        """
        parts = arn.split(":")
        if parts[:3] != ["arn", "aws", "sqs"] or len(parts) != 6 or parts[5].endswith(".fifo"):
            raise AwsError("InvalidArgument", "Unable to validate the following destination configurations")
        return cls(parts[4], parts[3], parts[5])


@dataclass(frozen=True, slots=True)
class Target:
    """One queue of a configuration, and which events it gets."""

    id: str
    queue: Queue
    families: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def wants(self, event: Event) -> bool:
        """Tell whether an event goes to this queue."""
        family = event.name.partition(":")[0] + ":*"
        named = event.name in self.families or family in self.families
        return named and event.key.startswith(self.prefix) and event.key.endswith(self.suffix)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one bucket.

    Attributes:
        document: what a reader of the configuration gets.
        rest: the same without queues and EventBridge: what ministack sees to (topics, functions).
        targets: the queues.
        bridged: whether events go to EventBridge too.
    """

    document: str
    rest: str
    targets: tuple[Target, ...]
    bridged: bool

    @classmethod
    def parse(cls, document: str) -> Self:
        """Return the configuration that a body of XML is.

        Raises:
            AwsError: a queue, an event or a filter is not one.
        """
        targets = tuple(_target(queue) for queue in inner(document, "QueueConfiguration"))
        _check_overlaps(document)
        theirs = without(document, "QueueConfiguration")
        ours = "".join(_write(target) for target in targets)
        bridged = bool(inner(document, "EventBridgeConfiguration"))
        bare = inner(theirs, "NotificationConfiguration")[:1] or [""]
        whole = (
            f'<NotificationConfiguration xmlns="{_NAMESPACE}">{ours}{bare[0]}</NotificationConfiguration>'
        )
        return cls(whole, without(theirs, "EventBridgeConfiguration"), targets, bridged)


def _check_overlaps(document: str) -> None:
    """Refuse two entries of one event whose prefixes and suffixes overlap, whatever their targets."""
    entries = [
        (_members(entry), _limits(entry))
        for kind in ("Queue", "Topic", "CloudFunction")
        for entry in inner(document, f"{kind}Configuration")
    ]
    for (events, limits), (others, other) in combinations(entries, 2):
        heads, tails = (limits["prefix"], other["prefix"]), (limits["suffix"], other["suffix"])
        meet = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
        if meet and (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])) and events & others:
            raise AwsError(
                "InvalidArgument",
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if "
                "the prefixes are overlapping for the same event type.",
            )


def _members(document: str) -> frozenset[str]:
    """The single events of an entry, and the names of whole families."""
    named = {each.strip().removeprefix("s3:") for each in inner(document, "Event")}
    return frozenset(
        event for event in _FAMILIES | named if {event, event.partition(":")[0] + ":*"} & named
    )


def _limits(document: str) -> dict[str, str]:
    limits = {"prefix": "", "suffix": ""}
    for rule in inner(document, "FilterRule"):
        name = (text(rule, "Name") or "").lower()
        if name not in limits:
            raise AwsError("InvalidArgument", "filter rule name must be either prefix or suffix")
        limits[name] = text(rule, "Value") or ""
    return limits


def _target(document: str) -> Target:
    queue = Queue.of_arn(text(document, "Queue") or "")
    families = tuple(each.strip().removeprefix("s3:") for each in inner(document, "Event"))
    if unknown := sorted(set(families) - _FAMILIES):
        raise AwsError("InvalidArgument", f"The event '{unknown[0]}' is not supported for notifications")
    return Target(text(document, "Id") or str(uuid4()), queue, families, **_limits(document))


def _write(target: Target) -> str:
    queue = target.queue
    lines = [
        element("Id", target.id),
        element("Queue", f"arn:aws:sqs:{queue.region}:{queue.account}:{queue.name}"),
    ]
    lines += [element("Event", f"s3:{family}") for family in target.families]
    limits = {"Prefix": target.prefix, "Suffix": target.suffix}
    rules = [element("Name", name) + element("Value", value) for name, value in limits.items() if value]
    if rules:
        filtered = "".join(f"<FilterRule>{rule}</FilterRule>" for rule in rules)
        lines.append(f"<Filter><S3Key>{filtered}</S3Key></Filter>")
    return f"<QueueConfiguration>{''.join(lines)}</QueueConfiguration>"
