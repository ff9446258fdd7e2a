"""What a call's path names. The path is taken as it was sent: dot segments are ids like others."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from localcloud.cosmos.errors import bad_request, not_found

_SEGMENTS_MAX = 6
_CACHED_MAX = 1024
_KINDS = {
    (): "account",
    ("dbs",): "dbs",
    ("dbs", "colls"): "colls",
    ("dbs", "colls", "docs"): "docs",
    ("dbs", "colls", "pkranges"): "pkranges",
    ("offers",): "offers",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A resource, or the feed of all resources of a kind.

    Attributes:
        kind: ``account``, ``dbs``, ``colls``, ``docs``, ``pkranges`` or ``offers``.
        names: ids from the outermost to the innermost.
        is_feed: whether it names all of a kind rather than one.
        link: what a signature is computed over: of the resource, or of the feed's owner.
    """

    kind: str
    names: tuple[str, ...]
    is_feed: bool
    link: str

    @property
    def signed_kind(self) -> str:
        """The resource type of a signature; the account's is empty."""
        return "" if self.kind == "account" else self.kind


@lru_cache(_CACHED_MAX)
def parse_address(raw_path: str) -> Address:
    """Return what a raw request path names.

    Raises:
        RefusedError: 404 for a path that the service does not have, 400 for bytes that are not UTF-8.
    """
    path = raw_path.partition("?")[0]
    try:
        segments = [unquote(segment, errors="strict") for segment in path.strip("/").split("/")]
    except UnicodeDecodeError:
        raise bad_request("The path is not UTF-8") from None
    if segments == [""]:
        segments = []
    kinds, names = segments[::2], segments[1::2]
    kind = _KINDS.get(tuple(kinds))
    if kind is None or len(segments) > _SEGMENTS_MAX:
        raise not_found(path)
    is_feed = len(names) < len(kinds)
    link = "/".join(segments[:-1] if is_feed else segments)
    return Address(kind, tuple(names), is_feed, link)
