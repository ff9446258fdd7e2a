"""Which checksums of a body an answer of the service vouches for. Pure.

S3 gives checksums as base64 of their bytes, the most significant first; we write all of them as
hexadecimal digits. Which ones belong to the whole object: "Checking object integrity" in the user guide.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from connectors.wire.checksums import ALGORITHMS

_MD5 = re.compile(r"[0-9a-f]{32}")
_OTHER_ETAGS = ("aws:kms", "aws:kms:dsse")

FROM_HEADERS = tuple(name for name in ALGORITHMS if name != "md5")


def vouched(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums of the whole body that an answer with ``x-amz-checksum-mode: ENABLED`` gives.

    The ETag is the MD5 only of an object that was put in one part and is not encrypted with a key of the
    key service or of the customer. A composite checksum, ``base64-parts``, is not one of the whole body.
    """
    found = {}
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        for name in FROM_HEADERS:
            value = headers.get(f"x-amz-checksum-{name}", "")
            if value and "-" not in value:
                found[name] = base64.b64decode(value).hex()
    etag = headers.get("etag", "").strip('"')
    if _MD5.fullmatch(etag) and not _is_encrypted_otherwise(headers):
        found["md5"] = etag
    return found


def _is_encrypted_otherwise(headers: Mapping[str, str]) -> bool:
    return (
        headers.get("x-amz-server-side-encryption") in _OTHER_ETAGS
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )
