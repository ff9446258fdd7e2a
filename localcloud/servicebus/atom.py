"""What the management API says of a queue: an ATOM entry, as administration clients read it.

Only reading a queue is here, since queues are set up over the control path. The real service speaks it at
the namespace's own address over HTTPS; the stand-in over HTTP on the control path's port.
Source: azure-servicebus's ``management`` models.
"""

from xml.etree import ElementTree as ET

from localcloud.servicebus.broker.settings import QueueSettings, Tier, message_bytes_max

__all__ = ["queue_entry"]

_ATOM = "http://www.w3.org/2005/Atom"
_SERVICE = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
_FOREVER = "P10675199DT2H48M5.4775807S"
_WINDOW_SECONDS_DEFAULT = 600
_TRUTH = {False: "false", True: "true"}


def queue_entry(name: str, settings: QueueSettings, tier: Tier, size_bytes: int) -> bytes:
    """Return the entry of a queue that holds so many bytes."""
    entry = ET.Element(f"{{{_ATOM}}}entry")
    ET.SubElement(entry, f"{{{_ATOM}}}title", type="text").text = name
    content = ET.SubElement(entry, f"{{{_ATOM}}}content", type="application/xml")
    description = ET.SubElement(content, f"{{{_SERVICE}}}QueueDescription")
    for key, value in _fields(settings, tier, size_bytes).items():
        ET.SubElement(description, f"{{{_SERVICE}}}{key}").text = str(value)
    return bytes(ET.tostring(entry, encoding="utf-8", xml_declaration=True))


def _fields(settings: QueueSettings, tier: Tier, size_bytes: int) -> dict[str, str | int]:
    window = settings.duplicate_detection_seconds
    return {
        "LockDuration": _span(settings.lock_seconds),
        "MaxSizeInMegabytes": max(settings.size_bytes_max >> 20, 1),
        "RequiresDuplicateDetection": _TRUTH[window is not None],
        "RequiresSession": _TRUTH[settings.requires_session],
        "DefaultMessageTimeToLive": _span(settings.default_ttl_seconds),
        "DeadLetteringOnMessageExpiration": _TRUTH[settings.dead_letter_on_expiration],
        "DuplicateDetectionHistoryTimeWindow": _span(window or _WINDOW_SECONDS_DEFAULT),
        "MaxDeliveryCount": settings.max_delivery_count,
        "EnableBatchedOperations": "true",
        "SizeInBytes": size_bytes,
        "Status": settings.status,
        "EnablePartitioning": "false",
        "EnableExpress": "false",
        "MaxMessageSizeInKilobytes": message_bytes_max(settings, tier) >> 10,
    }


def _span(seconds: float | None) -> str:
    return _FOREVER if seconds is None else f"PT{seconds:.3f}S"
