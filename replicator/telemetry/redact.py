"""No secret in a line, whatever a library put into its message."""

from __future__ import annotations

import re

from structlog.typing import EventDict, WrappedLogger

MASK = "***"

_SECRET_NAME = re.compile(
    r"token|secret|password|credential|authorization|account_?key|connection_?string", re.IGNORECASE
)

# A secret's name, a separator, and the value up to the next separator: connection strings of Azure
# (AccountKey, SharedAccessKey), shared access signatures (sig), credentials of AWS, HTTP headers.
_SECRET_TEXT = re.compile(
    r"""(?ix)
    \b( accountkey | sharedaccesskey | sig | signature | x-amz-security-token
      | aws_secret_access_key | aws_session_token | authorization | password | secret | token )
    (["']?\s*[=:]\s*["']?)
    ( (?: bearer | basic )\s+ [^\s"';,&]+ | [^\s"';,&]+ )
    """
)
_BEARER = re.compile(r"\b(bearer)\s+[\w.~+/=-]+", re.IGNORECASE)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: mask values under secret names, and secrets inside texts."""
    for key, value in event.items():
        if is_secret_name(key):
            event[key] = MASK
        elif isinstance(value, str):
            event[key] = masked(value)
    return event


def is_secret_name(name: str) -> bool:
    """True where a value of this name is to be taken for a secret."""
    return _SECRET_NAME.search(name) is not None


def masked(text: str) -> str:
    """The text without the secrets that can be told by what stands before them."""
    return _BEARER.sub(rf"\1 {MASK}", _SECRET_TEXT.sub(rf"\1\2{MASK}", text))
