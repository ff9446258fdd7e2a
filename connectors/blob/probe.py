"""The preflight: what of the account and the container would stop, slow or surprise a migration."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from connectors.blob import errors, listing
from connectors.blob.client import BlobContainer
from connectors.blob.codec import decode_listed
from connectors.blob.errors import RefusedError, translate
from replicator.connector import Finding, Severity
from replicator.model.errors import PermanentError, ReplicatorError, TransientError

T = TypeVar("T")

_NO_BLOB = "~Hprobe"  # no key has this name
_NO_ETAG = '"0x0"'
_LOOKED_AT_MAX = 10_000
_PAGE_ROWS = 1000


async def require_sound(container: BlobContainer) -> None:
    """Refuse a container that is not there, or whose account makes directories of names.

    Raises:
        TransientError, PermanentError: as named.
    """
    try:
        await container.page(
            None, 1
        )  # which a shared access signature may do, unlike looking at a container
        account = await _if_allowed(container.account(), {})
    except RefusedError as error:
        raise translate(error.refusal) from error
    for finding in _of_account(account):
        if finding.severity is Severity.ERROR:
            raise PermanentError(finding.message, hint=finding.hint)


async def probe(container: BlobContainer, *, blob_tags: bool) -> Sequence[Finding]:
    """Look at the account, the container and the rights; nothing is written.

    Whether writing is allowed is found out by writes on condition of an ETag that no blob has: the service
    looks at rights first, and then refuses them for the condition.
    """
    try:
        await container.open()
        await container.page(None, 1)
        properties = await _if_allowed(container.properties(), {})
        account = await _if_allowed(container.account(), {})
        service = await _if_allowed(container.service(), b"<StorageServiceProperties/>")
        rights = await _of_rights(container, blob_tags=blob_tags)
        strangers = await _of_strangers(container)
    except RefusedError as error:
        return [_finding_of(translate(error.refusal))]
    except ReplicatorError as error:
        return [_finding_of(error)]
    return [*_of_account(account), *_of_container(properties), *_of_service(service), *rights, *strangers]


async def _of_strangers(container: BlobContainer) -> list[Finding]:
    """Blobs that are no copies: a list of both sides takes them for copies of objects that are gone."""
    seen, strangers, cursor = 0, list[str](), None
    while seen < _LOOKED_AT_MAX:
        listed, cursor = await container.page(cursor, _PAGE_ROWS)
        seen += len(listed)
        strangers += [each.blob.name for each in listed if not decode_listed(each.blob)[1].version]
        if cursor is None:
            break
    if not strangers:
        return []
    extent = f"all {seen}" if cursor is None else f"the first {seen}, a sample"
    return [
        Finding(
            Severity.WARNING,
            f"the container holds {len(strangers)} blobs that Replicator did not put there, such as "
            f"{strangers[0]!r} (of {extent})",
            "they are REMOVED when both sides are compared, unless the bucket has objects of these names, "
            "which then replace them: use an empty container, or move them away first",
        )
    ]


async def _if_allowed(call: Awaitable[T], otherwise: T) -> T:
    """What the call answers, or that, where who may write blobs may not look at what is around them."""
    try:
        return await call
    except RefusedError as error:
        if error.refusal.status in {401, 403}:
            return otherwise
        raise


async def _of_rights(container: BlobContainer, *, blob_tags: bool) -> list[Finding]:
    writing = await _try(container.put(_NO_BLOB, [b""], {"if-match": _NO_ETAG}))
    deleting = await _try(container.delete(_NO_BLOB, _NO_ETAG))
    found = [
        Finding(Severity.ERROR, f"blobs cannot be {what}: {error.message}", error.hint)
        for what, error in (("written", writing), ("deleted", deleting))
        if error is not None
    ]
    if blob_tags and not found:
        tagging = await _try(container.put(_NO_BLOB, [b""], {"if-match": _NO_ETAG, "x-ms-tags": "a=b"}))
        if tagging is not None:
            found.append(
                Finding(
                    Severity.WARNING,
                    f"blobs cannot be tagged: {tagging.message}",
                    "give the identity the right to write tags, or set blob_tags to false: tags are then "
                    "kept in the metadata; objects without tags are not concerned",
                )
            )
    return found


async def _try(call: Awaitable[None]) -> ReplicatorError | None:
    """Make a write whose condition cannot hold; what is wrong with it, or None where only that is."""
    try:
        await call
    except RefusedError as error:
        if errors.is_unmet(error.refusal):
            return None
        refused = translate(error.refusal)
        if isinstance(refused, TransientError):
            raise refused from error
        return refused
    return None


def _of_account(account: Mapping[str, str]) -> list[Finding]:
    found = []
    if account.get("x-ms-is-hns-enabled", "").lower() == "true":
        found.append(
            Finding(
                Severity.ERROR,
                "the account has a hierarchical namespace, in which names are paths of directories: a/ "
                "and a, or a//b and a/b, are no two objects there, and blobs have no tags",
                "use an account without a hierarchical namespace; it is fixed when the account is created",
            )
        )
    kind = account.get("x-ms-account-kind", "")
    if kind and kind not in {"StorageV2", "Storage", "BlobStorage"}:
        found.append(
            Finding(
                Severity.WARNING,
                f"the account is of the kind {kind}, which knows neither access tiers nor tags",
                "set tiers and blob_tags to false, or use an account of the kind StorageV2",
            )
        )
    return found


def _of_container(properties: Mapping[str, str]) -> list[Finding]:
    found = []
    for header, what in (
        ("x-ms-has-immutability-policy", "an immutability policy"),
        ("x-ms-has-legal-hold", "a legal hold"),
    ):
        if properties.get(header, "").lower() == "true":
            found.append(
                Finding(
                    Severity.ERROR,
                    f"the container has {what}: blobs could be made there, and never replaced or deleted",
                    "take it off for the time of the migration, or use another container",
                )
            )
    if properties.get("x-ms-blob-public-access"):
        found.append(
            Finding(
                Severity.WARNING,
                "the container can be read by everybody",
                "switch public access off unless that is meant",
            )
        )
    return found


def _of_service(service: bytes) -> list[Finding]:
    if listing.setting_in(service, "DeleteRetentionPolicy/Enabled") != "true":
        return []
    days = listing.setting_in(service, "DeleteRetentionPolicy/Days")
    return [
        Finding(
            Severity.WARNING,
            f"soft delete is on: what is replaced or deleted is kept, and paid for, for {days} days",
            "count with it, or switch it off for the time of the migration",
        )
    ]


def _finding_of(error: ReplicatorError) -> Finding:
    passing = isinstance(error, TransientError)
    return Finding(Severity.ERROR, error.message, error.hint, passing=passing)
