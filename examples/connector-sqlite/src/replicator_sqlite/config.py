"""The settings of the two ends; the configuration file's section is validated with them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

ROW_BYTES_MAX = 1_000_000_000
"""SQLite's own bound of a row (sqlite.org/limits.html, item 1)."""


class SqliteSourceSettings(BaseModel):
    """A file as a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="The file; it has to exist.")
    poll_seconds: float = Field(default=0.2, gt=0, description="How often an idle log is read.")
    page_changes_max: int = Field(default=500, ge=1, description="The most changes of one read.")
    page_rows_max: int = Field(default=500, ge=1, description="The most rows of one page of a scan.")


class SqliteSinkSettings(BaseModel):
    """A file as a sink."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="The file; it is created if its directory exists.")
    batch_changes_max: int = Field(default=500, ge=1, description="The most changes of one transaction.")
    page_rows_max: int = Field(default=500, ge=1, description="The most rows of one page of a scan.")
    row_bytes_max: int = Field(
        default=ROW_BYTES_MAX,
        ge=1_000_000,
        le=ROW_BYTES_MAX,
        description="Larger records are refused: each becomes a dead letter.",
    )
