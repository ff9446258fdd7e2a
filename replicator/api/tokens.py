"""Who may give commands: whoever brings the token."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from replicator.api.errors import CommandsOffError, UnauthorizedError
from replicator.api.served import ServedHere

ACTOR_CHARACTERS_MAX = 100

_bearer = HTTPBearer(
    auto_error=False, description="The token that `api.token_file` or `api.token_env` names."
)


def authorize(
    served: ServedHere,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    x_replicator_actor: Annotated[
        str | None,
        Header(
            max_length=ACTOR_CHARACTERS_MAX,
            pattern=r"^[\x20-\x7e]+$",
            description="Who gives the command, as the journal shall name them.",
        ),
    ] = None,
) -> str:
    """The name under which the journal keeps a command.

    Raises:
        CommandsOffError: the service has no token.
        UnauthorizedError: none was brought, or another one.
    """
    if served.token is None:
        raise CommandsOffError(
            "this service has no token, so it takes no commands",
            hint="Name a file or a variable with a token in api.token_file or api.token_env, and restart.",
        )
    brought = "" if credentials is None else credentials.credentials
    if not hmac.compare_digest(brought.encode(), served.token.encode()):
        raise UnauthorizedError(
            "the token is missing or wrong",
            hint="Send `Authorization: Bearer TOKEN`; the CLI takes --token-file or REPLICATOR_TOKEN.",
        )
    return f"token:{x_replicator_actor}" if x_replicator_actor else "token"


Actor = Annotated[str, Depends(authorize)]
