"""Shared access signatures, as clients put them on ``$cbs``.

Source: azure-servicebus's ``generate_sas_token``: the signature is base64(HMAC-SHA256(key, sr + newline +
se)), with ``sr`` as it is quoted in the token and the key's text, not its decoded bytes.
"""

import hmac
import time
from base64 import b64encode
from urllib.parse import parse_qs

from localcloud.servicebus.broker.errors import unauthorized
from localcloud.servicebus.broker.namespace import path_of

__all__ = ["WELL_KNOWN_KEY", "WELL_KNOWN_KEY_NAME", "Authority", "connection_string", "covers"]

WELL_KNOWN_KEY_NAME = "RootManageSharedAccessKey"
# Not a secret: the same on every machine, and it opens nothing but this stand-in.
WELL_KNOWN_KEY = "bG9jYWxjbG91ZC1zZXJ2aWNlYnVzLWRldmVsb3BtZW50LWtleQ=="
_PREFIX = "SharedAccessSignature "


class Authority:
    """Verifies tokens against the one shared access policy, which may do everything.

    Expiry is looked at with this machine's time, never with a clock that a test moves: clients sign with
    theirs.

    Args:
        key_name: of the policy.
        key: its key, as text.
    """

    def __init__(self, key_name: str, key: str) -> None:
        self._key_name = key_name
        self._key = key.encode()

    def verify(self, token: str) -> str:
        """Return the path that a token covers, lower case; empty for the whole namespace.

        What type the client says it is does not count: azure-servicebus calls a signature ``jwt`` too.

        Raises:
            RefusedError: unauthorized; no such signature, another key, or expired.
        """
        if not token.startswith(_PREFIX):
            raise unauthorized("This token cannot be verified here; use a shared access key.")
        query = token.removeprefix(_PREFIX)
        quoted = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        signed = f"{quoted.get('sr', '')}\n{quoted.get('se', '')}".encode()
        expected = b64encode(hmac.digest(self._key, signed, "sha256")).decode()
        known = fields.get("skn") == self._key_name
        if not hmac.compare_digest(expected, fields.get("sig", "")) or not known:
            raise unauthorized("InvalidSignature: The token has an invalid signature.")
        if int(fields["se"]) <= time.time():
            raise unauthorized("ExpiredToken: The token is expired.")
        return path_of(fields["sr"]).lower()


def connection_string(endpoint: str, key_name: str = WELL_KNOWN_KEY_NAME, key: str = WELL_KNOWN_KEY) -> str:
    """Return what clients of an endpoint are made from; ``UseDevelopmentEmulator`` is plain TCP to them."""
    return (
        f"Endpoint=sb://{endpoint};SharedAccessKeyName={key_name};"
        f"SharedAccessKey={key};UseDevelopmentEmulator=true;"
    )


def covers(granted: set[str], path: str) -> bool:
    """Whether one of the paths that tokens cover is a path's own or above it."""
    lowered = path.lower()
    return any(not each or lowered == each or lowered.startswith(each + "/") for each in granted)
