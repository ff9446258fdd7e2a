"""The settings of the ``servicebus`` sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ClaimCheckSettings(BaseModel):
    """Where bodies go that are too large for the queue, and who may write them; no credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    container: str = Field(
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$",
        max_length=63,
        description="Name of the container. Nothing in it is ever deleted by Replicator.",
    )
    endpoint: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="URL of the account's blob service, such as https://name.blob.core.windows.net, "
        "with DefaultAzureCredential. Left out: that of the connection string.",
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

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        named = self.connection_string_file is not None or bool(os.environ.get(self.connection_string_env))
        if not self.endpoint and not named:
            raise ValueError(
                "set endpoint, or a connection string in connection_string_file or in the variable "
                f"{self.connection_string_env}"
            )
        return self

    def connection_string(self) -> str | None:
        """The connection string from the file or variable named here; None means the default credential.

        Raises:
            OSError: the file cannot be read.
        """
        if self.endpoint:
            return None
        if self.connection_string_file is not None:
            return self.connection_string_file.read_text(encoding="utf-8").strip()
        return os.environ.get(self.connection_string_env, "").strip()


class ServiceBusSinkSettings(BaseModel):
    """Where the messages go, what that queue is like, and who may send. Credentials are never in here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: str = Field(min_length=1, max_length=260, description="Name of the queue.")
    namespace: str = Field(
        default_factory=lambda: os.environ.get("SERVICEBUS_NAMESPACE", ""),
        description="Host name of the namespace, such as name.servicebus.windows.net, where the credential "
        "is 'default'. Default: the environment variable SERVICEBUS_NAMESPACE.",
    )
    credential: Literal["connection_string", "default"] | None = Field(
        default=None,
        description="'connection_string': from connection_file or connection_env. 'default': "
        "DefaultAzureCredential. Left out: the connection string where one is set, else "
        "DefaultAzureCredential.",
    )
    connection_env: str = Field(
        default="SERVICEBUS_CONNECTION_STRING",
        description="Name of the environment variable that holds the connection string.",
    )
    connection_file: Path | None = Field(
        default=None, description="File that holds the connection string; it comes before connection_env."
    )
    sessions: bool = Field(
        default=False,
        description="Whether the queue requires sessions: it has to where the source is a FIFO queue, "
        "whose groups become sessions, and must not where it is a standard one.",
    )
    partitioned: bool = Field(
        default=False,
        description="Whether the queue is partitioned: one send then holds messages of one partition only.",
    )
    tier: Literal["standard", "premium"] = Field(
        default="standard",
        description="Tier of the namespace. A message may have 256 KB on standard and up to 100 MB on "
        "premium; what the service itself says of the queue counts.",
    )
    duplicate_detection: bool = Field(
        default=True,
        description="Whether the queue is expected to drop duplicates; without that a send that is "
        "repeated puts a message there twice.",
    )
    duplicate_window_seconds_min: float = Field(
        default=600.0,
        ge=20,
        le=7 * 86_400,
        description="Shortest window of duplicate detection that will do, in seconds: as long as the "
        "longest outage after which sends are repeated.",
    )
    senders: int = Field(
        default=4, ge=1, le=64, description="Most senders, each with a connection of its own."
    )
    management_endpoint: str = Field(
        default_factory=lambda: os.environ.get("SERVICEBUS_MANAGEMENT_ENDPOINT", ""),
        description="URL of the management API where it is not at the namespace's own address, which is so "
        "for emulators. Default: the environment variable SERVICEBUS_MANAGEMENT_ENDPOINT.",
    )
    content_type: str = Field(
        default="text/plain; charset=utf-8",
        max_length=128,
        description="Content type that the messages are given; empty gives none.",
    )
    claim_check: ClaimCheckSettings | None = Field(
        default=None,
        description="Off unless it is given: where the body of a message goes that is larger than the "
        "queue takes one. The message then says where its body is. Consumers have to look for it.",
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        named = self.connection_file is not None or bool(os.environ.get(self.connection_env))
        if self.credential == "connection_string" and not named:
            raise ValueError(
                "credential is 'connection_string', but neither connection_file nor the variable "
                f"{self.connection_env} is set"
            )
        if not self.namespace and (self.credential == "default" or not named):
            raise ValueError(
                f"set a connection string (connection_file or the variable {self.connection_env}), or the "
                "namespace, here or in SERVICEBUS_NAMESPACE"
            )
        if "/" in self.namespace:
            raise ValueError("namespace is a host name, such as name.servicebus.windows.net")
        return self

    def connection_string(self) -> str | None:
        """The connection string from the file or variable named here; None means the default credential.

        Raises:
            OSError: the file cannot be read.
        """
        if self.credential == "default":
            return None
        if self.connection_file is not None:
            return self.connection_file.read_text(encoding="utf-8").strip()
        return os.environ.get(self.connection_env, "").strip() or None
