"""``$cbs``: where clients put the tokens that open queues to them."""

from typing import Any

from localcloud.servicebus.broker.errors import argument_error
from localcloud.servicebus.wire.requests import Request, RequestLink

__all__ = ["TokenLink"]


class TokenLink(RequestLink):
    """Takes tokens for its connection."""

    status_name = "status-code"
    description_name = "status-description"
    # With a condition beside the status azure-servicebus would show neither.
    condition_name = None

    def answer(self, request: Request) -> tuple[int, Any]:
        """Verify a token and let the connection have what it covers."""
        if request.operation != "put-token":
            raise argument_error(f"'{request.operation}' is not known here")
        covered = self.hub.authority.verify(str(request.body))
        self.channel.connection.granted.add(covered)
        return 202, None
