"""The settings of the ``cosmos`` sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

Consistency = Literal["Strong", "BoundedStaleness", "Session", "ConsistentPrefix", "Eventual"]


class CosmosSinkSettings(BaseModel):
    """Where the documents go, and who may write them. Credentials are never in here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        default_factory=lambda: os.environ.get("COSMOS_ENDPOINT", ""),
        description="URL of the account, such as https://name.documents.azure.com:443/. "
        "Default: the environment variable COSMOS_ENDPOINT.",
    )
    database: str = Field(min_length=1, description="Name of the database.")
    container: str = Field(
        min_length=1,
        description="Name of the container: partition key as partition_key_paths says, and for this "
        "pipeline alone.",
    )
    partition_key_paths: tuple[Literal["/pk", "/id"], ...] = Field(
        default=("/pk",),
        description="Partition key of the container, which is fixed when it is created: [/pk], or the "
        "hierarchical [/pk, /id], with which one hash key may hold more than 20 GB; then every document "
        "is written by a call of its own.",
    )
    ttl_attribute: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="The attribute by which items of the source expire (its seconds since the epoch). "
        "Documents then also carry the service's ttl, which counts once the container's default time to "
        "live is set to -1, at the cutover and not before.",
    )
    credential: Literal["key", "default"] | None = Field(
        default=None,
        description="'key': an account key from key_file or key_env. 'default': DefaultAzureCredential. "
        "Left out: the key where one is set, else DefaultAzureCredential.",
    )
    key_env: str = Field(
        default="COSMOS_KEY", description="Name of the environment variable that holds the account key."
    )
    key_file: Path | None = Field(
        default=None, description="File that holds the account key; it comes before key_env."
    )
    consistency: Consistency | None = Field(
        default=None,
        description="Consistency of reads; at most the account's own. Default: the account's own.",
    )
    connections_max: int = Field(
        default=128, ge=1, le=1024, description="Most connections to the account open at once."
    )
    page_rows: int = Field(
        default=1000, ge=1, le=10_000, description="Most documents in one page of a scan."
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if not self.endpoint.startswith(("https://", "http://")) or not urlsplit(self.endpoint).hostname:
            raise ValueError("endpoint must be an http(s) URL; set it here or in COSMOS_ENDPOINT")
        if self.partition_key_paths not in {("/pk",), ("/pk", "/id")}:
            raise ValueError("partition_key_paths is [/pk] or [/pk, /id]")
        if self.credential == "key" and self.key_file is None and not os.environ.get(self.key_env):
            raise ValueError(
                f"credential is 'key', but neither key_file nor the variable {self.key_env} is set"
            )
        return self

    def account_key(self) -> str | None:
        """The account key from the file or the variable named here; None means the default credential.

        Raises:
            OSError: the file cannot be read.
        """
        if self.credential == "default":
            return None
        if self.key_file is not None:
            return self.key_file.read_text(encoding="utf-8").strip()
        return os.environ.get(self.key_env, "").strip() or None
