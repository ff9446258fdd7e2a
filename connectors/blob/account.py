"""Which account is meant, and with what right: read from the settings and from what they name."""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.blob.config import BlobSinkSettings
from connectors.blob.errors import refused_credential
from replicator.model.errors import PermanentError

_DEVELOPMENT = "UseDevelopmentStorage"


class Account(NamedTuple):
    """The address of a blob service, and the account key or shared access signature for it, or neither."""

    url: str
    name: str
    key: str | None = None
    sas: str | None = None


def account_of(settings: BlobSinkSettings) -> Account:
    """The account that the settings name.

    Raises:
        PermanentError: a file cannot be read, or what it or the variable holds is no credential.
    """
    try:
        text = settings.connection_string()
        key = settings.account_key()
    except OSError as error:
        raise PermanentError(
            f"the credential cannot be read: {error}", hint="check key_file and connection_string_file"
        ) from error
    found = (
        Account(settings.endpoint.rstrip("/"), _name_in(settings.endpoint), key)
        if text is None
        else _of_connection_string(text)
    )
    if settings.credential == "default":
        found = found._replace(key=None, sas=None)
    found = found._replace(name=settings.account or found.name)
    _require_usable(found)
    return found


def _require_usable(account: Account) -> None:
    if account.key is not None:
        try:
            base64.b64decode(account.key, validate=True)
        except ValueError as error:
            raise refused_credential("the account key is not base64") from error
    elif account.sas is None and account.url.startswith("http://"):
        raise refused_credential("no account key is set, and tokens are not sent over plain HTTP")


def _of_connection_string(text: str) -> Account:
    parts = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    if _DEVELOPMENT in parts:
        raise refused_credential(
            f"{_DEVELOPMENT} is not supported; write the connection string of the emulator out"
        )
    name, suffix = parts.get("AccountName", ""), parts.get("EndpointSuffix", "core.windows.net")
    url = parts.get("BlobEndpoint", "").rstrip("/")
    if not url:
        if not name:
            raise refused_credential("the connection string has neither BlobEndpoint nor AccountName")
        url = f"{parts.get('DefaultEndpointsProtocol', 'https')}://{name}.blob.{suffix}"
    sas = parts.get("SharedAccessSignature", "").lstrip("?") or None
    return Account(url, name or _name_in(url), parts.get("AccountKey"), sas)


def _name_in(url: str) -> str:
    """The account in an address: the first label of a name, else the first segment of the path."""
    found = urlsplit(url)
    path = found.path.strip("/")
    return path.split("/")[0] if path else (found.hostname or "").split(".")[0]
