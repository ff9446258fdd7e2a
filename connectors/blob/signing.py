"""Shared Key signatures. Pure.

The rules are those of learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key; the order of
headers, which that page calls lexicographic, is the service's own: hyphens do not count, and an underscore
comes before digits (azure-storage-blob 12.31, ``_shared/authentication.py``; a test compares signatures).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class SharedKey:
    """Signs the requests to one account with its key, which is base64."""

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        self._hmac = hmac.new(base64.b64decode(key, validate=True), digestmod=hashlib.sha256)

    def authorization(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> str:
        """The ``Authorization`` header of a request.

        ``path`` is as it is sent, percent-encoded; ``query`` and ``headers`` are plain, the headers' names
        in lower case.
        """
        lines = [method]
        lines += [headers.get(name, "") for name in _SIGNED]
        if lines[3] == "0":
            lines[3] = ""
        ours = sorted((name for name in headers if name.startswith("x-ms-")), key=_rank)
        lines += [f"{name}:{headers[name]}" for name in ours]
        lines.append(f"/{self._account}{path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        signature = self._hmac.copy()
        signature.update("\n".join(lines).encode())
        return f"SharedKey {self._account}:{base64.b64encode(signature.digest()).decode()}"


def _rank(name: str) -> str:
    return name.replace("-", "").replace("_", "!")
