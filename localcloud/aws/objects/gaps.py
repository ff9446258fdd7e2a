"""What ministack leaves out of S3's answers, put in on the way back.

- Every object has a checksum, CRC-64/NVME where its maker chose none, and a PUT is answered with it.
- HEAD tells how many tags an object has, as GET does; an object made of parts has the tags it began with.
- An object that is written over without tags has none.
- Metadata come back in RFC 2047, or are withheld and counted.
- Lists tell when an object was changed to the second, as HEAD does.

What is left out still: HEAD and GET by part number, EntityTooSmall, checksums in lists.
"""

import re
from urllib.parse import parse_qsl, quote

from aiohttp import web
from multidict import CIMultiDict

from localcloud.aws.messages import Call
from localcloud.aws.objects.checksums import Checksums, Tap, is_declared, is_framed
from localcloud.aws.objects.markup import element, inner, text
from localcloud.aws.objects.metadata import give_back
from localcloud.aws.objects.request import ObjectRequest
from localcloud.aws.upstream import Upstream

__all__ = ["BODIES", "Gaps"]

_LISTS = frozenset({"ListObjects", "ListObjectsV2", "ListObjectVersions"})
BODIES = _LISTS | {"CreateMultipartUpload", "CompleteMultipartUpload"}
"""The operations whose reply must be at hand whole, and the request too."""

_MILLISECONDS = re.compile(rb"(<LastModified>[^<]*)\.\d+Z")
_CHECKSUM = "x-amz-checksum-"


class Gaps:
    """Changes requests and replies of S3.

    Args:
        upstream: the way to ministack.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._checksums = Checksums()
        self._tags_of_uploads: dict[str, str] = {}

    def tap(self, call: Call, request: web.BaseRequest) -> Tap | None:
        """Return what takes the checksum of a request's body, or None where that is not wanted."""
        if call.about is None or is_framed(request.headers):
            return None
        if call.about.operation == "UploadPart":
            return Tap()
        wanted = call.about.operation == "PutObject" and not is_declared(request.headers)
        return Tap() if wanted else None

    async def finish(self, call: Call, tap: Tap | None, status: int, headers: CIMultiDict[str]) -> None:
        """Change the headers of a reply."""
        about = call.about
        if about is None or status >= 300:
            return
        if about.operation in {"PutObject", "UploadPart"}:
            self._put(call, about, tap, headers)
            if about.operation == "PutObject" and not call.header("x-amz-tagging"):
                await self._drop_tags(call, about)
        elif about.operation in {"GetObject", "HeadObject"}:
            give_back(headers)
            if status == 200 and (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
                self._show(headers)
            if about.operation == "HeadObject":
                await self._count_tags(call, about, headers)
        elif about.operation == "AbortMultipartUpload":
            self._checksums.abort(about.query["uploadId"])
            self._tags_of_uploads.pop(about.query["uploadId"], None)

    async def finish_body(self, call: Call, sent: bytes, status: int, body: bytes) -> bytes:
        """Return the body of a reply to one of `BODIES`, changed."""
        if call.about is None or status >= 300:
            return body
        if call.about.operation in _LISTS:
            return _MILLISECONDS.sub(rb"\1.000Z", body)
        if call.about.operation == "CreateMultipartUpload":
            self._begin(call, body.decode())
        else:
            await self._complete(call, call.about, sent.decode(), body.decode())
        return body

    def _put(self, call: Call, about: ObjectRequest, tap: Tap | None, headers: CIMultiDict[str]) -> None:
        for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"):
            if value := call.header(_CHECKSUM + name):
                headers[_CHECKSUM + name] = value
        if tap is not None and about.operation == "UploadPart":
            self._checksums.part(about.query["uploadId"], int(about.query["partNumber"]), tap)
        elif tap is not None:
            self._checksums.know(headers.get("ETag", ""), tap)
            headers[_CHECKSUM + "crc64nvme"] = tap.text
        if about.operation == "PutObject" and any(name.lower().startswith(_CHECKSUM) for name in headers):
            headers[_CHECKSUM + "type"] = "FULL_OBJECT"

    def _show(self, headers: CIMultiDict[str]) -> None:
        known = self._checksums.of(headers.get("ETag", ""))
        if known and not any(name.lower().startswith(_CHECKSUM) for name in headers):
            headers[_CHECKSUM + "crc64nvme"] = known
            headers[_CHECKSUM + "type"] = "FULL_OBJECT"

    async def _count_tags(self, call: Call, about: ObjectRequest, headers: CIMultiDict[str]) -> None:
        version = about.query.get("versionId")
        path = _path(about) + "?tagging" + (f"&versionId={quote(version)}" if version else "")
        reply = await self._upstream.object_call("GET", path, *call.scope)
        count = len(inner(reply.body.decode(), "Tag")) if reply.status == 200 else 0
        if count:
            headers["x-amz-tagging-count"] = str(count)

    def _begin(self, call: Call, reply: str) -> None:
        upload_id = text(reply, "UploadId") or ""
        if not call.header("x-amz-checksum-algorithm"):
            self._checksums.begin(upload_id)
        if tags := call.header("x-amz-tagging"):
            self._tags_of_uploads[upload_id] = tags

    async def _complete(self, call: Call, about: ObjectRequest, sent: str, reply: str) -> None:
        upload_id = about.query["uploadId"]
        numbers = [int(number) for number in inner(sent, "PartNumber")]
        self._checksums.complete(upload_id, numbers, text(reply, "ETag") or "")
        if tags := self._tags_of_uploads.pop(upload_id, None):
            pairs = parse_qsl(tags, keep_blank_values=True)
            lines = [f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in pairs]
            document = f"<Tagging><TagSet>{''.join(lines)}</TagSet></Tagging>"
            await self._upstream.object_call(
                "PUT", _path(about) + "?tagging", *call.scope, document.encode()
            )
        else:
            await self._drop_tags(call, about)

    async def _drop_tags(self, call: Call, about: ObjectRequest) -> None:
        """Take away the tags of what was there before."""
        await self._upstream.object_call("DELETE", _path(about) + "?tagging", *call.scope)


def _path(about: ObjectRequest) -> str:
    return f"/{quote(about.bucket)}/{quote(about.key, safe='/~')}"
