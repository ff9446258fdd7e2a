"""Master-key authentication: HMAC-SHA256 over the verb, the resource and the date.

The format is that of "Access control in the Azure Cosmos DB SQL API" and of the SDK's ``auth.py``.
"""

import base64
import hmac
from urllib.parse import unquote

from localcloud.cosmos.address import Address
from localcloud.cosmos.errors import RefusedError

# The key that Microsoft's emulator documents for everyone; it protects nothing.
WELL_KNOWN_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class Authenticator:
    """Checks signatures.

    Args:
        key: the account's key, base64.
    """

    def __init__(self, key: str) -> None:
        # Copying a keyed state is many times cheaper than keying one for each call.
        self._keyed = hmac.new(base64.b64decode(key), digestmod="sha256")

    def verify(self, verb: str, address: Address, date: str, authorization: str) -> None:
        """Raise a 401 unless the call was signed with the account's key.

        Args:
            verb: HTTP method.
            address: what the call names.
            date: value of ``x-ms-date``.
            authorization: value of ``authorization``, percent-encoded as the SDK sends it.
        """
        # A resource id, which only offers have here, is signed in lower case.
        link = address.link.rpartition("/")[2].lower() if address.kind == "offers" else address.link
        text = f"{verb.lower()}\n{address.signed_kind}\n{link}\n{date.lower()}\n\n"
        mac = self._keyed.copy()
        mac.update(text.encode())
        expected = "type=master&ver=1.0&sig=" + base64.b64encode(mac.digest()).decode()
        if not hmac.compare_digest(expected.encode(), unquote(authorization).encode()):
            message = "The input authorization token can't serve the request"
            raise RefusedError(401, "Unauthorized", message)
