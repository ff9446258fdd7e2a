"""The settings of the two ends; the configuration file's section is validated with them.

An end is of one shape of state, and which one is said by the thing it names: a table, a bucket or a queue
as a source; a container, a storage or a bus as a sink.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MIB = 1024 * 1024
SOURCES = ("table", "bucket", "queue")
SINKS = ("container", "storage", "bus")


def _one_of(names: tuple[str, ...]) -> ConfigDict:
    """Models of frozen settings, whose schema wants exactly one of these."""
    choice: dict[str, Any] = {"oneOf": [{"required": [name]} for name in names]}
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra=choice)


def _check_one(settings: BaseModel, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(settings, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise ValueError(f"exactly one of {', '.join(names)} is needed, and there is {found}")


class MemorySourceSettings(BaseModel):
    """A table, a bucket or a queue of this process as a source: exactly one of the three."""

    model_config = _one_of(SOURCES)

    table: str | None = Field(
        default=None, min_length=1, description="Name of the table; it is created on first use."
    )
    bucket: str | None = Field(
        default=None, min_length=1, description="Name of the bucket; created on first use, with its events."
    )
    queue: str | None = Field(
        default=None, min_length=1, description="Name of the queue; it is created on first use."
    )
    fifo: bool = Field(default=False, description="Whether a queue is created with groups that keep order.")
    marks: bool = Field(default=True, description="Whether marks may be put into the change flow.")
    poll_seconds: float = Field(default=0.05, gt=0, description="How often an idle source is read.")
    page_changes_max: int = Field(default=100, ge=1, description="The most changes of one read.")
    page_rows_max: int = Field(default=100, ge=1, description="The most rows of one page of a scan.")
    pieces: int = Field(default=4, ge=1, le=1024, description="How many pieces a scan is cut into.")
    replaced: Literal["kept", "changed"] = Field(
        default="kept",
        description="What a body does whose object is replaced as it is read: go on, or stop as `changed`.",
    )

    @model_validator(mode="after")
    def _has_one_shape(self) -> MemorySourceSettings:
        _check_one(self, SOURCES)
        return self


class MemorySinkSettings(BaseModel):
    """A container of rows, a storage of objects or a bus of this process as a sink: exactly one of them."""

    model_config = _one_of(SINKS)

    container: str | None = Field(
        default=None, min_length=1, description="Name of the container; created on first use."
    )
    storage: str | None = Field(
        default=None, min_length=1, description="Name of the store of objects; created on first use."
    )
    bus: str | None = Field(
        default=None, min_length=1, description="Name of the bus; created on first use."
    )
    sessions: bool = Field(default=False, description="Whether a bus is created that wants sessions.")
    batch_changes_max: int = Field(default=100, ge=1, description="The most changes of one write.")
    block_bytes: int = Field(default=4 * MIB, ge=1, description="Bytes of a body that one block holds.")
    page_rows_max: int = Field(default=100, ge=1, description="The most rows of one page of a scan.")
    pieces: int = Field(default=4, ge=1, le=1024, description="How many pieces a scan is cut into.")

    @model_validator(mode="after")
    def _has_one_shape(self) -> MemorySinkSettings:
        _check_one(self, SINKS)
        return self
