"""Which queue a URL names, so that two pipelines are not given one. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_OLDER_HOST = re.compile(r"^([a-z0-9-]+)\.queue\.amazonaws\.com$")


def place_of(url: str, endpoint_url: str | None) -> tuple[str, str]:
    """Where the queue's service is, and the queue's account and name.

    The older names of the service's hosts, such as ``eu-west-1.queue.amazonaws.com``, are known.
    """
    parts = urlsplit(url)
    host = _OLDER_HOST.sub(r"sqs.\1.amazonaws.com", parts.netloc.lower())
    return endpoint_url or host, parts.path.strip("/")
