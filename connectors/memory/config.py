"""The settings of the two ends; the configuration file's section is validated with them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MemorySourceSettings(BaseModel):
    """A table of this process as a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str = Field(min_length=1, description="Name of the table; it is created on first use.")
    marks: bool = Field(default=True, description="Whether marks may be put into the change log.")
    poll_seconds: float = Field(default=0.05, gt=0, description="How often an idle shard is read.")
    page_changes_max: int = Field(default=100, ge=1, description="The most changes of one read.")
    page_rows_max: int = Field(default=100, ge=1, description="The most rows of one page of a scan.")
    pieces: int = Field(default=4, ge=1, le=1024, description="How many pieces a scan is cut into.")


class MemorySinkSettings(BaseModel):
    """A container of this process as a sink."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    container: str = Field(min_length=1, description="Name of the container; created on first use.")
    batch_changes_max: int = Field(default=100, ge=1, description="The most changes of one write.")
    page_rows_max: int = Field(default=100, ge=1, description="The most rows of one page of a scan.")
    pieces: int = Field(default=4, ge=1, le=1024, description="How many pieces a scan is cut into.")
