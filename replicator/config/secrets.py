"""Secrets: only ever named in the configuration, and read from a file or an environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from replicator.model.errors import ConfigError


def read_secret(file: Path | None, variable: str | None, environ: Mapping[str, str]) -> str | None:
    """The secret that is named, without white space around it; None where none is named.

    Raises:
        ConfigError: what is named does not exist, cannot be read, or is empty.
    """
    if file is not None:
        return _from_file(file)
    if variable is None:
        return None
    secret = environ.get(variable, "").strip()
    if not secret:
        raise ConfigError(
            [f"the environment variable {variable} is not set"], hint="Set it, and not empty."
        )
    return secret


def _from_file(file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            [f"the file {file} cannot be read: {reason}"], hint="Make it readable by the service's user."
        ) from error
    if not secret:
        raise ConfigError([f"the file {file} is empty"], hint="Write the secret into it.")
    return secret
