"""The settings of the ``blob`` sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

MEBIBYTE = 1024 * 1024
BLOCK_BYTES_MAX = 4000 * MEBIBYTE
"""Of one block (learn.microsoft.com/azure/storage/blobs/scalability-targets)."""

BLOB_BYTES_MAX = 50_000 * BLOCK_BYTES_MAX
"""Of one blob (the same page)."""


class BlobSinkSettings(BaseModel):
    """Where the objects go, and who may write them. Credentials are never in here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        default="",
        description="URL of the account's blob service, such as https://name.blob.core.windows.net. "
        "Left out: that of the connection string.",
    )
    container: str = Field(
        pattern=r"^(\$web|[a-z0-9](-?[a-z0-9]){2,62})$",
        max_length=63,
        description="Name of the container, which is for this pipeline alone.",
    )
    account: str = Field(
        default="", description="Name of the account. Default: what the endpoint or connection string says."
    )
    credential: Literal["key", "default"] | None = Field(
        default=None,
        description="'key': an account key from key_file or key_env, or a connection string. 'default': "
        "DefaultAzureCredential. Left out: the key where one is set, else DefaultAzureCredential.",
    )
    connection_string_env: str = Field(
        default="AZURE_STORAGE_CONNECTION_STRING",
        description="Name of the environment variable that holds a connection string; it counts where "
        "endpoint is left out.",
    )
    connection_string_file: Path | None = Field(
        default=None,
        description="File that holds a connection string; it comes before connection_string_env.",
    )
    key_env: str = Field(
        default="AZURE_STORAGE_KEY",
        description="Name of the environment variable that holds the account key; it counts where endpoint "
        "is given.",
    )
    key_file: Path | None = Field(
        default=None, description="File that holds the account key; it comes before key_env."
    )
    tiers: bool = Field(
        default=True,
        description="Whether storage classes choose access tiers: STANDARD_IA and ONEZONE_IA Cool, "
        "GLACIER_IR Cold, every other the account's default. Off for premium accounts, which have none.",
    )
    blob_tags: bool = Field(
        default=True,
        description="Whether tags become blob index tags where Azure allows them. Off, or where it does "
        "not, they are kept in the blob's metadata.",
    )
    transfer_checksum: Literal["crc64", "md5"] = Field(
        default="crc64",
        description="What the service compares the bytes of each call with. A CRC-64 takes a fiftieth of "
        "the processor time of an MD5; not so in Azurite, which computes it in JavaScript.",
    )
    single_put_bytes_max: int = Field(
        default=4 * MEBIBYTE,
        ge=0,
        le=256 * MEBIBYTE,
        description="Largest object, in bytes, that is sent in one call; it is held in memory.",
    )
    block_bytes: int = Field(
        default=8 * MEBIBYTE,
        ge=64 * 1024,
        le=BLOCK_BYTES_MAX,
        description="Bytes of a block of a larger object. Objects of more than 50,000 such blocks get "
        "larger ones, and blocks larger than buffer_bytes_max are streamed instead of held.",
    )
    blocks_in_flight_max: int = Field(
        default=4, ge=1, le=64, description="Most blocks of one object that are sent at the same time."
    )
    buffer_bytes_max: int = Field(
        default=48 * MEBIBYTE,
        ge=4 * MEBIBYTE,
        description="Most bytes of bodies held in memory, of all objects together.",
    )
    connections_max: int = Field(
        default=128, ge=1, le=1024, description="Most connections to the account open at once."
    )
    page_rows: int = Field(default=1000, ge=1, le=5000, description="Most blobs in one page of a listing.")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.single_put_bytes_max > self.buffer_bytes_max:
            raise ValueError("single_put_bytes_max must not be more than buffer_bytes_max")
        if self.endpoint:
            self._require_endpoint()
        elif self.connection_string_file is None and not os.environ.get(self.connection_string_env):
            raise ValueError(
                "set endpoint, or a connection string in connection_string_file or in the variable "
                f"{self.connection_string_env}"
            )
        return self

    def _require_endpoint(self) -> None:
        if not self.endpoint.startswith(("https://", "http://")) or not urlsplit(self.endpoint).hostname:
            raise ValueError("endpoint must be an http(s) URL")
        if self.credential == "key" and self.key_file is None and not os.environ.get(self.key_env):
            raise ValueError(
                f"credential is 'key', but neither key_file nor the variable {self.key_env} is set"
            )

    def connection_string(self) -> str | None:
        """The connection string from the file or the variable named here; None where endpoint is given.

        Raises:
            OSError: the file cannot be read.
        """
        if self.endpoint:
            return None
        return _secret(self.connection_string_file, self.connection_string_env)

    def account_key(self) -> str | None:
        """The account key from the file or the variable named here; None means another credential.

        Raises:
            OSError: the file cannot be read.
        """
        return None if self.credential == "default" else _secret(self.key_file, self.key_env) or None


def _secret(file: Path | None, variable: str) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    return os.environ.get(variable, "").strip()
