"""What an S3 request is about: bucket, key, and the operation as the API names it."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote

__all__ = ["ObjectRequest"]

# By method, what else the query or a header must name, and whether it is about a key; the first that fits.
_OPERATIONS: dict[str, tuple[tuple[str, bool, str], ...]] = {
    "GET": (
        ("notification", False, "GetBucketNotificationConfiguration"),
        ("versions", False, "ListObjectVersions"),
        ("uploads", False, "ListMultipartUploads"),
        ("list-type", False, "ListObjectsV2"),
        ("tagging", True, "GetObjectTagging"),
        ("uploadId", True, "ListParts"),
        ("attributes", True, "GetObjectAttributes"),
        ("acl", True, "GetObjectAcl"),
        ("", True, "GetObject"),
    ),
    "HEAD": (("", True, "HeadObject"), ("", False, "HeadBucket")),
    "PUT": (
        ("notification", False, "PutBucketNotificationConfiguration"),
        ("tagging", True, "PutObjectTagging"),
        ("acl", True, "PutObjectAcl"),
        ("retention", True, "PutObjectRetention"),
        ("legal-hold", True, "PutObjectLegalHold"),
        ("partNumber", True, "UploadPart"),
        ("", True, "PutObject"),
    ),
    "POST": (
        ("delete", False, "DeleteObjects"),
        ("uploads", True, "CreateMultipartUpload"),
        ("uploadId", True, "CompleteMultipartUpload"),
    ),
    "DELETE": (
        ("tagging", True, "DeleteObjectTagging"),
        ("uploadId", True, "AbortMultipartUpload"),
        ("", True, "DeleteObject"),
        ("", False, "DeleteBucket"),
    ),
}
_PLAIN_BUCKET = {"GET": "ListObjects", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """A request in path style, which is what SDKs use at an address of numbers.

    Attributes:
        bucket: its name; empty for ListBuckets.
        key: of the object, decoded once; empty where the request is about the bucket.
        query: the parameters of the query, decoded; those without a value have an empty one.
        operation: as the API names it, such as ``PutObject``; the HTTP method where it has no name here.
    """

    bucket: str
    key: str
    query: dict[str, str]
    operation: str

    @classmethod
    def parse(cls, method: str, raw_path: str, *, copies: bool = False) -> Self:
        """Return what a request is about.

        Args:
            method: of HTTP.
            raw_path: path and query as they were sent.
            copies: whether the request names a source to copy from.
        """
        path, _, tail = raw_path.partition("?")
        bucket, _, key = path[1:].partition("/")
        query = dict(parse_qsl(tail, keep_blank_values=True)) if tail else {}
        operation = _operation(method, key, query)
        if copies:
            operation = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(
                operation, operation
            )
        return cls(unquote(bucket), unquote(key), query, operation)


def _operation(method: str, key: str, query: dict[str, str]) -> str:
    for needed, about_key, name in _OPERATIONS.get(method, ()):
        if about_key == bool(key) and (not needed or needed in query):
            return name
    return _PLAIN_BUCKET.get(method, method) if not key and set(query) <= _LISTING else method


_LISTING = frozenset({"prefix", "delimiter", "marker", "max-keys", "encoding-type", "x-id"})
