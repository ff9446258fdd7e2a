"""The preflight of the Blob Storage sink finds what would lose, refuse or surprise."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContainerSasPermissions, PublicAccess, generate_container_sas
from blob_account import Body, container

from replicator.connector import Severity
from replicator.model.errors import PermanentError


@pytest.fixture
async def account(storage, monkeypatch):
    """An empty container."""
    async with container(storage, monkeypatch) as opened:
        yield opened


@pytest.fixture
async def front(account):
    """A front before the service of ``account``."""
    return await account.front()


async def test_a_sound_container_has_no_findings(account):
    """Nothing to say, nothing written, and the probe's own attempts leave no trace."""
    sink = account.sink()
    assert list(await sink.probe()) == []
    assert await sink.is_empty()


@pytest.mark.parametrize(("operation", "said"), [("put", "written"), ("delete", "deleted")])
async def test_a_missing_right_is_an_error(account, front, operation, said):
    """Rights are tried by writes whose condition cannot hold, so nothing is changed by them."""
    front.add(operation, status=403, code="AuthorizationPermissionMismatch")
    (finding,) = await account.sink().probe()
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (Severity.ERROR, True, True)


async def test_tags_that_may_not_be_written_are_a_warning(account, front):
    """Objects without tags can be copied all the same, and a setting keeps tags in the metadata."""
    sink = account.sink()
    front.add("put", kind="hold").release.set()
    front.add("put", status=403, code="AuthorizationPermissionMismatch")
    (finding,) = await sink.probe()
    assert (finding.severity, "tagged" in finding.message, "blob_tags" in finding.hint) == (
        Severity.WARNING,
        True,
        True,
    )
    assert list(await account.sink(blob_tags=False).probe()) == []


async def test_a_shared_access_signature_will_do(account, monkeypatch):
    """A container's signature with the rights that are used is enough to copy; its lack is found."""
    parts = dict(part.split("=", 1) for part in account.connection_string.split(";"))

    def signature(**rights):
        return generate_container_sas(
            parts["AccountName"],
            account.name,
            parts["AccountKey"],
            permission=ContainerSasPermissions(**rights),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )

    def use(text):
        monkeypatch.setenv("SIGNED", f"BlobEndpoint={parts['BlobEndpoint']};SharedAccessSignature={text}")
        return account.sink(connection_string_env="SIGNED")

    all_rights = {"read": True, "list": True, "write": True, "create": True, "delete": True, "tag": True}
    sink = use(signature(**all_rights))
    assert [finding for finding in await sink.probe() if finding.severity is Severity.ERROR] == []
    assert await sink.upload(("a//b%2F.",), Body(b"1", tags={"t": "1"}), None)
    assert [row.key for row in (await sink.scan("blobs", None)).rows] == [("a//b%2F.",)]
    findings = await use(signature(read=True, list=True)).probe()
    assert findings
    assert all(finding.severity is Severity.ERROR for finding in findings)


@pytest.mark.parametrize(
    ("operation", "headers", "severity", "said"),
    [
        ("account", {"x-ms-is-hns-enabled": "true"}, Severity.ERROR, "hierarchical namespace"),
        ("account", {"x-ms-account-kind": "BlockBlobStorage"}, Severity.WARNING, "BlockBlobStorage"),
        ("container", {"x-ms-has-immutability-policy": "true"}, Severity.ERROR, "immutability policy"),
        ("container", {"x-ms-has-legal-hold": "true"}, Severity.ERROR, "legal hold"),
    ],
)
async def test_what_the_account_says_of_itself_is_told(account, front, operation, headers, severity, said):
    """Each property that would lose, refuse or surprise is a finding with a hint."""
    front.add(operation, status=200, headers=headers)
    (finding,) = await account.sink().probe()
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (severity, True, True)


async def test_a_hierarchical_namespace_is_refused(account, front):
    """Where names are paths of directories, objects would be lost; connecting says so."""
    front.add("account", status=200, headers={"x-ms-is-hns-enabled": "true"})
    with pytest.raises(PermanentError, match="hierarchical") as caught:
        await account.sink().connect()
    assert caught.value.hint


async def test_an_identity_that_may_not_look_at_the_account_can_copy(account, front):
    """What cannot be asked is not held against it."""
    front.add("account", status=403, code="AuthorizationPermissionMismatch", count=2)
    front.add("service", status=403, code="AuthorizationPermissionMismatch")
    sink = account.sink()
    await sink.connect()
    assert list(await sink.probe()) == []


async def test_soft_delete_is_a_warning(account, front):
    """What is replaced is kept and paid for; the days are told."""
    policy = "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>"
    front.add("service", status=200, text=f"<StorageServiceProperties>{policy}</StorageServiceProperties>")
    (finding,) = await account.sink().probe()
    assert (finding.severity, "7 days" in finding.message) == (Severity.WARNING, True)


async def test_public_access_is_a_warning(account):
    """A container that everybody can read is worth knowing about."""
    await account.sdk.set_container_access_policy({}, public_access=PublicAccess.BLOB)
    (finding,) = await account.sink().probe()
    assert (finding.severity, "everybody" in finding.message) == (Severity.WARNING, True)


async def test_problems_are_findings_not_errors(account):
    """A missing container is told as a finding with a hint."""
    (finding,) = await account.sink(container="none-such").probe()
    assert (finding.severity, "not there" in finding.message, bool(finding.hint)) == (
        Severity.ERROR,
        True,
        True,
    )


async def test_blobs_of_others_are_counted(account):
    """They would be removed as copies of nothing, which is said with their number; copies are no matter."""
    sink = account.sink()
    await sink.connect()
    assert await sink.upload(("ours.",), Body(b"1"), None)
    assert list(await sink.probe()) == []
    for name in ("theirs", "a/b"):
        await account.sdk.upload_blob(name, b"2")
    (finding,) = await sink.probe()
    assert (finding.severity, "REMOVED" in finding.hint) == (Severity.WARNING, True)
    assert "holds 2 blobs that Replicator did not put there, such as 'a/b' (of all 3)" in finding.message
